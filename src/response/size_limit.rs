//! Counts the payload of a response against a limit.

use bytes::Bytes;

use crate::error::SizeLimitExceeded;

/// A limit in bytes, and how much of it is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeLimit {
    limit: u64,
    taken: u64,
}

impl SizeLimit {
    /// No limit: no response reaches this many bytes.
    pub(crate) const NONE: Self = Self::new(u64::MAX);

    pub(crate) const fn new(limit: u64) -> Self {
        Self { limit, taken: 0 }
    }

    /// Whether this chunk still fits; if it does, it is counted.
    pub(crate) fn take(&mut self, chunk: &Bytes) -> Result<(), SizeLimitExceeded> {
        let offered = self.taken.saturating_add(chunk.len() as u64);
        if offered > self.limit {
            return Err(SizeLimitExceeded::new(self.limit, offered));
        }
        self.taken = offered;
        Ok(())
    }
}
