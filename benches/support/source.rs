//! The stream of chunks that a handler under test returns.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::plan::{ALONE, PATTERN, PERIOD, Plan, STAMP};

/// The usual error of a handler.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The chunks of a plan. Chunks that are ready at once are slices of a static array, so that sending
/// them is measured and not making them.
#[derive(Debug)]
pub struct Source {
    plan: Plan,
    returned: u32,
    /// Position of the next chunk in the pattern.
    at: usize,
    pace: Option<Interval>,
    /// Whether the next poll is pending, with [`ALONE`].
    pending_next: bool,
}

impl Source {
    pub fn new(plan: Plan) -> Self {
        let pace = plan.is_stamped().then(|| {
            let mut pace = interval(Duration::from_micros(plan.pace_us.into()));
            // A late chunk does not make the next one early.
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        Self {
            plan,
            returned: 0,
            at: 0,
            pace,
            pending_next: plan.pace_us == ALONE,
        }
    }

    fn data(&mut self) -> &'static [u8] {
        let size = self.plan.size_of(self.returned);
        let data = &PATTERN[self.at..self.at + size];
        self.returned += 1;
        self.at = (self.at + size) % PERIOD;
        data
    }

    /// Polls for a chunk that is not ready at once; out of line, so that ready ones do not pay for it.
    #[inline(never)]
    fn poll_later(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let Some(pace) = &mut self.pace else {
            self.pending_next = !self.pending_next;
            if self.pending_next {
                return Poll::Ready(Bytes::from_static(self.data()));
            }
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        ready!(pace.poll_tick(cx));
        let mut chunk = self.data().to_vec();
        chunk[..STAMP].copy_from_slice(&now().to_le_bytes());
        Poll::Ready(chunk.into())
    }
}

impl Stream for Source {
    type Item = Result<Bytes, Error>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.returned == this.plan.chunks {
            return Poll::Ready(None);
        }
        let chunk = match this.plan.pace_us {
            0 => Bytes::from_static(this.data()),
            _ => ready!(this.poll_later(cx)),
        };
        Poll::Ready(Some(Ok(chunk)))
    }

    /// Knows how many chunks are left, as `tokio_stream::iter` and `once` do.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.plan.chunks - self.returned) as usize;
        (left, Some(left))
    }
}

/// Returns nanoseconds since 1970: std's only clock that two processes share.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
