//! An iterator that computes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

/// A stream of chunks from an iterator that computes them.
///
/// Each item is a chunk: `Bytes`, `Vec<u8>`, `String`, `&'static str`, and what else becomes
/// [`Bytes`]. For an iterator of `Result`s take `tokio_stream::iter`; for one that waits for a disk or a
/// network, [`from_blocking_iter`](super::from_blocking_iter), because this one runs on the task that
/// also writes to the client.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses nothing; there is none, since the stream is always ready.
///
/// # Example
///
/// ```
/// use lambda_stream::body::payload;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut chunks = payload::from_iter((1..=3).map(|n| format!("line {n}\n")));
/// assert_eq!(chunks.next().await.unwrap().unwrap(), "line 1\n");
/// # }
/// ```
pub fn from_iter<I>(items: I) -> IterChunks<I::IntoIter>
where
    I: IntoIterator,
    I::Item: Into<Bytes>,
{
    IterChunks {
        items: Some(items.into_iter()),
    }
}

/// The chunks of an iterator; made by [`from_iter`](from_iter()).
#[derive(Debug, Clone)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct IterChunks<I> {
    items: Option<I>,
}

/// Nobody has ever pinned the iterator.
impl<I> Unpin for IterChunks<I> {}

impl<I> Stream for IterChunks<I>
where
    I: Iterator,
    I::Item: Into<Bytes>,
{
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.items.as_mut().and_then(Iterator::next);
        if item.is_none() {
            self.items = None;
        }
        Poll::Ready(item.map(|chunk| Ok(chunk.into())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items
            .as_ref()
            .map_or((0, Some(0)), Iterator::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn rows_of_any_kind_are_chunks_and_are_counted() {
        let mut chunks = from_iter([String::from("a"), String::from("b")]);
        assert_eq!(chunks.size_hint(), (2, Some(2)));
        assert_eq!(chunks.next().await, Some(Ok("a".into())));
        assert_eq!(chunks.size_hint(), (1, Some(1)));
        assert_eq!(from_iter([vec![0]]).next().await, Some(Ok(vec![0].into())));
        assert_eq!(from_iter(["x"]).next().await, Some(Ok("x".into())));
        assert_eq!(
            from_iter(Some(Bytes::from("y"))).next().await,
            Some(Ok("y".into()))
        );
    }

    #[tokio::test]
    async fn an_iterator_is_not_asked_after_its_end() {
        let mut is_over = false;
        let mut chunks = from_iter(std::iter::from_fn(move || {
            assert!(!is_over, "asked after its end");
            is_over = true;
            None::<String>
        }));
        for _ in 0..3 {
            assert_eq!(chunks.next().await, None);
        }
        assert_eq!(chunks.size_hint(), (0, Some(0)));
    }
}
