//! Streams that the adapters' tests are fed with.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TestError;

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for TestError {}

/// What a scripted stream does at one poll.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Chunk(&'static str),
    Pending,
    Fail,
}

/// A stream that does what it is told, poll by poll, and reports being polled and dropped.
///
/// It is not fused: polled after its end it panics, so an adapter that does so is found out.
pub(super) struct Script {
    acts: std::vec::IntoIter<Act>,
    is_over: bool,
    seen: Seen,
}

#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) polled: Rc<Cell<usize>>,
    pub(super) dropped: Rc<Cell<bool>>,
}

pub(super) fn script(acts: Vec<Act>) -> (Script, Seen) {
    let seen = Seen::default();
    let script = Script {
        acts: acts.into_iter(),
        is_over: false,
        seen: seen.clone(),
    };
    (script, seen)
}

impl Stream for Script {
    type Item = Result<&'static str, TestError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.is_over, "polled after its end");
        self.seen.polled.set(self.seen.polled.get() + 1);
        let item = match self.acts.next() {
            Some(Act::Chunk(text)) => Some(Ok(text)),
            Some(Act::Fail) => Some(Err(TestError)),
            Some(Act::Pending) => return Poll::Pending,
            None => None,
        };
        self.is_over = item.is_none();
        Poll::Ready(item)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.seen.dropped.set(true);
    }
}

/// Polls once, without anybody to wake.
pub(super) fn poll<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A stream of texts, each at its second from now.
pub(super) fn at<const N: usize>(
    texts: [(u64, &'static str); N],
) -> impl Stream<Item = Result<&'static str, TestError>> {
    let start = Instant::now();
    stream::iter(texts).then(move |(second, text)| async move {
        sleep_until(start + Duration::from_secs(second)).await;
        Ok(text)
    })
}

/// What a stream gives, an error as its text, and in which second from now.
pub(super) async fn seconds<E: fmt::Display>(
    stream: impl Stream<Item = Result<Bytes, E>>,
) -> Vec<(f64, String)> {
    let start = Instant::now();
    stream
        .map(|item| {
            let text = item.map_or_else(
                |error| error.to_string(),
                |chunk| String::from_utf8_lossy(&chunk).into_owned(),
            );
            (start.elapsed().as_secs_f64(), text)
        })
        .collect()
        .await
}
