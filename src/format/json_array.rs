//! One JSON array, streamed: for clients that want a document, where [`ndjson`](crate::format::ndjson) is not theirs.
//!
//! [`JsonArray`] is a response, [`array()`] the stream alone. Such a client mostly parses nothing before the
//! closing bracket; a response that broke off has none, and so is no valid JSON.
//!
//! ```
//! use futures_core::Stream;
//! use lambda_stream::format::json_array::JsonArray;
//! use lambda_stream::{Error, LambdaEvent};
//!
//! async fn handler(
//!     _event: LambdaEvent<serde_json::Value>,
//! ) -> Result<JsonArray<impl Stream<Item = Result<u64, Error>>>, Error> {
//!     Ok(JsonArray::new(tokio_stream::iter((1..=3).map(Ok))))
//! }
//! # fn accepted<M>(_: impl lambda_stream::Handler<M>) {}
//! # accepted(handler);
//! ```

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;
use serde::Serialize;

use super::encode::{Encoded, Format};
use crate::error::Error;
pub use crate::error::RowError;
use crate::response::{Head, IntoResponse, Payload, Response};

/// The array of a stream of rows: one chunk per row, and one for the closing bracket.
///
/// The opening bracket comes with the first row, so that rows that fail at once fail the invocation as a
/// whole, and not a response that has begun. No rows are `[]`.
///
/// # Errors
///
/// When the rows fail, with their error; and with a [`RowError`] when a row cannot be serialised, in
/// which case nothing of that row was emitted. The rows are dropped at once, and there is no closing
/// bracket.
///
/// # Cancel safety
///
/// Dropping it, or a future that awaits its next item, loses no row but those that the rows themselves
/// lose: it holds none back.
///
/// # Example
///
/// ```
/// use lambda_stream::format::json_array;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let rows = tokio_stream::iter(["a", "b"]).map(Ok::<_, Error>);
/// let chunks: Vec<_> = json_array::array(rows).collect::<Result<_, _>>().await?;
/// assert_eq!(chunks, ["[\"a\"", ",\"b\"", "]"]);
/// # Ok(()) }
/// ```
pub fn array<S, T, E>(rows: S) -> Array<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    Array {
        rows: Encoded::new(rows, Elements { index: 0 }),
    }
}

pin_project! {
    /// The stream of chunks that [`array()`] makes. Fused.
    #[must_use = "streams do nothing unless polled"]
    pub struct Array<S> {
        #[pin]
        rows: Encoded<S, Elements>,
    }
}

impl<S, T, E> Stream for Array<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().rows.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<S> fmt::Debug for Array<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").finish_non_exhaustive()
    }
}

struct Elements {
    index: u64,
}

impl<T: Serialize> Format<T> for Elements {
    fn row(&mut self, row: T, out: &mut BytesMut) -> Result<(), Error> {
        out.put_u8(if self.index == 0 { b'[' } else { b',' });
        serde_json::to_writer(out.writer(), &row)
            .map_err(|error| RowError::new(self.index, error))?;
        self.index += 1;
        Ok(())
    }

    fn close(&mut self, out: &mut BytesMut) {
        out.put_slice(if self.index == 0 { b"[]" } else { b"]" });
    }

    fn beyond_rows(&self) -> (usize, usize) {
        (1, 1)
    }
}

/// A response that is one JSON array: [`array()`] under the content type `application/json`.
///
/// See the [module](self) for an example, and [`array()`] for how it fails.
#[derive(Debug)]
#[must_use = "a response does nothing until it is returned"]
pub struct JsonArray<S> {
    head: Head,
    array: Array<S>,
}

impl<S> JsonArray<S> {
    /// A response of these rows, with status 200.
    pub fn new<T, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Serialize,
        E: Into<Error>,
    {
        Self {
            head: Head::ok().content_type("application/json"),
            array: array(rows),
        }
    }

    /// Changes the head, or puts another in its place.
    ///
    /// ```
    /// # use lambda_stream::format::json_array::JsonArray;
    /// # use lambda_stream::Error;
    /// # let rows = tokio_stream::empty::<Result<u8, Error>>();
    /// let response = JsonArray::new(rows).head(|head| head.header("x-total", "3"));
    /// ```
    pub fn head(mut self, change: impl FnOnce(Head) -> Head) -> Self {
        self.head = change(self.head);
        self
    }

    /// Head and stream, which together are a response too; to put other adapters around the stream.
    pub fn into_parts(self) -> (Head, Array<S>) {
        (self.head, self.array)
    }
}

impl<S, T, E> IntoResponse for JsonArray<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    type Payload = Payload<Array<S>>;

    fn into_response(self) -> Response<Self::Payload> {
        self.into_parts().into_response()
    }
}
