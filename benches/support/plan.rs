//! What one invocation is to send; it is also the event of that invocation.

use serde::{Deserialize, Serialize};

/// What one invocation is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// So many chunks.
    pub chunks: u32,
    /// Of so many bytes each; 0 means the sizes of [`MIXED`], one after another.
    pub size: u32,
    /// So much time between two chunks; 0 means that each chunk is ready at once, [`ALONE`] that it is
    /// ready as soon as the source is asked again.
    pub pace_us: u32,
}

/// Before each chunk the source is pending once, and wakes its task itself.
pub const ALONE: u32 = u32::MAX;

/// Sizes as a page or an answer with tables and pictures has them: mostly small, a few large.
pub const MIXED: [u32; 8] = [17, 64, 300, 1_024, 90, 4_096, 16_384, 200];

/// A chunk that is produced at a pace begins with the moment its source gave it: nanoseconds since 1970,
/// little-endian.
pub const STAMP: usize = 8;

/// No chunk is larger.
pub const LARGEST: usize = 64 * 1024;

/// The payload repeats after so many bytes. A prime number, so that a chunk that is lost, repeated or put
/// in another's place shows, whatever the size of the chunks.
pub const PERIOD: usize = 65_521;

/// The payload of every invocation, from its first byte on; long enough for a chunk to begin anywhere in
/// the first period.
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
    /// The process that serves this ends: a profiler that watches it writes its figures.
    pub const END: Self = Self::ready(u32::MAX, 0);

    /// Chunks that are all ready at once.
    pub const fn ready(chunks: u32, size: u32) -> Self {
        Self {
            chunks,
            size,
            pace_us: 0,
        }
    }

    /// Chunks of these sizes: [`MIXED`].
    pub const fn mixed(chunks: u32) -> Self {
        Self::ready(chunks, 0)
    }

    /// Chunks of which none is ready together with its neighbours.
    pub const fn alone(chunks: u32, size: u32) -> Self {
        Self {
            chunks,
            size,
            pace_us: ALONE,
        }
    }

    /// One chunk each so many microseconds.
    pub const fn paced(chunks: u32, size: u32, pace_us: u32) -> Self {
        assert!(size as usize > STAMP);
        Self {
            chunks,
            size,
            pace_us,
        }
    }

    /// Whether each chunk tells when it was given.
    pub const fn is_stamped(&self) -> bool {
        self.pace_us > 0 && self.pace_us != ALONE
    }

    /// How large this chunk is; the first one is number 0.
    pub const fn size_of(&self, chunk: u32) -> usize {
        match self.size {
            0 => MIXED[chunk as usize % MIXED.len()] as usize,
            size => size as usize,
        }
    }

    /// The size of the payload.
    pub fn bytes(&self) -> u64 {
        (0..self.chunks)
            .map(|chunk| self.size_of(chunk) as u64)
            .sum()
    }

    /// The event.
    pub fn to_json(self) -> String {
        let Self {
            chunks,
            size,
            pace_us,
        } = self;
        format!(r#"{{"chunks":{chunks},"size":{size},"pace_us":{pace_us}}}"#)
    }
}
