//! Which row could not be written, and why.

use std::fmt;

use crate::error::Error;

/// A row that could not be serialised; the source is the serializer's own error.
///
/// The stream of chunks fails with it, as an [`Error`](crate::Error). Nothing of the row was emitted. It is
/// reported as `Function.InvalidRow`.
#[derive(Debug)]
pub struct RowError {
    index: u64,
    source: Error,
}

impl RowError {
    pub(crate) fn new(index: u64, source: impl Into<Error>) -> Self {
        Self {
            index,
            source: source.into(),
        }
    }

    /// The number of the row, counted from 0; which is also how many rows were written before it.
    pub fn index(&self) -> u64 {
        self.index
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "row {} (counted from 0) cannot be serialised: {}",
            self.index, self.source
        )
    }
}

impl std::error::Error for RowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
