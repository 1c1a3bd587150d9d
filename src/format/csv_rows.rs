//! CSV, written by the crate of that name.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use csv::{Terminator, Writer, WriterBuilder};
use futures_core::Stream;
use http::header::CONTENT_DISPOSITION;
use serde::Serialize;

use super::rows::Format;
use super::{Formatted, RowError, Rows, attachment};
use crate::error::Error;
use crate::response::Head;

/// A response of CSV as RFC 4180 defines it, for spreadsheets: a record per row (cargo feature
/// `csv`).
///
/// The names of a struct's fields are the header record, which comes with the first row. Rows
/// without names (tuples, sequences) have none, and no rows are no bytes at all;
/// [`columns`](Csv::columns) names the columns in both cases. The crate `csv` documents what a row
/// can be at [`Writer::serialize`](https://docs.rs/csv/1/csv/struct.Writer.html#method.serialize);
/// it cannot be a map. The content type is `text/csv; charset=utf-8`.
///
/// # Errors
///
/// The error of the rows; or a [`RowError`] if a row cannot be serialized or has more or fewer
/// fields than the one before, in which case nothing of that row is sent. The rows are dropped at
/// once.
///
/// # Example
///
/// ```
/// use lambda_stream::format::Csv;
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
/// let response = Csv::new(rows).attachment("report.csv"); // what a handler returns
/// let chunks: Vec<_> = response.into_stream().collect::<Result<_, _>>().await?;
/// assert_eq!(chunks, ["id,name\r\n1,a\r\n", "2,\"b, c\"\r\n"]);
/// # Ok(()) }
/// ```
pub type Csv<S> = Formatted<Rows<S, CsvRecords>>;

impl<S> Csv<S> {
    /// Creates a response of these rows, with status 200.
    pub fn new<T, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Serialize,
        E: Into<Error>,
    {
        Self {
            head: Head::ok().content_type("text/csv; charset=utf-8"),
            chunks: Rows::new(rows, CsvRecords::new(true)),
        }
    }

    /// Names the columns, in place of the names of the fields.
    ///
    /// The names come with the first row, or alone if there is none. Each row has to have as many
    /// fields.
    ///
    /// ```
    /// # use lambda_stream::format::Csv;
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let rows = tokio_stream::iter([(1, "a")]).map(Ok::<_, Error>);
    /// let mut chunks = Csv::new(rows).columns(["id", "name"]).into_stream();
    /// assert_eq!(chunks.next().await.unwrap()?, "id,name\r\n1,a\r\n");
    /// # Ok(()) }
    /// ```
    pub fn columns(mut self, names: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        self.chunks.set_format(CsvRecords::with_columns(names));
        self
    }

    /// Makes browsers save the response as a file of this name (`content-disposition`, RFC 6266).
    ///
    /// The name can be any text. One beyond plain ASCII is sent encoded, along with a plain one for
    /// old clients.
    pub fn attachment(self, filename: impl AsRef<str>) -> Self {
        let value = attachment::disposition(filename.as_ref());
        self.head(|head| head.header(CONTENT_DISPOSITION, value))
    }
}

/// The format of [`Csv`].
pub struct CsvRecords {
    writer: Writer<SharedBuffer>,
    written: SharedBuffer,
    has_columns: bool,
}

impl CsvRecords {
    fn new(has_headers: bool) -> Self {
        let written = SharedBuffer::default();
        Self {
            writer: WriterBuilder::new()
                .has_headers(has_headers)
                .terminator(Terminator::CRLF)
                .from_writer(written.clone()),
            written,
            has_columns: false,
        }
    }

    fn with_columns(names: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut records = Self::new(false);
        // The record stays in the writer until the first row. Writing to memory cannot fail.
        let _ = records.writer.write_record(names);
        records.has_columns = true;
        records
    }

    /// Moves what has been written since the last call.
    fn flush(&mut self, out: &mut BytesMut) -> io::Result<()> {
        self.writer.flush()?;
        self.written.with(|bytes| {
            out.extend_from_slice(bytes);
            bytes.clear();
        });
        Ok(())
    }
}

impl<T: Serialize> Format<T> for CsvRecords {
    fn write_row(&mut self, index: u64, row: T, out: &mut BytesMut) -> Result<(), Error> {
        self.writer
            .serialize(row)
            .map_err(|error| RowError::new(index, error))?;
        self.flush(out)
            .map_err(|error| RowError::new(index, error))?;
        Ok(())
    }

    fn write_end(&mut self, _rows: u64, out: &mut BytesMut) {
        // Only columns without a row are left. Writing to memory cannot fail.
        let _ = self.flush(out);
    }

    fn extra_chunks(&self) -> (usize, usize) {
        (0, usize::from(self.has_columns))
    }
}

impl fmt::Debug for CsvRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvRecords")
            .field("has_columns", &self.has_columns)
            .finish_non_exhaustive()
    }
}

/// The destination of the CSV writer, which lends it for reading only: hence a second handle. The
/// lock makes streams `Send`, and is never contended.
#[derive(Clone, Default)]
struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    fn with<T>(&self, use_buffer: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        use_buffer(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
