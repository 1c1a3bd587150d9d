//! The response that one invocation has to send, which is also its event.

use serde::{Deserialize, Serialize};

/// The response that one invocation has to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of chunks.
    pub chunks: u32,
    /// Size of each chunk in bytes; 0 means the sizes of [`MIXED`], one after another.
    pub size: u32,
    /// Time between two chunks in microseconds; 0 means that each chunk is ready at once, [`ALONE`] that
    /// it is ready at the second poll.
    pub pace_us: u32,
}

/// A pace: the source is pending once before each chunk, and wakes its task itself.
pub const ALONE: u32 = u32::MAX;

/// Sizes like those of a page with tables and pictures: most are small, a few are large.
pub const MIXED: [u32; 8] = [17, 64, 300, 1_024, 90, 4_096, 16_384, 200];

/// Length of the stamp at the beginning of a paced chunk: the moment its source returned it, in
/// nanoseconds since 1970, little-endian.
pub const STAMP: usize = 8;

/// Size of the largest chunk.
pub const LARGEST: usize = 64 * 1024;

/// Number of bytes after which the payload repeats. It is prime, so that a lost, repeated or misplaced
/// chunk shows, whatever the size of the chunks.
pub const PERIOD: usize = 65_521;

/// The payload of every invocation, long enough for a chunk to begin anywhere in the first period.
pub static PATTERN: [u8; PERIOD + LARGEST] = pattern();

const fn pattern() -> [u8; PERIOD + LARGEST] {
    let mut pattern = [0; PERIOD + LARGEST];
    let mut at = 0;
    while at < pattern.len() {
        // Knuth's multiplicative hash: no byte follows from its neighbour.
        pattern[at] = (((at % PERIOD) as u32).wrapping_mul(2_654_435_761) >> 19) as u8;
        at += 1;
    }
    pattern
}

impl Plan {
    /// Ends the process that serves it, so that a profiler writes its figures.
    pub const END: Self = Self::ready(u32::MAX, 0);

    /// Returns a plan of chunks that are all ready at once.
    pub const fn ready(chunks: u32, size: u32) -> Self {
        Self {
            chunks,
            size,
            pace_us: 0,
        }
    }

    /// Returns a plan of ready chunks with the sizes of [`MIXED`].
    pub const fn mixed(chunks: u32) -> Self {
        Self::ready(chunks, 0)
    }

    /// Returns a plan of chunks of which no two are ready together.
    pub const fn alone(chunks: u32, size: u32) -> Self {
        Self {
            chunks,
            size,
            pace_us: ALONE,
        }
    }

    /// Returns a plan of chunks that come at a pace.
    pub const fn paced(chunks: u32, size: u32, pace_us: u32) -> Self {
        assert!(size as usize > STAMP);
        Self {
            chunks,
            size,
            pace_us,
        }
    }

    /// Whether each chunk carries a stamp.
    pub const fn is_stamped(&self) -> bool {
        self.pace_us > 0 && self.pace_us != ALONE
    }

    /// Returns the size of a chunk; the first one is number 0.
    pub const fn size_of(&self, chunk: u32) -> usize {
        match self.size {
            0 => MIXED[chunk as usize % MIXED.len()] as usize,
            size => size as usize,
        }
    }

    /// Returns the size of the payload.
    pub fn bytes(&self) -> u64 {
        (0..self.chunks)
            .map(|chunk| self.size_of(chunk) as u64)
            .sum()
    }

    /// Returns the event.
    pub fn to_json(self) -> String {
        let Self {
            chunks,
            size,
            pace_us,
        } = self;
        format!(r#"{{"chunks":{chunks},"size":{size},"pace_us":{pace_us}}}"#)
    }
}
