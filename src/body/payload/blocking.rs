//! Chunks that are made on a thread that may block.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use crate::error::{Error, Failure, panic_failure};
use lambda_stream_wire::failure::kind;

/// So many chunks may wait between the two threads. With one, each chunk would cost two changes of thread.
const WAITING_CHUNKS: usize = 4;

type Item = Result<Bytes, Error>;
type Producer = Box<dyn FnOnce(Outlet) + Send>;

/// The chunks of a producer that may block; made by
/// [`from_blocking_iter`](super::from_blocking_iter) and
/// [`from_blocking_reader`](super::from_blocking_reader).
#[must_use = "a stream does nothing unless it is polled"]
pub struct BlockingChunks(State);

enum State {
    New(Producer),
    Running {
        chunks: mpsc::Receiver<Item>,
        thread: JoinHandle<()>,
    },
    Done,
}

/// Where a producer puts its chunks.
pub(super) struct Outlet(mpsc::Sender<Item>);

impl Outlet {
    /// Whether nobody wants more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until there is room. `false` means that nobody wants more.
    pub(super) fn put(&self, item: Item) -> bool {
        self.0.blocking_send(item).is_ok()
    }
}

impl BlockingChunks {
    /// The producer runs on a thread for blocking work, from the first poll on.
    pub(super) fn new(producer: impl FnOnce(Outlet) + Send + 'static) -> Self {
        Self(State::New(Box::new(producer)))
    }

    fn start(producer: Producer) -> Result<State, Failure> {
        let runtime = Handle::try_current().map_err(|_| {
            Failure::new(
                kind::NO_RUNTIME,
                "a blocking source was polled outside of a tokio runtime, which has the threads for it",
            )
        })?;
        let (sender, chunks) = mpsc::channel(WAITING_CHUNKS);
        let thread = runtime.spawn_blocking(move || producer(Outlet(sender)));
        Ok(State::Running { chunks, thread })
    }
}

impl Stream for BlockingChunks {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let item = loop {
            match &mut self.0 {
                State::New(_) => {
                    let State::New(producer) = mem::replace(&mut self.0, State::Done) else {
                        return Poll::Ready(None);
                    };
                    match Self::start(producer) {
                        Ok(state) => self.0 = state,
                        Err(failure) => break Some(Err(failure.into())),
                    }
                }
                State::Running { chunks, thread } => match ready!(chunks.poll_recv(cx)) {
                    Some(Ok(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                    Some(Err(error)) => break Some(Err(error)),
                    // Whether that was all, only the end of the thread can tell.
                    None => match ready!(Pin::new(thread).poll(cx)) {
                        Ok(()) => break None,
                        Err(error) => break Some(Err(cut_short(error).into())),
                    },
                },
                State::Done => return Poll::Ready(None),
            }
        };
        self.0 = State::Done;
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.0 {
            State::Done => (0, Some(0)),
            _ => (0, None),
        }
    }
}

impl fmt::Debug for BlockingChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::New(_) => "New",
            State::Running { .. } => "Running",
            State::Done => "Done",
        };
        f.debug_tuple("BlockingChunks").field(&state).finish()
    }
}

/// Why a producer did not come to its end.
fn cut_short(error: JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(panic) => panic_failure(&*panic),
        Err(_) => Failure::new(
            kind::CANCELLED,
            "a blocking source was cut short because its tokio runtime is shutting down",
        ),
    }
}
