//! How many bytes leave in one write, how long they may wait for one another, and why.
//!
//! Writing a chunk costs a system call and a frame, copying a small one costs next to nothing. So
//! small chunks that are ready together share a frame, as in tonic's `EncodeBody`. Nothing ever
//! waits for a fuller frame. `docs/performance.md` says what each constant is worth.
//!
//! * A source that turns pending ends the batch.
//! * A source has to earn batching: its first chunks, [`TRIAL_CHUNKS`] of them, are each a frame,
//!   so that each is on the wire before the source is polled again.
//! * A batch ends [`BATCH_TIME`] after it began, with the poll that is under way. If it has fewer
//!   than [`TRIAL_CHUNKS`] chunks by then, the source is slow, and the trial begins anew. A source
//!   that is always ready but computes or blocks for each chunk is therefore sent chunk by chunk,
//!   and one that turns slow holds back one batch at the most.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

/// Size from which a chunk is a frame of its own, in bytes. Copying less costs less than a write:
/// with 16 KiB, chunks of mixed sizes have a third of the throughput.
const LARGE_CHUNK: usize = 32 * 1024;

/// Largest frame of small chunks, in bytes. With 64 KiB, 64 B chunks have 5/6 of the throughput.
const BATCH_BYTES: usize = 128 * 1024;

/// Longest time from the first poll to the last one of a batch, and the time from which a poll
/// counts as slow. Looking at the clock takes half of the time of a 64 B chunk; it buys the promise
/// that chunks of a slow source do not wait for one another.
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
    /// Number of chunks in time since the source was last found slow, up to [`TRIAL_CHUNKS`].
    fast_polls: u32,
    /// The first chunk, which is not copied as long as it is alone.
    first: Option<Bytes>,
    /// Chunks that share a frame. The memory is used again once the frame has been sent.
    shared: BytesMut,
    /// A chunk that did not fit, and goes before anything else.
    rest: Option<Bytes>,
}

/// Measures one batch.
#[derive(Debug)]
pub(super) struct Stopwatch {
    /// When the batch has to end.
    ends: Instant,
    chunks: u32,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self {
            ends: Instant::now() + BATCH_TIME,
            chunks: 0,
        }
    }
}

impl Batcher {
    /// Adds the chunk that a poll of the source gave.
    #[inline]
    pub(super) fn push(&mut self, chunk: Bytes, stopwatch: &mut Stopwatch) -> Batch {
        let in_time = self.time(stopwatch);
        let fits = self.add(chunk);
        if in_time && fits && self.fast_polls == TRIAL_CHUNKS {
            Batch::Open
        } else {
            Batch::Full
        }
    }

    /// Counts a poll that gave an empty chunk; a batch does not wait for another one if it was
    /// slow.
    pub(super) fn skip(&mut self, stopwatch: &mut Stopwatch) -> Batch {
        if self.time(stopwatch) && self.fast_polls > 0 {
            Batch::Open
        } else {
            Batch::Full
        }
    }

    /// Times a poll; returns whether the batch may still wait for another.
    #[inline]
    fn time(&mut self, stopwatch: &mut Stopwatch) -> bool {
        stopwatch.chunks += 1;
        let in_time = Instant::now() < stopwatch.ends;
        if in_time {
            self.fast_polls += u32::from(self.fast_polls < TRIAL_CHUNKS);
        } else if stopwatch.chunks < TRIAL_CHUNKS {
            self.fast_polls = 0;
        }
        in_time
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
        stopwatch.ends -= BATCH_TIME;
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
        assert_eq!(batcher.take().unwrap().len(), 1);
        let mut stopwatch = Stopwatch::start();
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
    }

    #[test]
    fn long_batch_of_a_fast_source_keeps_batching() {
        let mut batcher = earned();
        let mut stopwatch = Stopwatch::start();
        // A test may be interrupted between two chunks.
        stopwatch.ends += Duration::from_secs(60);
        for _ in 1..TRIAL_CHUNKS {
            assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Open);
        }
        stopwatch.ends = Instant::now();
        assert_eq!(batcher.push(chunk(1), &mut stopwatch), Batch::Full);
        assert_eq!(batcher.take().unwrap().len(), TRIAL_CHUNKS as usize);
        assert_eq!(batcher.fast_polls, TRIAL_CHUNKS);
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
