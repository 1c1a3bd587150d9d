//! The response behind all formats.

use bytes::Bytes;
use futures_core::Stream;

use crate::error::Error;
use crate::response::{Head, IntoResponse, Payload, Response};

/// A response in a format: a [`Head`] with the content type, and the stream of chunks `C`.
///
/// [`Sse`](super::Sse), [`Ndjson`](super::Ndjson), [`JsonArray`](super::JsonArray) and `Csv` are
/// names of it.
#[derive(Debug)]
#[must_use = "a response does nothing until it is returned"]
pub struct Formatted<C> {
    pub(super) head: Head,
    pub(super) chunks: C,
}

impl<C> Formatted<C> {
    /// Changes the head, or replaces it.
    ///
    /// ```
    /// # use lambda_stream::format::Ndjson;
    /// # use lambda_stream::Error;
    /// # let rows = tokio_stream::empty::<Result<u8, Error>>();
    /// let response = Ndjson::new(rows).head(|head| head.header("x-total", "3"));
    /// ```
    pub fn head(mut self, change: impl FnOnce(Head) -> Head) -> Self {
        self.head = change(self.head);
        self
    }

    /// Returns the stream of chunks without the head, for other uses than a response.
    ///
    /// ```
    /// use lambda_stream::format::JsonArray;
    /// use lambda_stream::Error;
    /// use tokio_stream::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let rows = tokio_stream::iter(["a", "b"]).map(Ok::<_, Error>);
    /// let chunks = JsonArray::new(rows).into_stream();
    /// let chunks: Vec<_> = chunks.collect::<Result<_, _>>().await?;
    /// assert_eq!(chunks, ["[\"a\"", ",\"b\"", "]"]);
    /// # Ok(()) }
    /// ```
    pub fn into_stream(self) -> C {
        self.chunks
    }

    /// Returns the head and the stream of chunks, which are a response as a pair too, to add
    /// [combinators](crate::body::ChunkStreamExt).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lambda_stream::body::ChunkStreamExt;
    /// # use lambda_stream::format::Ndjson;
    /// # use lambda_stream::Error;
    /// # let rows = tokio_stream::empty::<Result<u8, Error>>();
    /// let (head, chunks) = Ndjson::new(rows).into_parts();
    /// let response = (head, chunks.heartbeat(Duration::from_secs(15), "\n"));
    /// ```
    pub fn into_parts(self) -> (Head, C) {
        (self.head, self.chunks)
    }

    /// Returns the stream of chunks.
    pub fn get_ref(&self) -> &C {
        &self.chunks
    }

    /// Returns the stream of chunks.
    pub fn get_mut(&mut self) -> &mut C {
        &mut self.chunks
    }
}

impl<C> IntoResponse for Formatted<C>
where
    C: Stream<Item = Result<Bytes, Error>>,
{
    type Payload = Payload<C>;

    fn into_response(self) -> Response<Self::Payload> {
        self.into_parts().into_response()
    }
}
