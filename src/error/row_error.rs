//! The error of a row that cannot be written.

use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;

/// A row that could not be serialized; its source is the serializer's error.
///
/// Nothing of the row was sent. It is reported as `Function.InvalidRow`.
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

    /// Returns the number of the row, counted from 0, which is also the number of rows before it.
    pub fn index(&self) -> u64 {
        self.index
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        write!(f, "row {index} (counted from 0) could not be serialized")
    }
}

impl StdError for RowError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
