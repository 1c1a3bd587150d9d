//! The stream of chunks that a handler under test returns.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::plan::{ALONE, PATTERN, PERIOD, Plan, STAMP};

/// What handlers usually fail with.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The chunks of a plan. Chunks that are ready at once are slices of a static array, so that what is
/// measured is their way out and not how they came to be.
#[derive(Debug)]
pub struct Source {
    plan: Plan,
    given: u32,
    /// Where in the pattern the next chunk begins.
    at: usize,
    pace: Option<Interval>,
    /// The next poll is pending, by [`ALONE`].
    is_shy: bool,
}

impl Source {
    pub fn new(plan: Plan) -> Self {
        let pace = plan.is_stamped().then(|| {
            let mut pace = interval(Duration::from_micros(plan.pace_us.into()));
            // A chunk that came late does not make the next one come early.
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        Self {
            plan,
            given: 0,
            at: 0,
            pace,
            is_shy: plan.pace_us == ALONE,
        }
    }

    fn data(&mut self) -> &'static [u8] {
        let size = self.plan.size_of(self.given);
        let data = &PATTERN[self.at..self.at + size];
        self.given += 1;
        self.at = (self.at + size) % PERIOD;
        data
    }

    /// Chunks that are not ready at once; out of line, so that those that are do not pay for it.
    #[inline(never)]
    fn poll_later(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let Some(pace) = &mut self.pace else {
            self.is_shy = !self.is_shy;
            if self.is_shy {
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
        if this.given == this.plan.chunks {
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
        let left = (self.plan.chunks - self.given) as usize;
        (left, Some(left))
    }
}

/// Nanoseconds since 1970: the one clock that two processes share and that std can read.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
