//! Newline-delimited JSON, also known as JSON lines: one JSON document per row and line.
//!
//! The format for rows that a program reads as they come: each line stands for itself, so a client can
//! use what it has when a response breaks off. [`Ndjson`] is a response, [`lines`] the stream alone.
//!
//! ```
//! use futures_core::Stream;
//! use lambda_stream::format::ndjson::Ndjson;
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

/// The lines of a stream of rows: one chunk per row.
///
/// # Errors
///
/// When the rows fail, with their error; and with a [`RowError`] when a row cannot be serialised, in
/// which case nothing of that row was emitted. The rows are dropped at once.
///
/// # Cancel safety
///
/// Dropping it, or a future that awaits its next item, loses no row but those that the rows themselves
/// lose: it holds none back.
///
/// # Example
///
/// ```
/// use lambda_stream::format::ndjson;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let rows = tokio_stream::iter([("a", 1), ("b", 2)]).map(Ok::<_, Error>);
/// let lines: Vec<_> = ndjson::lines(rows).collect::<Result<_, _>>().await?;
/// assert_eq!(lines, ["[\"a\",1]\n", "[\"b\",2]\n"]);
/// # Ok(()) }
/// ```
pub fn lines<S, T, E>(rows: S) -> Lines<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    let format = JsonLines {
        index: 0,
        ending: None,
    };
    Lines {
        rows: Encoded::new(rows, format),
    }
}

pin_project! {
    /// The stream of chunks that [`lines`] makes. Fused.
    #[must_use = "streams do nothing unless polled"]
    pub struct Lines<S, F = fn(&Error)> {
        #[pin]
        rows: Encoded<S, JsonLines<F>>,
    }
}

impl<S, F> Lines<S, F> {
    /// Tells the client of an error by a last row, which the closure makes of it.
    ///
    /// The error itself follows, so that the invocation counts as failed; but the HTTP clients of Function
    /// URLs and API Gateway do not see trailers. Should the row fail to serialise, it is left out.
    ///
    /// An error that is the first item is told in the same way, in a response whose status says otherwise;
    /// fail in the handler where a status is wanted.
    ///
    /// ```
    /// # use lambda_stream::format::ndjson;
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let rows = tokio_stream::iter([Ok(1), Err("the database is gone")]);
    /// let mut lines =
    ///     ndjson::lines(rows).ending_with(|error| serde_json::json!({ "error": error.to_string() }));
    /// assert_eq!(lines.next().await.unwrap().unwrap(), "1\n");
    /// assert_eq!(lines.next().await.unwrap().unwrap(), "{\"error\":\"the database is gone\"}\n");
    /// assert_eq!(lines.next().await.unwrap().unwrap_err().to_string(), "the database is gone");
    /// assert!(lines.next().await.is_none());
    /// # }
    /// ```
    pub fn ending_with<G, R>(self, row: G) -> Lines<S, G>
    where
        G: FnOnce(&Error) -> R,
        R: Serialize,
    {
        Lines {
            rows: self.rows.map_format(|format| JsonLines {
                index: format.index,
                ending: Some(row),
            }),
        }
    }
}

impl<S, T, E, F, R> Stream for Lines<S, F>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
    F: FnOnce(&Error) -> R,
    R: Serialize,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().rows.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<S, F> fmt::Debug for Lines<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

struct JsonLines<F> {
    index: u64,
    ending: Option<F>,
}

impl<T, F, R> Format<T> for JsonLines<F>
where
    T: Serialize,
    F: FnOnce(&Error) -> R,
    R: Serialize,
{
    fn row(&mut self, row: T, out: &mut BytesMut) -> Result<(), Error> {
        write(&row, self.index, out)?;
        self.index += 1;
        Ok(())
    }

    fn ending(&mut self, error: &Error, out: &mut BytesMut) -> Result<(), Error> {
        match self.ending.take() {
            Some(row) => write(&row(error), self.index, out),
            None => Ok(()),
        }
    }

    fn beyond_rows(&self) -> (usize, usize) {
        (0, usize::from(self.ending.is_some()))
    }
}

fn write(row: &impl Serialize, index: u64, out: &mut BytesMut) -> Result<(), Error> {
    serde_json::to_writer(out.writer(), row).map_err(|error| RowError::new(index, error))?;
    out.put_u8(b'\n');
    Ok(())
}

/// A response of rows: [`lines`] under the content type `application/x-ndjson`.
///
/// See the [module](self) for an example, and [`lines`] for how it fails.
#[derive(Debug)]
#[must_use = "a response does nothing until it is returned"]
pub struct Ndjson<S, F = fn(&Error)> {
    head: Head,
    lines: Lines<S, F>,
}

impl<S> Ndjson<S> {
    /// A response of these rows, with status 200.
    pub fn new<T, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Serialize,
        E: Into<Error>,
    {
        Self {
            head: Head::ok().content_type("application/x-ndjson"),
            lines: lines(rows),
        }
    }
}

impl<S, F> Ndjson<S, F> {
    /// Changes the head, or puts another in its place.
    ///
    /// ```
    /// # use lambda_stream::format::ndjson::Ndjson;
    /// # use lambda_stream::Error;
    /// # let rows = tokio_stream::empty::<Result<u8, Error>>();
    /// let response = Ndjson::new(rows).head(|head| head.header("x-total", "3"));
    /// ```
    pub fn head(mut self, change: impl FnOnce(Head) -> Head) -> Self {
        self.head = change(self.head);
        self
    }

    /// Tells the client of an error by a last row; see [`Lines::ending_with`].
    pub fn ending_with<G, R>(self, row: G) -> Ndjson<S, G>
    where
        G: FnOnce(&Error) -> R,
        R: Serialize,
    {
        Ndjson {
            head: self.head,
            lines: self.lines.ending_with(row),
        }
    }

    /// Head and stream, which together are a response too; to put other adapters around the stream.
    pub fn into_parts(self) -> (Head, Lines<S, F>) {
        (self.head, self.lines)
    }
}

impl<S, T, E, F, R> IntoResponse for Ndjson<S, F>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
    F: FnOnce(&Error) -> R,
    R: Serialize,
{
    type Payload = Payload<Lines<S, F>>;

    fn into_response(self) -> Response<Self::Payload> {
        self.into_parts().into_response()
    }
}
