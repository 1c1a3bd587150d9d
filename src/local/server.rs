//! The server's thread: it starts, listens and stops with the value that stands for it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::accept::accept_each;
use super::broker::Broker;
use super::error::LocalError;
use super::front_door::FrontDoor;
use super::runtime_api::RuntimeApi;
use super::terminal::Terminal;

/// A running local Lambda; dropping it stops it.
///
/// [`run`](crate::run) starts one by itself when the program does not run on AWS, so most programs
/// never name it. Start one by hand to put a program of your own, or one in another language, behind it:
/// set `AWS_LAMBDA_RUNTIME_API` of that program to [`runtime_api`](Self::runtime_api).
///
/// It lives on a thread of its own, so that a handler which blocks does not stop it from accepting.
/// Dropping closes both listeners and every connection and waits for the thread.
///
/// # Example
///
/// ```
/// use lambda_stream::local::Server;
///
/// # fn main() -> Result<(), lambda_stream::local::LocalError> {
/// let server = Server::start("127.0.0.1:0")?;
/// println!("clients:  http://{}", server.address());
/// println!("program:  AWS_LAMBDA_RUNTIME_API={}", server.runtime_api());
/// # Ok(())
/// # }
/// ```
pub struct Server {
    address: SocketAddr,
    runtime_api: SocketAddr,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` (`host:port`, port 0 takes any free one) and on a second, free port of
    /// `127.0.0.1` for the Runtime API. Both accept connections when this returns.
    ///
    /// # Errors
    ///
    /// When the address is malformed, taken or not one of this machine; the text says what to do.
    pub fn start(address: &str) -> Result<Self, LocalError> {
        Self::start_with(address, Terminal::quiet)
    }

    /// The same, with a line on stderr for each finished invocation.
    pub(crate) fn start_on_terminal(address: &str) -> Result<Self, LocalError> {
        Self::start_with(address, Terminal::stderr)
    }

    fn start_with(address: &str, terminal: fn() -> Terminal) -> Result<Self, LocalError> {
        let front_door = bind(address)?;
        let runtime_api = TcpListener::bind("127.0.0.1:0")
            .map_err(|error| LocalError::system("listen on a free port", &error))?;
        let system = |error| LocalError::system("start its event loop", &error);
        let addresses = (
            front_door.local_addr().map_err(system)?,
            runtime_api.local_addr().map_err(system)?,
        );
        let (stop, stopped) = oneshot::channel();
        let (started, starts) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("local-lambda".to_owned())
            .spawn(move || serve(front_door, runtime_api, terminal(), &started, stopped))
            .map_err(|error| LocalError::system("start its thread", &error))?;
        let server = Self {
            address: addresses.0,
            runtime_api: addresses.1,
            stop: Some(stop),
            thread: Some(thread),
        };
        match starts.recv() {
            Ok(started) => started.map_err(system)?,
            Err(gone) => return Err(system(io::Error::other(gone))),
        }
        Ok(server)
    }

    /// Where clients are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `AWS_LAMBDA_RUNTIME_API` has to be for the program that answers.
    pub fn runtime_api(&self) -> SocketAddr {
        self.runtime_api
    }

    /// What a developer needs to know once the server listens.
    pub(crate) fn banner(&self) -> String {
        super::terminal::banner(self.address)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("runtime_api", &self.runtime_api)
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

fn bind(address: &str) -> Result<TcpListener, LocalError> {
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .ok_or_else(|| LocalError::malformed(address))?;
    let addresses: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| LocalError::unknown_host(address, &error))?
        .collect();
    TcpListener::bind(&addresses[..]).map_err(|error| LocalError::refused(address, port, &error))
}

/// The life of the thread.
fn serve(
    front_door: TcpListener,
    runtime_api: TcpListener,
    terminal: Terminal,
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
    let broker = Rc::new(Broker::default());
    tasks.block_on(&runtime, async {
        let listeners = listener(front_door).and_then(|door| Ok((door, listener(runtime_api)?)));
        let (front_door, runtime_api) = match listeners {
            Ok(listeners) => listeners,
            Err(error) => return drop(started.send(Err(error))),
        };
        let door = Rc::new(FrontDoor::new(Rc::clone(&broker), terminal.clone()));
        let api = Rc::new(RuntimeApi::new(broker, terminal.clone()));
        tokio::task::spawn_local(accept_each(front_door, move |stream, peer| {
            Rc::clone(&door).serve(stream, peer)
        }));
        tokio::task::spawn_local(accept_each(runtime_api, move |stream, _| {
            Rc::clone(&api).serve(stream)
        }));
        // Nobody waits when the value was dropped meanwhile; then `stopped` ends at once as well.
        let _ = started.send(Ok(()));
        let _ = stopped.await;
    });
    // What is dropped now did not fail: it is stopped.
    terminal.silence();
}

fn listener(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
