//! How long, and how far, chunks that are ready together may wait for one another.

use std::time::{Duration, Instant};

/// A chunk that is ready leaves after this time, even if its source goes on to be ready: a source that
/// computes for a while per chunk must not hold back what it has given already.
const TIME: Duration = Duration::from_micros(50);

/// So many chunks are taken from one look at the clock to the next, when the chunks came fast none, one,
/// two… times before.
const STRIDES: [u32; 4] = [1, 2, 4, 8];

/// Chunks that are smaller and ready together share a frame: copying a small chunk costs less than a frame of
/// its own, here and above all for whoever reads it.
pub(crate) const SHARED_CHUNK: usize = 4 * 1024;

/// As many bytes share a frame at most.
pub(crate) const SHARED_FRAME: usize = 16 * 1024;

/// Tells when a burst has lasted long enough.
///
/// Looking at a clock takes as long as everything else about a small chunk. So while chunks come fast, a few
/// are taken between two looks.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    /// What it said at the last look.
    looked: Duration,
    /// So many times in a row, chunks came fast.
    fast: u32,
    /// So many more chunks before the next look.
    left: u32,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
            looked: Duration::ZERO,
            fast: 0,
            left: 1,
        }
    }

    /// Whether the burst is over; to be asked after each chunk.
    #[inline]
    pub(crate) fn is_over(&mut self) -> bool {
        self.left -= 1;
        self.left == 0 && self.look()
    }

    #[inline(never)]
    fn look(&mut self) -> bool {
        let elapsed = self.began.elapsed();
        let is_fast = elapsed - self.looked < TIME / 2;
        self.fast = if is_fast { self.fast + 1 } else { 0 };
        self.left = STRIDES[(self.fast as usize).min(STRIDES.len() - 1)];
        self.looked = elapsed;
        elapsed >= TIME
    }
}
