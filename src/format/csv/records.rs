//! From a stream of rows to CSV.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use ::csv::{Terminator, Writer, WriterBuilder};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;
use serde::Serialize;

use crate::error::Error;
use crate::error::RowError;
use crate::format::encode::{Encoded, Format};

/// The records of a stream of rows, as RFC 4180 has them: one chunk per row.
///
/// The names of a struct's fields are the header record, which comes with the first row. Rows without
/// names (tuples, sequences) have none, and no rows are no bytes at all; [`columns`](Records::columns)
/// names the columns in both cases. What a row can be is told by the crate `csv` at
/// [`Writer::serialize`](https://docs.rs/csv/1/csv/struct.Writer.html#method.serialize); maps it cannot be.
///
/// # Errors
///
/// When the rows fail, with their error; and with a [`RowError`] when a row cannot be serialised or has
/// more or fewer fields than the one before, in which case nothing of that row was emitted. The rows are
/// dropped at once.
///
/// # Cancel safety
///
/// Dropping it, or a future that awaits its next item, loses no row but those that the rows themselves
/// lose: it holds none back.
///
/// # Example
///
/// ```
/// use lambda_stream::format::csv;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// #[derive(serde::Serialize)]
/// struct Row {
///     id: u64,
///     name: &'static str,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let rows = [Row { id: 1, name: "a" }, Row { id: 2, name: "b, c" }];
/// let rows = tokio_stream::iter(rows).map(Ok::<_, Error>);
/// let chunks: Vec<_> = csv::records(rows).collect::<Result<_, _>>().await?;
/// assert_eq!(chunks, ["id,name\r\n1,a\r\n", "2,\"b, c\"\r\n"]);
/// # Ok(()) }
/// ```
pub fn records<S, T, E>(rows: S) -> Records<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Error>,
{
    Records {
        rows: Encoded::new(rows, CsvRows::new(true)),
    }
}

pin_project! {
    /// The stream of chunks that [`records`] makes. Fused.
    #[must_use = "streams do nothing unless polled"]
    pub struct Records<S> {
        #[pin]
        rows: Encoded<S, CsvRows>,
    }
}

impl<S> Records<S> {
    /// Names the columns, in place of the names of the fields.
    ///
    /// They come with the first row, or alone if there is none. Rows have to have as many fields.
    ///
    /// ```
    /// # use lambda_stream::format::csv;
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let rows = tokio_stream::iter([(1, "a")]).map(Ok::<_, Error>);
    /// let mut chunks = csv::records(rows).columns(["id", "name"]);
    /// assert_eq!(chunks.next().await.unwrap()?, "id,name\r\n1,a\r\n");
    /// # Ok(()) }
    /// ```
    pub fn columns(self, names: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        Self {
            rows: self.rows.map_format(|_| {
                let mut rows = CsvRows::new(false);
                // The writer keeps it until the first row, and writing to memory has no way to fail.
                let _ = rows.writer.write_record(names);
                rows.is_named = true;
                rows
            }),
        }
    }
}

impl<S, T, E> Stream for Records<S>
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

impl<S> fmt::Debug for Records<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

struct CsvRows {
    writer: Writer<Written>,
    written: Written,
    index: u64,
    is_named: bool,
}

impl CsvRows {
    fn new(has_headers: bool) -> Self {
        let written = Written::default();
        Self {
            writer: WriterBuilder::new()
                .has_headers(has_headers)
                .terminator(Terminator::CRLF)
                .from_writer(written.clone()),
            written,
            index: 0,
            is_named: false,
        }
    }

    /// Moves what was written since the last time.
    fn flush(&mut self, out: &mut BytesMut) -> io::Result<()> {
        self.writer.flush()?;
        self.written.with(|bytes| {
            out.extend_from_slice(bytes);
            bytes.clear();
        });
        Ok(())
    }
}

impl<T: Serialize> Format<T> for CsvRows {
    fn row(&mut self, row: T, out: &mut BytesMut) -> Result<(), Error> {
        self.writer
            .serialize(row)
            .map_err(|error| RowError::new(self.index, error))?;
        self.flush(out)
            .map_err(|error| RowError::new(self.index, error))?;
        self.index += 1;
        Ok(())
    }

    fn close(&mut self, out: &mut BytesMut) {
        // Only column names without a row are left, and writing to memory has no way to fail.
        let _ = self.flush(out);
    }

    fn beyond_rows(&self) -> (usize, usize) {
        (0, usize::from(self.is_named))
    }
}

/// Where the writer writes to. It lends its own destination for reading only, hence the second handle;
/// the lock is there because streams should be `Send`, and is never waited for.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn with<T>(&self, take: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
