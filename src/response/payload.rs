//! From the streams and bodies that handlers return to one kind of stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::error::{Error, Failure, into_failure};

pin_project! {
    /// The payload of a response: a stream whose items have been turned into [`Bytes`] and
    /// [`Failure`](crate::Failure).
    ///
    /// [`Response`](crate::Response) makes it. It is named where
    /// [`IntoResponse`](crate::IntoResponse) is implemented for a type of one's own.
    #[derive(Debug, Clone)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Payload<S> {
        #[pin]
        stream: S,
    }
}

impl<S> Payload<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream }
    }

    /// Returns the stream inside.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the stream inside, mutably.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Unwraps the stream inside.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, D, E> Stream for Payload<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Item = Result<Bytes, Failure>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.project().stream.poll_next(cx));
        Poll::Ready(item.map(|item| item.map(Into::into).map_err(into_failure)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

pin_project! {
    /// The chunks of an [`http_body::Body`], fused.
    ///
    /// The body's own trailers are left out, because no HTTP front door passes them on.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct BodyChunks<B> {
        #[pin]
        body: Option<B>,
    }
}

impl<B> BodyChunks<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body: Some(body) }
    }
}

impl<B: Body> Stream for BodyChunks<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project().body;
        loop {
            let Some(body) = this.as_mut().as_pin_mut() else {
                return Poll::Ready(None);
            };
            // A body that is known to be over need not be polled to find out.
            let frame = if body.is_end_stream() {
                None
            } else {
                ready!(body.poll_frame(cx))
            };
            match frame {
                None => {
                    this.set(None);
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    this.set(None);
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        let len = data.remaining();
                        // No copy where the data is `Bytes` already.
                        return Poll::Ready(Some(Ok(data.copy_to_bytes(len))));
                    }
                    tracing::debug!("dropped the trailers of a response body");
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.body {
            Some(body) if !body.is_end_stream() => (0, None),
            _ => (0, Some(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::StreamExt;
    use http_body::Frame;
    use http_body_util::{Empty, StreamBody};

    use super::*;
    use crate::body::testing::{Act::*, TestError, script};

    #[tokio::test]
    async fn body_trailers_are_left_out() {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x", http::HeaderValue::from_static("y"));
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from("a"))),
            Ok(Frame::trailers(trailers)),
        ];
        let mut chunks = BodyChunks::new(StreamBody::new(futures::stream::iter(frames)));
        assert_eq!(chunks.next().await, Some(Ok("a".into())));
        assert_eq!(chunks.next().await, None);
        assert_eq!(chunks.next().await, None);
        assert_eq!(
            BodyChunks::new(Empty::<Bytes>::new()).size_hint(),
            (0, Some(0))
        );
    }

    #[tokio::test]
    async fn failed_body_is_dropped_at_once() {
        let (stream, seen) = script(vec![Chunk("a"), Fail, Chunk("b")]);
        let frames = stream.map(|item| item.map(|text| Frame::data(Bytes::from(text))));
        let mut chunks = BodyChunks::new(StreamBody::new(frames));
        assert_eq!(chunks.next().await, Some(Ok("a".into())));
        assert_eq!(chunks.next().await, Some(Err(TestError)));
        assert!(seen.dropped.get());
        assert_eq!(chunks.next().await, None);
    }
}
