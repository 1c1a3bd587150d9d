//! The mechanism behind all formats: a stream of rows becomes a stream of chunks.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::body::fused::Fused;
use crate::error::Error;

/// Size of the blocks that rows are written into. A block is reused as soon as the chunks that were
/// split off it have been dropped, so a row costs an allocation only if it is kept, or is large.
const BLOCK_BYTES: usize = 4096;

/// Least room in a block for the start of another row.
const ROW_BYTES: usize = 512;

/// How rows of type `T` are written. What one call writes is a chunk; nothing written is no chunk.
pub trait Format<T> {
    /// Writes the row of this number, counted from 0.
    fn write_row(&mut self, index: u64, row: T, out: &mut BytesMut) -> Result<(), Error>;

    /// Writes what follows the last row of a stream that ended well, after this many rows.
    fn write_end(&mut self, _rows: u64, _out: &mut BytesMut) {}

    /// Returns the least number of chunks, and the greatest number beyond one for each row.
    fn extra_chunks(&self) -> (usize, usize) {
        (0, 0)
    }
}

/// Writes what tells the client of an error. It is boxed, once per response, so that its type is
/// not part of the response's.
pub(super) type Ending = Box<dyn FnOnce(&Error, &mut BytesMut) -> Result<(), Error> + Send>;

pin_project! {
    /// The chunks of a stream of rows in a format: one for each row; created by
    /// [`Formatted::into_stream`](super::Formatted::into_stream).
    ///
    /// # Errors
    ///
    /// The error of the rows, or that of a row that cannot be written: a
    /// [`RowError`](super::RowError) or an [`EventError`](super::sse::EventError). Nothing of such
    /// a row is sent. The rows are dropped at once, and the stream yields `None` from then on.
    ///
    /// # Cancel safety
    ///
    /// Dropping a pending `next()` loses no row, unless the rows themselves lose one.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Rows<S, F> {
        #[pin]
        rows: Fused<S>,
        format: F,
        index: u64,
        buffer: BytesMut,
        ending: Option<Ending>,
        // The error that follows the chunk that told the client of it.
        error: Option<Error>,
    }
}

impl<S, F> Rows<S, F> {
    pub(super) fn new(rows: S, format: F) -> Self {
        Self {
            rows: Fused::new(rows),
            format,
            index: 0,
            buffer: BytesMut::new(),
            ending: None,
            error: None,
        }
    }

    pub(super) fn set_format(&mut self, format: F) {
        self.format = format;
    }

    pub(super) fn set_ending(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    /// Returns the rows, or `None` once they have ended or failed.
    pub fn get_ref(&self) -> Option<&S> {
        self.rows.get_ref()
    }

    /// Returns the rows, or `None` once they have ended or failed.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.rows.get_mut()
    }

    /// Returns the rows, or `None` once they have ended or failed. No row is lost.
    pub fn into_inner(self) -> Option<S> {
        self.rows.into_inner()
    }
}

impl<S, T, E, F> Stream for Rows<S, F>
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
        if this.rows.is_closed() {
            return Poll::Ready(None);
        }
        let row = ready!(this.rows.as_mut().poll_next(cx));
        if this.buffer.capacity() < ROW_BYTES {
            this.buffer.reserve(BLOCK_BYTES);
        }
        let error = match row {
            Some(Ok(row)) => match this.format.write_row(*this.index, row, this.buffer) {
                Ok(()) => {
                    *this.index += 1;
                    return Poll::Ready(Some(Ok(this.buffer.split().freeze())));
                }
                Err(error) => {
                    this.buffer.clear();
                    error
                }
            },
            Some(Err(error)) => error.into(),
            None => {
                this.format.write_end(*this.index, this.buffer);
                return Poll::Ready(split_chunk(this.buffer).map(Ok));
            }
        };
        this.rows.close();
        if let Some(ending) = this.ending.take() {
            if let Err(reason) = ending(&error, this.buffer) {
                // The error itself matters more than the row that was to report it.
                tracing::warn!(%reason, "the last row, which was to report an error, is left out");
                this.buffer.clear();
            }
        }
        Poll::Ready(Some(match split_chunk(this.buffer) {
            Some(ending) => {
                *this.error = Some(error);
                Ok(ending)
            }
            None => Err(error),
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.rows.is_closed() {
            let left = usize::from(self.error.is_some());
            return (left, Some(left));
        }
        let (least, mut extra) = self.format.extra_chunks();
        extra += usize::from(self.ending.is_some());
        let (lower, upper) = self.rows.size_hint();
        (
            lower.max(least),
            upper.and_then(|upper| upper.checked_add(extra)),
        )
    }
}

impl<S, F> fmt::Debug for Rows<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("index", &self.index)
            .field("closed", &self.rows.is_closed())
            .finish_non_exhaustive()
    }
}

/// Returns what has been written since the last chunk.
fn split_chunk(buffer: &mut BytesMut) -> Option<Bytes> {
    (!buffer.is_empty()).then(|| buffer.split().freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::testing::{Act::*, poll, script};
    use crate::format::JsonArray;

    fn text(poll: Poll<Option<Result<Bytes, Error>>>) -> String {
        match poll {
            Poll::Ready(Some(Ok(chunk))) => String::from_utf8_lossy(&chunk).into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_are_accessible_until_their_end() {
        let (rows, seen) = script(vec![Chunk("a"), Pending]);
        let mut chunks = JsonArray::new(rows).into_stream();
        assert_eq!(text(poll(Pin::new(&mut chunks))), "[\"a\"");
        assert!(poll(Pin::new(&mut chunks)).is_pending());
        assert!(chunks.get_ref().is_some() && chunks.get_mut().is_some());
        assert_eq!(text(poll(Pin::new(&mut chunks))), "]");
        assert!(seen.dropped.get());
        assert!(chunks.get_ref().is_none() && chunks.get_mut().is_none());
        assert!(chunks.into_inner().is_none());
    }

    #[test]
    fn inner_rows_can_be_taken_back() {
        let (rows, seen) = script(vec![Chunk("a"), Chunk("b")]);
        let mut chunks = JsonArray::new(rows).into_stream();
        assert_eq!(text(poll(Pin::new(&mut chunks))), "[\"a\"");
        let mut rows = chunks.into_inner().unwrap();
        assert_eq!(poll(Pin::new(&mut rows)), Poll::Ready(Some(Ok("b"))));
        assert!(!seen.dropped.get());
    }
}
