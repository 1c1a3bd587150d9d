//! A stream without errors.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

/// A stream of chunks from a stream whose items are no `Result`s.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses no chunk, if the stream's own does not either.
///
/// # Example
///
/// ```
/// use lambda_stream::body::payload;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let words = tokio_stream::iter(["to", "be"]);
/// let mut chunks = payload::infallible(words);
/// assert_eq!(chunks.next().await.unwrap().unwrap(), "to");
/// # }
/// ```
pub fn infallible<S>(stream: S) -> InfallibleChunks<S>
where
    S: Stream,
    S::Item: Into<Bytes>,
{
    InfallibleChunks {
        stream: Some(stream),
    }
}

pin_project! {
    /// The chunks of a stream without errors; made by [`infallible`](infallible()).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct InfallibleChunks<S> {
        #[pin]
        stream: Option<S>,
    }
}

impl<S> Stream for InfallibleChunks<S>
where
    S: Stream,
    S::Item: Into<Bytes>,
{
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project().stream;
        let Some(stream) = this.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let item = ready!(stream.poll_next(cx));
        if item.is_none() {
            this.set(None);
        }
        Poll::Ready(item.map(|chunk| Ok(chunk.into())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::body::testing::{Act, poll, script};

    #[test]
    fn it_counts_down_and_is_fused() {
        let (stream, seen) = script(vec![Act::Chunk("a"), Act::Pending]);
        let mut chunks = Box::pin(infallible(stream.map(Result::unwrap)));
        assert_eq!(poll(chunks.as_mut()), Poll::Ready(Some(Ok("a".into()))));
        assert!(poll(chunks.as_mut()).is_pending());
        assert_eq!(poll(chunks.as_mut()), Poll::Ready(None));
        assert!(seen.dropped.get());
        assert_eq!(poll(chunks.as_mut()), Poll::Ready(None));
        assert_eq!(chunks.size_hint(), (0, Some(0)));
        let chunks = infallible(tokio_stream::iter(["a", "b"]));
        assert_eq!(chunks.size_hint(), (2, Some(2)));
    }
}
