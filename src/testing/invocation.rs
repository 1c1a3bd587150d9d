//! An invocation whose response is still arriving.

use std::fmt;

use super::lambda::{Lambda, Seen, Sighting};
use super::outcome::{Chunk, Outcome};
use crate::error::Failure;
use crate::response::Head;

/// An invocation whose response is still arriving; see
/// [`Lambda::invoke_streaming`](Lambda::invoke_streaming).
///
/// The function makes progress only while a method is awaited, and is held back while what it has
/// sent is not asked for: a slow reader, as in production.
///
/// An invocation that is dropped goes on when the next one is awaited, which waits for its end.
///
/// # Example
///
/// With paused time, a test asserts on when a chunk arrives and takes no time itself:
///
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use lambda_stream::testing::Lambda;
/// use lambda_stream::{Error, Head, LambdaEvent};
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut lambda = Lambda::new(async |event: LambdaEvent<u64>| {
///     let ticks = tokio_stream::iter(1..=event.payload)
///         .map(|n| Ok::<_, Error>(Bytes::from(format!("tick {n}\n"))))
///         .throttle(Duration::from_secs(60));
///     Ok::<_, Error>((Head::ok(), ticks))
/// });
///
/// let mut invocation = lambda.invoke_streaming(2);
/// let first = invocation.next_chunk().await.unwrap();
/// assert_eq!(first.text(), "tick 1\n");
/// assert!(first.elapsed() < Duration::from_secs(1));
///
/// let early = tokio::time::timeout(Duration::from_secs(50), invocation.next_chunk());
/// assert!(early.await.is_err());
///
/// let outcome = invocation.finish().await;
/// assert_eq!(outcome.chunks()[1].elapsed().as_secs(), 60);
/// assert!(outcome.is_complete());
/// # }
/// ```
#[must_use = "an invocation makes progress only while it is awaited"]
pub struct Invocation<'l, 'h> {
    lambda: &'l mut Lambda<'h>,
    number: u64,
    outcome: Outcome,
    /// Number of the chunks that [`next_chunk`](Self::next_chunk) has returned.
    returned: usize,
    started: bool,
    ended: bool,
    idle: bool,
}

impl<'l, 'h> Invocation<'l, 'h> {
    pub(super) fn new(lambda: &'l mut Lambda<'h>, number: u64) -> Self {
        Self {
            lambda,
            number,
            outcome: Outcome::default(),
            returned: 0,
            started: false,
            ended: false,
            idle: false,
        }
    }

    /// An invocation that never began.
    pub(super) fn failed(lambda: &'l mut Lambda<'h>, failure: Failure) -> Self {
        let mut invocation = Self::new(lambda, 0);
        invocation.stop(failure);
        invocation
    }

    /// Waits for the head of the response. Returns `None` for a payload without a head, and if the
    /// invocation fails before.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn head(&mut self) -> Option<&Head> {
        while !self.started && !self.ended {
            self.observe().await;
        }
        self.outcome.head()
    }

    /// Waits for the next chunk. Returns `None` once the response has ended, well or not.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next_chunk(&mut self) -> Option<Chunk> {
        loop {
            if let Some(chunk) = self.outcome.chunks().get(self.returned) {
                self.returned += 1;
                return Some(chunk.clone());
            }
            if self.ended {
                return None;
            }
            self.observe().await;
        }
    }

    /// Waits until the function has done everything that belongs to this invocation. The outcome
    /// also has the chunks that were returned before.
    pub async fn finish(mut self) -> Outcome {
        while !self.idle {
            self.observe().await;
        }
        self.outcome
    }

    async fn observe(&mut self) {
        let Sighting {
            invocation,
            elapsed,
            what,
        } = match self.lambda.observe().await {
            Ok(sighting) => sighting,
            Err(failure) => return self.stop(failure),
        };
        // The rest of an invocation that was dropped.
        if invocation != self.number {
            return;
        }
        match what {
            Seen::Start(start) => {
                self.started = true;
                self.outcome.start(start);
            }
            Seen::Chunk(chunk) => self.outcome.push(chunk),
            Seen::End(end) => {
                self.ended = true;
                self.outcome.end(end, elapsed);
            }
            Seen::Idle(late_failure) => {
                self.idle = true;
                self.outcome.idle(late_failure);
            }
        }
    }

    fn stop(&mut self, failure: Failure) {
        if !self.ended {
            self.outcome.fail(failure);
        }
        self.ended = true;
        self.idle = true;
    }
}

impl fmt::Debug for Invocation<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("outcome", &self.outcome)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
