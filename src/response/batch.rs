//! How many bytes leave in one write, how long they may wait for one another, and why.
//!
//! Writing a chunk costs a system call and a frame, copying a small one costs next to nothing. So
//! small chunks that are ready together share a frame, as in tonic's `EncodeBody`. Nothing ever waits
//! for a fuller frame:
//!
//! * A source that turns pending ends the batch.
//! * A source has to earn batching: its first chunks, [`TRIAL_CHUNKS`] of them, are each a frame, so
//!   that each is on the wire before the source is polled again. A poll that takes [`BATCH_TIME`] or
//!   longer ends the batch, and the trial begins anew. A source that is always ready but computes or
//!   blocks for each chunk is therefore sent chunk by chunk, and one that turns slow holds back one
//!   batch at the most.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

/// Size from which a chunk is a frame of its own, in bytes. Copying less costs less than a write.
const LARGE_CHUNK: usize = 16 * 1024;

/// Largest frame of small chunks, in bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// Longest time from the first to the last chunk of a batch, and the time from which a poll of the
/// source counts as slow.
const BATCH_TIME: Duration = Duration::from_micros(50);

/// Number of chunks in a row that a source has to give in fast polls before they are batched.
const TRIAL_CHUNKS: u32 = 8;

/// Whether another chunk may join the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batch {
    Open,
    Full,
}

/// Collects small chunks into frames.
#[derive(Debug, Default)]
pub(super) struct Batcher {
    /// Number of fast polls in a row, up to [`TRIAL_CHUNKS`].
    fast_polls: u32,
    /// The first chunk, which is not copied as long as it is alone.
    first: Option<Bytes>,
    /// Chunks that share a frame. The memory is used again once the frame has been sent.
    shared: BytesMut,
    /// A chunk that did not fit, and goes before anything else.
    rest: Option<Bytes>,
}

/// Measures the polls of one batch.
#[derive(Debug)]
pub(super) struct Stopwatch {
    began: Instant,
    polled: Instant,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            polled: now,
        }
    }
}

impl Batcher {
    /// Adds the chunk that a poll of the source gave.
    #[inline]
    pub(super) fn push(&mut self, chunk: Bytes, stopwatch: &mut Stopwatch) -> Batch {
        let now = self.time(stopwatch);
        let fits = self.add(chunk);
        let closed = self.fast_polls < TRIAL_CHUNKS || now - stopwatch.began >= BATCH_TIME;
        if closed || !fits {
            Batch::Full
        } else {
            Batch::Open
        }
    }

    /// Counts a poll that gave an empty chunk; a batch does not wait for another one if it was slow.
    pub(super) fn skip(&mut self, stopwatch: &mut Stopwatch) -> Batch {
        let now = self.time(stopwatch);
        if self.fast_polls == 0 || now - stopwatch.began >= BATCH_TIME {
            Batch::Full
        } else {
            Batch::Open
        }
    }

    /// Times a poll, and returns the time now.
    #[inline]
    fn time(&mut self, stopwatch: &mut Stopwatch) -> Instant {
        let now = Instant::now();
        let fast = now - stopwatch.polled < BATCH_TIME;
        stopwatch.polled = now;
        if !fast {
            self.fast_polls = 0;
        } else if self.fast_polls < TRIAL_CHUNKS {
            self.fast_polls += 1;
        }
        now
    }

    /// Puts a chunk where it leaves next; returns whether a small one may still follow.
    #[inline]
    fn add(&mut self, chunk: Bytes) -> bool {
        let len = chunk.len();
        if self.shared.is_empty() {
            let Some(first) = self.first.take() else {
                self.first = Some(chunk);
                return len < LARGE_CHUNK;
            };
            if len >= LARGE_CHUNK || first.len() >= LARGE_CHUNK {
                self.first = Some(first);
                self.rest = Some(chunk);
                return false;
            }
            self.shared.reserve(BATCH_BYTES);
            self.shared.extend_from_slice(&first);
        } else if len >= LARGE_CHUNK {
            self.rest = Some(chunk);
            return false;
        }
        self.shared.extend_from_slice(&chunk);
        self.shared.len() <= BATCH_BYTES - LARGE_CHUNK
    }

    /// Takes the next frame, if there is one.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Bytes> {
        if !self.shared.is_empty() {
            return Some(self.shared.split().freeze());
        }
        self.first.take().or_else(|| self.rest.take())
    }

    /// Whether a chunk of any size can still be added.
    pub(super) fn has_room(&self) -> bool {
        self.rest.is_none() && self.shared.len() <= BATCH_BYTES - LARGE_CHUNK
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.first.is_none() && self.rest.is_none()
    }

    pub(super) fn clear(&mut self) {
        self.shared.clear();
        self.first = None;
        self.rest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batcher whose source has earned batching.
    fn earned() -> Batcher {
        Batcher {
            fast_polls: TRIAL_CHUNKS,
            ..Batcher::default()
        }
    }

    fn chunk(len: usize) -> Bytes {
        vec![b'x'; len].into()
    }

    #[test]
    fn first_chunks_are_frames_of_their_own() {
        let mut batcher = Batcher::default();
        for _ in 1..TRIAL_CHUNKS {
            let mut stopwatch = Stopwatch::start();
            assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
            assert_eq!(batcher.take().unwrap().len(), 1);
        }
        let mut stopwatch = Stopwatch::start();
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Open);
    }

    #[test]
    fn slow_poll_ends_the_batch_and_the_trial_begins_anew() {
        let mut batcher = earned();
        let mut stopwatch = Stopwatch::start();
        stopwatch.polled -= BATCH_TIME;
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
        assert_eq!(batcher.take().unwrap().len(), 1);
        let mut stopwatch = Stopwatch::start();
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
    }

    #[test]
    fn batch_ends_after_its_time() {
        let mut batcher = earned();
        let mut stopwatch = Stopwatch::start();
        stopwatch.began -= BATCH_TIME;
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
    }

    #[test]
    fn chunk_that_stays_alone_is_not_copied() {
        let mut batcher = earned();
        let chunk = chunk(100);
        batcher.push(chunk.clone(), &mut Stopwatch::start());
        assert_eq!(batcher.take().unwrap().as_ptr(), chunk.as_ptr());
    }

    #[test]
    fn large_chunk_follows_the_small_ones_uncopied() {
        let mut batcher = earned();
        let mut stopwatch = Stopwatch::start();
        let large = chunk(LARGE_CHUNK);
        batcher.add(chunk(10));
        batcher.add(chunk(20));
        assert_eq!(batcher.push(large.clone(), &mut stopwatch), Batch::Full);
        assert_eq!(batcher.take().unwrap().len(), 30);
        assert_eq!(batcher.take().unwrap().as_ptr(), large.as_ptr());
        assert!(batcher.is_empty());
    }

    #[test]
    fn batch_never_outgrows_its_memory() {
        let mut batcher = earned();
        let mut len = 0;
        while batcher.add(chunk(LARGE_CHUNK - 1)) {
            len += LARGE_CHUNK - 1;
        }
        len += LARGE_CHUNK - 1;
        let frame = batcher.take().unwrap();
        assert_eq!(frame.len(), len);
        assert!(len <= BATCH_BYTES);
    }
}
