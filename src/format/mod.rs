//! Formats: server-sent events, and rows as NDJSON, a JSON array or CSV.
//!
//! Each is a response of a stream of rows, and [a stream of chunks](Formatted::into_stream) for
//! other uses. Rows are `Result<T, E>`, where `T` implements [`Serialize`](serde::Serialize) and
//! `E` is any error; each row is one chunk, which is sent as soon as the row is ready.
//!
//! | Format | For | If it fails in the middle |
//! |---|---|---|
//! | [`Sse`] | browsers and clients of language models | a last [event](Sse::ending_with) can tell the client |
//! | [`Ndjson`] | programs that read rows as they arrive | a last [row](Ndjson::ending_with) can tell the client |
//! | [`JsonArray`] | clients that want one document | the array is not closed, so the document is not valid |
//! | `Csv` (cargo feature `csv`) | spreadsheets | the client sees a transfer that breaks off |
//!
//! Whatever the format, the invocation fails with the error of the rows. That is not enough for the
//! client, because the HTTP front doors of Lambda do not pass the trailers on that carry it.
//!
//! ```
//! use futures_core::Stream;
//! use lambda_stream::format::Ndjson;
//! use lambda_stream::{Error, LambdaEvent};
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Row {
//!     id: u64,
//!     name: String,
//! }
//! # fn rows() -> impl Stream<Item = Result<Row, Error>> { tokio_stream::empty() }
//!
//! async fn handler(
//!     _event: LambdaEvent<serde_json::Value>,
//! ) -> Result<Ndjson<impl Stream<Item = Result<Row, Error>>>, Error> {
//!     Ok(Ndjson::new(rows()))
//! }
//! # fn accepted<M>(_: impl lambda_stream::Handler<M>) {}
//! # accepted(handler);
//! ```

#[cfg(feature = "csv")]
mod attachment;
#[cfg(feature = "csv")]
mod csv_rows;
mod formatted;
mod json_array;
mod ndjson;
mod rows;
pub mod sse;

#[cfg(feature = "csv")]
pub use self::csv_rows::Csv;
pub use self::formatted::Formatted;
pub use self::json_array::JsonArray;
pub use self::ndjson::Ndjson;
pub use self::rows::Rows;
pub use self::sse::response::Sse;
pub use crate::error::RowError;
