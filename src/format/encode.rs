//! From a stream of rows to a stream of chunks, whatever the format.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::error::Error;

/// Rows are written into blocks of this size. A block is written again as soon as the chunks that were
/// cut from it are gone, so a row costs an allocation only when it is held on to, or is large.
const BLOCK: usize = 4096;

/// A row is begun in the block at hand if this much of it is left.
const ROW: usize = 512;

/// How rows of type `T` are written. A chunk is whatever one call wrote; nothing written is no chunk.
pub(super) trait Format<T> {
    /// Writes one row.
    fn row(&mut self, row: T, out: &mut BytesMut) -> Result<(), Error>;

    /// Writes what follows the last row of a stream that ended well.
    fn close(&mut self, _out: &mut BytesMut) {}

    /// Writes what tells the client of this error.
    fn ending(&mut self, _error: &Error, _out: &mut BytesMut) -> Result<(), Error> {
        Ok(())
    }

    /// How many chunks there are at least, and at most beyond one for each item.
    fn beyond_rows(&self) -> (usize, usize);
}

pin_project! {
    /// The chunks of a stream of rows: one for each row.
    ///
    /// Fused: the rows are dropped as soon as they have ended or failed, or one could not be written.
    pub(super) struct Encoded<S, F> {
        #[pin]
        rows: Option<S>,
        format: F,
        buffer: BytesMut,
        // What comes after the ending that told the client of it.
        error: Option<Error>,
    }
}

impl<S, F> Encoded<S, F> {
    pub(super) fn new(rows: S, format: F) -> Self {
        Self {
            rows: Some(rows),
            format,
            buffer: BytesMut::new(),
            error: None,
        }
    }

    /// The same rows in another format; for builders, before the first poll.
    pub(super) fn map_format<G>(self, change: impl FnOnce(F) -> G) -> Encoded<S, G> {
        Encoded {
            rows: self.rows,
            format: change(self.format),
            buffer: self.buffer,
            error: self.error,
        }
    }
}

impl<S, T, E, F> Stream for Encoded<S, F>
where
    S: Stream<Item = Result<T, E>>,
    E: Into<Error>,
    F: Format<T>,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(rows) = this.rows.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let row = ready!(rows.poll_next(cx));
        if this.buffer.capacity() < ROW {
            this.buffer.reserve(BLOCK);
        }
        let error = match row {
            Some(Ok(row)) => match this.format.row(row, this.buffer) {
                Ok(()) => return Poll::Ready(Some(Ok(this.buffer.split().freeze()))),
                Err(error) => {
                    this.buffer.clear();
                    error
                }
            },
            Some(Err(error)) => error.into(),
            None => {
                this.rows.set(None);
                this.format.close(this.buffer);
                return Poll::Ready(cut(this.buffer).map(Ok));
            }
        };
        this.rows.set(None);
        if let Err(reason) = this.format.ending(&error, this.buffer) {
            // The error itself matters more than the row that was to tell of it.
            tracing::warn!(%reason, "the last row that was to tell the client of an error is left out");
            this.buffer.clear();
        }
        match cut(this.buffer) {
            Some(ending) => {
                *this.error = Some(error);
                Poll::Ready(Some(Ok(ending)))
            }
            None => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(rows) = &self.rows else {
            let left = usize::from(self.error.is_some());
            return (left, Some(left));
        };
        let (at_least, beyond) = self.format.beyond_rows();
        let (low, high) = rows.size_hint();
        // Any row may be the one that cannot be written, and then it is the last.
        let low = low.min(1).max(at_least);
        (low, high.and_then(|high| high.checked_add(beyond)))
    }
}

/// What was written since the last chunk.
fn cut(buffer: &mut BytesMut) -> Option<Bytes> {
    (!buffer.is_empty()).then(|| buffer.split().freeze())
}
