//! A JSON array that is streamed.

use bytes::{BufMut, BytesMut};
use futures_core::Stream;
use serde::Serialize;

use super::rows::Format;
use super::{Formatted, RowError, Rows};
use crate::error::Error;
use crate::response::Head;

/// A response that is one JSON array, streamed: a chunk per row, and one for the closing bracket.
///
/// For clients that want one document, where [`Ndjson`](super::Ndjson) does not suit them. Such a
/// client usually parses nothing before the closing bracket. A response that breaks off has none,
/// and is not valid JSON. The content type is `application/json`.
///
/// The opening bracket comes with the first row, so that rows that fail at once fail the invocation
/// as a whole instead of a response that has begun. No rows are `[]`.
///
/// # Errors
///
/// The error of the rows; or a [`RowError`] if a row cannot be serialized, in which case nothing of
/// that row is sent. The rows are dropped at once, and there is no closing bracket.
///
/// # Example
///
/// ```
/// use futures_core::Stream;
/// use lambda_stream::format::JsonArray;
/// use lambda_stream::{Error, LambdaEvent};
///
/// async fn handler(
///     _event: LambdaEvent<serde_json::Value>,
/// ) -> Result<JsonArray<impl Stream<Item = Result<u64, Error>>>, Error> {
///     Ok(JsonArray::new(tokio_stream::iter((1..=3).map(Ok)))) // [1,2,3]
/// }
/// # fn accepted<M>(_: impl lambda_stream::Handler<M>) {}
/// # accepted(handler);
/// ```
pub type JsonArray<S> = Formatted<Rows<S, JsonElements>>;

impl<S> JsonArray<S> {
    /// Creates a response of these rows, with status 200.
    pub fn new<T, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Serialize,
        E: Into<Error>,
    {
        Self {
            head: Head::ok().content_type("application/json"),
            chunks: Rows::new(rows, JsonElements),
        }
    }
}

/// The format of [`JsonArray`].
#[derive(Debug)]
pub struct JsonElements;

impl<T: Serialize> Format<T> for JsonElements {
    fn write_row(&mut self, index: u64, row: T, out: &mut BytesMut) -> Result<(), Error> {
        out.put_u8(if index == 0 { b'[' } else { b',' });
        serde_json::to_writer(out.writer(), &row).map_err(|error| RowError::new(index, error))?;
        Ok(())
    }

    fn write_end(&mut self, rows: u64, out: &mut BytesMut) {
        out.put_slice(if rows == 0 { b"[]" } else { b"]" });
    }

    fn extra_chunks(&self) -> (usize, usize) {
        (1, 1)
    }
}
