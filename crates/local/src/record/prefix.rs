//! The beginning of something that may be long.

use std::cmp::max;

/// The first bytes of a payload or an event, as many as may be kept.
#[derive(Debug)]
pub(crate) struct Prefix {
    kept: Vec<u8>,
    /// Number of bytes that there were.
    total: u64,
    limit: usize,
}

impl Prefix {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            total: 0,
            limit,
        }
    }

    /// Adds bytes, and keeps those that there is room for.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.limit.saturating_sub(self.kept.len());
        let bytes = &bytes[..bytes.len().min(room)];
        let needed = self.kept.len() + bytes.len();
        if needed > self.kept.capacity() {
            // Doubled as a vector does, but never beyond the limit: what is held is what counts.
            let capacity = max(needed, (needed * 2).min(self.limit));
            self.kept.reserve_exact(capacity - self.kept.len());
        }
        self.kept.extend_from_slice(bytes);
    }

    /// Counts bytes that were not given to [`push`](Self::push), because nothing more is kept.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.total += bytes;
    }

    /// Frees what was allocated for more.
    pub(super) fn finish(&mut self) {
        self.kept.shrink_to_fit();
    }

    /// Returns whether no more bytes will be kept.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= self.limit
    }

    /// Returns whether all bytes that there were are kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.kept.len() as u64 == self.total
    }

    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.kept.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_never_exceeds_the_limit() {
        let mut prefix = Prefix::new(1000);
        for _ in 0..100 {
            prefix.push(&[b'x'; 17]);
            assert!(prefix.capacity() <= 1000, "{}", prefix.capacity());
        }
        assert_eq!((prefix.kept().len(), prefix.total()), (1000, 1700));
        assert!(prefix.is_full() && !prefix.is_whole());
    }

    #[test]
    fn short_payload_is_whole() {
        let mut prefix = Prefix::new(10);
        prefix.push(b"abc");
        prefix.finish();
        assert!(prefix.is_whole() && !prefix.is_full());
        assert_eq!((prefix.kept(), prefix.capacity()), (&b"abc"[..], 3));
        prefix.skip(1);
        assert!(!prefix.is_whole());
    }
}
