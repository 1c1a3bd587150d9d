//! The reader's thread.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A thread that runs a future; dropping it drops the future, and waits for the end of the thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts a thread with this event loop. The future does not have to be `Send`, since it is
    /// made there.
    pub(super) fn start<F>(
        runtime: Runtime,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()>,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            runtime.block_on(async {
                let (mut work, mut stopped) = (pin!(work()), pin!(stopped));
                poll_fn(|cx| match stopped.as_mut().poll(cx) {
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => work.as_mut().poll(cx),
                })
                .await;
            });
        };
        let handle = std::thread::Builder::new()
            .name("lambda-stream-testing".to_owned())
            .spawn(run)?;
        Ok(Self {
            stop: Some(stop),
            handle: Some(handle),
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(handle) = self.handle.take() {
            // A thread that panicked has stopped as well.
            let _ = handle.join();
        }
    }
}
