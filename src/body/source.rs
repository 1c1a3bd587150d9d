//! The stream below an adapter.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

pin_project! {
    /// The stream below an adapter, which is gone as soon as it has ended or failed.
    #[derive(Debug)]
    pub(super) struct Source<S> {
        #[pin]
        stream: Option<S>,
    }
}

impl<S> Source<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream: Some(stream),
        }
    }

    /// The same with another stream; for builders, before the first poll.
    pub(super) fn map<T>(self, change: impl FnOnce(S) -> T) -> Source<T> {
        Source {
            stream: self.stream.map(change),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stream.is_none()
    }

    /// Drops the stream at once.
    pub(super) fn close(self: Pin<&mut Self>) {
        self.project().stream.set(None);
    }
}

impl<S, D, E> Source<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
{
    /// The next chunk; once this is `None` or an error, the stream is gone.
    pub(super) fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, E>>> {
        let Some(stream) = self.as_mut().project().stream.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let item = ready!(stream.poll_next(cx));
        if !matches!(item, Some(Ok(_))) {
            self.close();
        }
        Poll::Ready(item.map(|item| item.map(Into::into)))
    }

    /// How many items an adapter will give that ends at the first error.
    ///
    /// A stream that promises many items may give an error first, so one is all that is certain.
    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.stream {
            None => (0, Some(0)),
            Some(stream) => {
                let (lower, upper) = stream.size_hint();
                (lower.min(1), upper)
            }
        }
    }
}
