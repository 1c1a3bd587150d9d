//! A stream of rows that watches how it is treated, and a reader that checks the chunks made of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::Stream;
use lambda_stream::Error;
use lambda_stream::format::Formatted;

/// A stream of rows with an exact size hint, which panics when it is polled after its end or its
/// error, and records its drop.
pub struct Source<T> {
    items: VecDeque<Result<T, &'static str>>,
    is_over: bool,
    is_dropped: Rc<RefCell<bool>>,
}

impl<T> Source<T> {
    pub fn new(
        items: impl IntoIterator<Item = Result<T, &'static str>>,
    ) -> (Self, Rc<RefCell<bool>>) {
        let is_dropped = Rc::default();
        let source = Self {
            items: items.into_iter().collect(),
            is_over: false,
            is_dropped: Rc::clone(&is_dropped),
        };
        (source, is_dropped)
    }
}

impl<T> Drop for Source<T> {
    fn drop(&mut self) {
        *self.is_dropped.borrow_mut() = true;
    }
}

impl<T> Unpin for Source<T> {}

impl<T> Stream for Source<T> {
    type Item = Result<T, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.is_over, "polled after its end");
        let item = self.items.pop_front();
        self.is_over = matches!(item, None | Some(Err(_)));
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.len(), Some(self.items.len()))
    }
}

/// All chunks of a stream, and its error.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub chunks: Vec<String>,
    pub error: Option<String>,
}

impl Outcome {
    pub fn text(&self) -> String {
        self.chunks.concat()
    }
}

/// Returns the message of an error and those of its sources.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Polls a response that is never pending to its end and beyond: it has to be fused, to honor its
/// size hints, and to drop its source (`is_dropped`) as soon as that has ended.
pub fn drain<S>(response: Formatted<S>, is_dropped: &RefCell<bool>) -> Outcome
where
    S: Stream<Item = Result<Bytes, Error>>,
{
    let mut stream = std::pin::pin!(response.into_stream());
    let mut cx = Context::from_waker(Waker::noop());
    let (mut hints, mut outcome) = (
        Vec::new(),
        Outcome {
            chunks: Vec::new(),
            error: None,
        },
    );
    loop {
        hints.push(stream.size_hint());
        match stream.as_mut().poll_next(&mut cx) {
            Poll::Pending => panic!("pending"),
            Poll::Ready(None) => break,
            Poll::Ready(Some(Ok(chunk))) => {
                assert!(!chunk.is_empty(), "an empty chunk");
                outcome
                    .chunks
                    .push(String::from_utf8(chunk.to_vec()).unwrap());
            }
            Poll::Ready(Some(Err(error))) => {
                assert!(outcome.error.is_none(), "a second error");
                assert!(*is_dropped.borrow());
                outcome.error = Some(chain(&*error));
            }
        }
    }
    assert!(*is_dropped.borrow());
    let items = outcome.chunks.len() + usize::from(outcome.error.is_some());
    for (taken, (low, high)) in hints.into_iter().enumerate() {
        let left = items - taken;
        assert!(
            low <= left && high.is_none_or(|high| left <= high),
            "{left} left, hinted at {low} to {high:?}"
        );
    }
    for _ in 0..3 {
        let item = stream.as_mut().poll_next(&mut cx);
        assert!(matches!(item, Poll::Ready(None)), "{item:?} after the end");
        assert_eq!(stream.size_hint(), (0, Some(0)));
    }
    outcome
}
