//! The server's thread: it starts, and stops with the value that stands for it.

use std::io;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// A thread with an event loop of its own; dropping it stops it, closes what it serves and waits
/// for it.
#[derive(Debug)]
pub struct Thread {
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts the thread. `begin` runs inside of its event loop and spawns local tasks, which are
    /// dropped at the end, after the value that it returns.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or event loop, and when `begin` fails.
    pub fn start<G: 'static>(
        name: &str,
        begin: impl FnOnce() -> io::Result<G> + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (started, starts) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(begin, &started, stopped))?;
        let this = Self {
            stop: Some(stop),
            thread: Some(thread),
        };
        starts.recv().map_err(io::Error::other)??;
        Ok(this)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

/// The life of the thread.
fn serve<G>(
    begin: impl FnOnce() -> io::Result<G>,
    started: &mpsc::Sender<io::Result<()>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(error))),
    };
    let tasks = LocalSet::new();
    let guard = tasks.block_on(&runtime, async {
        let guard = match begin() {
            Ok(guard) => guard,
            Err(error) => {
                let _ = started.send(Err(error));
                return None;
            }
        };
        // Nobody waits when the value was dropped meanwhile; then `stopped` ends at once as well.
        let _ = started.send(Ok(()));
        let _ = stopped.await;
        Some(guard)
    });
    drop(guard);
}

/// A listener for the event loop that this is called in.
pub fn listener(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
