//! CSV: rows for spreadsheets, written by the crate of that name (cargo feature `csv`).
//!
//! [`Csv`] is a response, [`records`] the stream alone.
//!
//! ```
//! use futures_core::Stream;
//! use lambda_stream::format::csv::Csv;
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
//! ) -> Result<Csv<impl Stream<Item = Result<Row, Error>>>, Error> {
//!     Ok(Csv::new(rows()).attachment("report.csv"))
//! }
//! # fn accepted<M>(_: impl lambda_stream::Handler<M>) {}
//! # accepted(handler);
//! ```

mod attachment;
mod records;

use futures_core::Stream;
use http::header::CONTENT_DISPOSITION;
use serde::Serialize;

pub use self::records::{Records, records};
use crate::error::Error;
pub use crate::error::RowError;
use crate::response::{Head, IntoResponse, Payload, Response};

/// A response of rows: [`records`] under the content type `text/csv; charset=utf-8`.
///
/// See the [module](self) for an example, and [`records`] for how it fails.
#[derive(Debug)]
#[must_use = "a response does nothing until it is returned"]
pub struct Csv<S> {
    head: Head,
    records: Records<S>,
}

impl<S> Csv<S> {
    /// A response of these rows, with status 200.
    pub fn new<T, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Serialize,
        E: Into<Error>,
    {
        Self {
            head: Head::ok().content_type("text/csv; charset=utf-8"),
            records: records(rows),
        }
    }

    /// Names the columns; see [`Records::columns`].
    pub fn columns(mut self, names: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        self.records = self.records.columns(names);
        self
    }

    /// Makes browsers save the response as a file of this name (`content-disposition`, RFC 6266).
    ///
    /// Any name will do: one beyond plain ASCII is sent encoded, with a plain one for old clients beside it.
    pub fn attachment(mut self, filename: impl AsRef<str>) -> Self {
        let value = attachment::disposition(filename.as_ref());
        self.head = self.head.header(CONTENT_DISPOSITION, value);
        self
    }

    /// Changes the head, or puts another in its place.
    ///
    /// ```
    /// # use lambda_stream::format::csv::Csv;
    /// # use lambda_stream::Error;
    /// # let rows = tokio_stream::empty::<Result<u8, Error>>();
    /// let response = Csv::new(rows).head(|head| head.header("x-total", "3"));
    /// ```
    pub fn head(mut self, change: impl FnOnce(Head) -> Head) -> Self {
        self.head = change(self.head);
        self
    }

    /// Head and stream, which together are a response too; to put other adapters around the stream.
    pub fn into_parts(self) -> (Head, Records<S>) {
        (self.head, self.records)
    }
}

impl<S, T, E> IntoResponse for Csv<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    type Payload = Payload<Records<S>>;

    fn into_response(self) -> Response<Self::Payload> {
        self.into_parts().into_response()
    }
}
