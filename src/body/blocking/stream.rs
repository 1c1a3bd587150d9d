//! The stream of what a blocking producer sends.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::RowSink;
use crate::error::{Error, Failure, panic_failure};
use lambda_stream_wire::failure::kind;

type Producer<T> = Box<dyn FnOnce(RowSink<T>) -> Result<(), Error> + Send>;

/// The items of a producer that may block; created by the functions of [`body`](crate::body) whose
/// names begin with `from_blocking`.
///
/// The producer runs on a thread for blocking work ([`tokio::task::spawn_blocking`]) from the first
/// poll on. A stream that is never polled runs nothing.
///
/// # Errors
///
/// An error of the producer is the last item; it is boxed, and can be downcast. A panic of the
/// producer becomes an error that is reported as `Function.Panic`. Polling outside of a tokio
/// runtime is an error that is reported as `Function.NoRuntime`, and a runtime that shuts down ends
/// the stream with `Function.Cancelled`.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses no item. Dropping the stream stops the producer when it sends
/// its next item; a thread cannot be stopped from outside while it waits for something else.
#[must_use = "a stream does nothing unless it is polled"]
pub struct BlockingStream<T>(State<T>);

enum State<T> {
    New {
        producer: Producer<T>,
        capacity: usize,
    },
    Running {
        items: mpsc::Receiver<T>,
        thread: JoinHandle<Result<(), Error>>,
    },
    Done,
}

impl<T: Send + 'static> BlockingStream<T> {
    /// Creates the stream of a producer that runs ahead by at most `capacity` items and the one
    /// that it is sending.
    pub(super) fn new<E: Into<Error>>(
        capacity: usize,
        producer: impl FnOnce(RowSink<T>) -> Result<(), E> + Send + 'static,
    ) -> Self {
        Self(State::New {
            producer: Box::new(move |rows| producer(rows).map_err(Into::into)),
            capacity,
        })
    }

    fn start(producer: Producer<T>, capacity: usize) -> Result<State<T>, Failure> {
        let runtime = Handle::try_current().map_err(|_| {
            Failure::new(
                kind::NO_RUNTIME,
                "a blocking source was polled outside of a tokio runtime, which has the threads for it",
            )
        })?;
        let (sender, items) = mpsc::channel(capacity);
        let thread = runtime.spawn_blocking(move || {
            let rows = RowSink::new(sender);
            // The stream may have been dropped while the task waited for a thread.
            if rows.is_closed() {
                return Ok(());
            }
            producer(rows)
        });
        Ok(State::Running { items, thread })
    }
}

impl<T: Send + 'static> Stream for BlockingStream<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let error = loop {
            match &mut self.0 {
                State::New { .. } => {
                    let State::New { producer, capacity } = mem::replace(&mut self.0, State::Done)
                    else {
                        return Poll::Ready(None);
                    };
                    match Self::start(producer, capacity) {
                        Ok(state) => self.0 = state,
                        Err(failure) => break Some(failure.into()),
                    }
                }
                State::Running { items, thread } => match ready!(items.poll_recv(cx)) {
                    Some(item) => return Poll::Ready(Some(Ok(item))),
                    None => {
                        let result = ready!(Pin::new(thread).poll(cx));
                        break result
                            .unwrap_or_else(|error| Err(interrupted(error).into()))
                            .err();
                    }
                },
                State::Done => return Poll::Ready(None),
            }
        };
        self.0 = State::Done;
        Poll::Ready(error.map(Err))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.0 {
            State::Done => (0, Some(0)),
            _ => (0, None),
        }
    }
}

impl<T> fmt::Debug for BlockingStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::New { .. } => "New",
            State::Running { .. } => "Running",
            State::Done => "Done",
        };
        f.debug_tuple("BlockingStream").field(&state).finish()
    }
}

/// Returns why a producer did not reach its end.
fn interrupted(error: JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(panic) => panic_failure(&*panic),
        Err(_) => Failure::new(
            kind::CANCELLED,
            "a blocking source was interrupted because its tokio runtime is shutting down",
        ),
    }
}
