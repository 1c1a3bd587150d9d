//! An end before a response becomes too large.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::fused::Fused;
use crate::error::Error;
use crate::response::SizeLimit;

pin_project! {
    /// A stream that fails before it becomes too large; created by
    /// [`limit`](crate::body::ChunkStreamExt::limit).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Limit<S> {
        #[pin]
        stream: Fused<S>,
        size: SizeLimit,
    }
}

impl<S> Limit<S> {
    pub(super) fn new(stream: S, max_bytes: u64) -> Self {
        Self {
            stream: Fused::new(stream),
            size: SizeLimit::new(max_bytes),
        }
    }

    /// Returns the stream, or `None` once it has ended, failed or reached the limit.
    pub fn get_ref(&self) -> Option<&S> {
        self.stream.get_ref()
    }

    /// Returns the stream, or `None` once it has ended, failed or reached the limit.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.stream.get_mut()
    }

    /// Returns the stream, or `None` once it has ended, failed or reached the limit. No chunk is
    /// lost.
    pub fn into_inner(self) -> Option<S> {
        self.stream.into_inner()
    }
}

impl<S, D, E> Stream for Limit<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let item = match ready!(this.stream.as_mut().poll_next(cx)) {
            Some(Ok(chunk)) => {
                let chunk = chunk.into();
                match this.size.take(&chunk) {
                    Ok(()) => Some(Ok(chunk)),
                    Err(error) => {
                        this.stream.close();
                        Some(Err(error.into()))
                    }
                }
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        };
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The error takes the place of the chunk that is too large.
        self.stream.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::ChunkStreamExt;
    use crate::body::testing::{Act::*, TestError, poll, script};
    use crate::error::SizeLimitExceeded;

    fn exceeded(poll: Poll<Option<Result<Bytes, Error>>>) -> SizeLimitExceeded {
        match poll {
            Poll::Ready(Some(Err(error))) => *error.downcast().expect("a limit"),
            other => panic!("{other:?}"),
        }
    }

    fn chunk(poll: Poll<Option<Result<Bytes, Error>>>) -> Bytes {
        match poll {
            Poll::Ready(Some(Ok(chunk))) => chunk,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn exactly_the_limit_is_allowed() {
        let (stream, _) = script(vec![
            Chunk("12"),
            Chunk(""),
            Pending,
            Chunk("34"),
            Chunk(""),
        ]);
        let mut stream = Box::pin(stream.limit(4));
        assert_eq!(chunk(poll(stream.as_mut())), "12");
        assert_eq!(chunk(poll(stream.as_mut())), "");
        assert!(poll(stream.as_mut()).is_pending());
        assert_eq!(chunk(poll(stream.as_mut())), "34");
        assert_eq!(chunk(poll(stream.as_mut())), "");
        assert!(matches!(poll(stream.as_mut()), Poll::Ready(None)));
    }

    #[test]
    fn exceeding_chunk_is_not_sent() {
        let (stream, seen) = script(vec![Chunk("12"), Chunk("345"), Chunk("6")]);
        let mut stream = Box::pin(stream.limit(4));
        assert_eq!(chunk(poll(stream.as_mut())), "12");
        let error = exceeded(poll(stream.as_mut()));
        assert_eq!((error.limit(), error.offered()), (4, 5));
        assert!(error.to_string().contains("4 bytes"), "{error}");
        assert!(seen.dropped.get());
        for _ in 0..3 {
            assert!(matches!(poll(stream.as_mut()), Poll::Ready(None)));
            assert_eq!(stream.size_hint(), (0, Some(0)));
        }
        assert_eq!(seen.polled.get(), 2);
    }

    #[test]
    fn zero_allows_an_empty_payload() {
        let (stream, _) = script(vec![Chunk(""), Chunk("1")]);
        let mut stream = Box::pin(stream.limit(0));
        assert_eq!(chunk(poll(stream.as_mut())), "");
        assert_eq!(exceeded(poll(stream.as_mut())).offered(), 1);
    }

    #[test]
    fn ended_stream_is_dropped_at_once() {
        for (acts, is_error) in [(vec![], false), (vec![Fail, Chunk("a")], true)] {
            let (stream, seen) = script(acts);
            let mut stream = Box::pin(stream.limit(9));
            match poll(stream.as_mut()) {
                Poll::Ready(None) => assert!(!is_error),
                Poll::Ready(Some(Err(error))) => assert!(is_error && error.is::<TestError>()),
                other => panic!("{other:?}"),
            }
            assert!(seen.dropped.get());
            assert!(matches!(poll(stream.as_mut()), Poll::Ready(None)));
            assert_eq!(seen.polled.get(), 1);
        }
    }

    #[test]
    fn size_hint_is_that_of_the_stream() {
        let items = tokio_stream::iter([Ok::<_, TestError>("a"), Ok("b")]);
        assert_eq!(items.limit(1).size_hint(), (1, Some(2)));
    }

    #[test]
    fn dropping_drops_the_stream() {
        let (stream, seen) = script(vec![Pending]);
        drop(stream.limit(1));
        assert!(seen.dropped.get());
    }

    #[test]
    fn inner_stream_is_accessible_until_the_limit() {
        let (stream, _) = script(vec![Chunk("12"), Chunk("3")]);
        let mut stream = Box::pin(stream.limit(2));
        assert_eq!(chunk(poll(stream.as_mut())), "12");
        assert!(stream.get_ref().is_some() && stream.get_mut().is_some());
        exceeded(poll(stream.as_mut()));
        assert!(stream.get_ref().is_none() && stream.get_mut().is_none());
        assert!(Pin::into_inner(stream).into_inner().is_none());
    }
}
