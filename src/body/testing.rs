//! Streams for the tests of combinators and formats.

use std::cell::Cell;
use std::fmt;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestError;

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for TestError {}

/// The result of one poll of a scripted stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Chunk(&'static str),
    Pending,
    Fail,
}

/// A stream that follows a script, poll by poll, and records being polled and dropped.
///
/// It panics when it is polled after its end.
pub(crate) struct Script {
    acts: std::vec::IntoIter<Act>,
    ended: bool,
    seen: Seen,
}

#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) polled: Rc<Cell<usize>>,
    pub(crate) dropped: Rc<Cell<bool>>,
}

pub(crate) fn script(acts: Vec<Act>) -> (Script, Seen) {
    let seen = Seen::default();
    let script = Script {
        acts: acts.into_iter(),
        ended: false,
        seen: seen.clone(),
    };
    (script, seen)
}

impl Stream for Script {
    type Item = Result<&'static str, TestError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.ended, "polled after its end");
        self.seen.polled.set(self.seen.polled.get() + 1);
        let item = match self.acts.next() {
            Some(Act::Chunk(text)) => Some(Ok(text)),
            Some(Act::Fail) => Some(Err(TestError)),
            Some(Act::Pending) => return Poll::Pending,
            None => None,
        };
        self.ended = item.is_none();
        Poll::Ready(item)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.seen.dropped.set(true);
    }
}

/// Polls once with a waker that does nothing.
pub(crate) fn poll<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A stream of texts, each at its second from now.
pub(crate) fn at<const N: usize>(
    texts: [(u64, &'static str); N],
) -> impl Stream<Item = Result<&'static str, TestError>> {
    let start = Instant::now();
    stream::iter(texts).then(move |(second, text)| async move {
        sleep_until(start + Duration::from_secs(second)).await;
        Ok(text)
    })
}

/// A stream that uses up the task's cooperative budget in each poll and never yields an item.
///
/// It panics when it is polled very often, as it is by a task that wakes itself.
pub(crate) fn busy() -> impl Stream<Item = Result<&'static str, TestError>> {
    let mut polls = 0;
    stream::poll_fn(move |_| {
        polls += 1;
        assert!(polls < 1000, "the task wakes itself");
        let mut cx = Context::from_waker(Waker::noop());
        while pin!(tokio::task::consume_budget()).poll(&mut cx).is_ready() {}
        Poll::Pending
    })
}

/// The items of a stream, an error as its text, each with its second from now.
pub(crate) async fn seconds<D: Into<Bytes>, E: fmt::Display>(
    stream: impl Stream<Item = Result<D, E>>,
) -> Vec<(f64, String)> {
    let start = Instant::now();
    stream
        .map(|item| {
            let text = item.map_or_else(
                |error| error.to_string(),
                |chunk| String::from_utf8_lossy(&chunk.into()).into_owned(),
            );
            (start.elapsed().as_secs_f64(), text)
        })
        .collect()
        .await
}
