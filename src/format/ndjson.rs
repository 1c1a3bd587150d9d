//! Newline-delimited JSON.

use bytes::{BufMut, BytesMut};
use futures_core::Stream;
use serde::Serialize;

use super::rows::Format;
use super::{Formatted, RowError, Rows};
use crate::error::Error;
use crate::response::Head;

/// A response of newline-delimited JSON, also known as JSON lines: a JSON document per row and
/// line.
///
/// For rows that a program reads as they arrive: each line stands for itself, so a client can use
/// what it has when a response breaks off. The content type is `application/x-ndjson`.
///
/// # Errors
///
/// The error of the rows; or a [`RowError`] if a row cannot be serialized, in which case nothing of
/// that row is sent. The rows are dropped at once.
///
/// # Example
///
/// ```
/// use lambda_stream::format::Ndjson;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let rows = tokio_stream::iter([("a", 1), ("b", 2)]).map(Ok::<_, Error>);
/// let response = Ndjson::new(rows); // what a handler returns
/// let lines: Vec<_> = response.into_stream().collect::<Result<_, _>>().await?;
/// assert_eq!(lines, ["[\"a\",1]\n", "[\"b\",2]\n"]);
/// # Ok(()) }
/// ```
pub type Ndjson<S> = Formatted<Rows<S, JsonLines>>;

impl<S> Ndjson<S> {
    /// Creates a response of these rows, with status 200.
    pub fn new<T, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Serialize,
        E: Into<Error>,
    {
        Self {
            head: Head::ok().content_type("application/x-ndjson"),
            chunks: Rows::new(rows, JsonLines),
        }
    }

    /// Reports an error to the client in a last row, which the closure makes of it.
    ///
    /// The error itself follows, so that the invocation counts as failed; but the HTTP clients of
    /// Function URLs and API Gateway do not see trailers. A row that cannot be serialized is left
    /// out.
    ///
    /// An error that is the first item is reported in the same way, in a response with status 200.
    /// To answer with another status, fail in the handler.
    ///
    /// ```
    /// # use lambda_stream::format::Ndjson;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let rows = tokio_stream::iter([Ok(1), Err("the database is gone")]);
    /// let mut lines = Ndjson::new(rows)
    ///     .ending_with(|error| serde_json::json!({ "error": error.to_string() }))
    ///     .into_stream();
    /// assert_eq!(lines.next().await.unwrap().unwrap(), "1\n");
    /// assert_eq!(lines.next().await.unwrap().unwrap(), "{\"error\":\"the database is gone\"}\n");
    /// assert_eq!(lines.next().await.unwrap().unwrap_err().to_string(), "the database is gone");
    /// assert!(lines.next().await.is_none());
    /// # }
    /// ```
    pub fn ending_with<R: Serialize>(
        mut self,
        row: impl FnOnce(&Error) -> R + Send + 'static,
    ) -> Self {
        self.chunks
            .set_ending(Box::new(|error, out| write_line(&row(error), out)));
        self
    }
}

/// The format of [`Ndjson`].
#[derive(Debug)]
pub struct JsonLines;

impl<T: Serialize> Format<T> for JsonLines {
    fn write_row(&mut self, index: u64, row: T, out: &mut BytesMut) -> Result<(), Error> {
        write_line(&row, out).map_err(|error| RowError::new(index, error).into())
    }
}

fn write_line(row: &impl Serialize, out: &mut BytesMut) -> Result<(), Error> {
    serde_json::to_writer(out.writer(), row)?;
    out.put_u8(b'\n');
    Ok(())
}
