//! The stream inside a combinator.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

pin_project! {
    /// A stream that is dropped as soon as it has ended or failed, and yields `None` from then on.
    #[derive(Debug)]
    pub(crate) struct Fused<S> {
        #[pin]
        stream: Option<S>,
    }
}

impl<S> Fused<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream: Some(stream),
        }
    }

    /// Returns the stream unless it is over.
    pub(crate) fn get_ref(&self) -> Option<&S> {
        self.stream.as_ref()
    }

    /// Returns the stream unless it is over.
    pub(crate) fn get_mut(&mut self) -> Option<&mut S> {
        self.stream.as_mut()
    }

    /// Returns the stream unless it is over.
    pub(crate) fn into_inner(self) -> Option<S> {
        self.stream
    }

    /// Returns whether the stream is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.stream.is_none()
    }

    /// Drops the stream.
    pub(crate) fn close(self: Pin<&mut Self>) {
        self.project().stream.set(None);
    }
}

impl<S, T, E> Stream for Fused<S>
where
    S: Stream<Item = Result<T, E>>,
{
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = self.as_mut().project().stream.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let item = ready!(stream.poll_next(cx));
        if !matches!(item, Some(Ok(_))) {
            self.close();
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(stream) = &self.stream else {
            return (0, Some(0));
        };
        let (lower, upper) = stream.size_hint();
        // Any item can be an error, after which there are no more, so only one is certain.
        (lower.min(1), upper)
    }
}
