//! Bytes that keep an idle stream alive.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::fused::Fused;
use super::timer::Timer;

pin_project! {
    /// A stream with heartbeats; created by [`heartbeat`](crate::body::ChunkStreamExt::heartbeat).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Heartbeat<S> {
        #[pin]
        stream: Fused<S>,
        #[pin]
        timer: Timer,
        // `None` means that no heartbeats are sent.
        interval: Option<Duration>,
        bytes: Bytes,
        // Whether the stream has yielded nothing since the timer was set.
        idle: bool,
    }
}

impl<S> Heartbeat<S> {
    pub(crate) fn new(stream: S, interval: Duration, bytes: Bytes) -> Self {
        let is_enabled = !interval.is_zero() && !bytes.is_empty();
        Self {
            stream: Fused::new(stream),
            timer: Timer::new(),
            interval: is_enabled.then_some(interval),
            bytes,
            idle: false,
        }
    }

    /// Replaces the interval; for builders, before the first poll.
    pub(crate) fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = (!interval.is_zero()).then_some(interval);
        self
    }

    /// Returns the stream, or `None` once it has ended or failed.
    pub fn get_ref(&self) -> Option<&S> {
        self.stream.get_ref()
    }

    /// Returns the stream, or `None` once it has ended or failed.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.stream.get_mut()
    }

    /// Returns the stream, or `None` once it has ended or failed. No chunk is lost.
    pub fn into_inner(self) -> Option<S> {
        self.stream.into_inner()
    }
}

impl<S, D, E> Stream for Heartbeat<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
{
    type Item = Result<Bytes, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Poll::Ready(item) = this.stream.poll_next(cx) {
            let item = item.map(|item| item.map(Into::into));
            match &item {
                // An empty chunk does not reach the client, which goes on waiting.
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(_)) => *this.idle = false,
                _ => this.timer.clear(),
            }
            return Poll::Ready(item);
        }
        let Some(interval) = *this.interval else {
            return Poll::Pending;
        };
        if !*this.idle {
            *this.idle = true;
            // An interval that is too long for the clock never ends.
            if let Some(at) = Instant::now().checked_add(interval) {
                this.timer.as_mut().set(at);
            }
        }
        ready!(this.timer.poll_elapsed(cx));
        *this.idle = false;
        Poll::Ready(Some(Ok(this.bytes.clone())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.stream.size_hint();
        if self.interval.is_none() || self.stream.is_closed() {
            return (lower, upper);
        }
        (lower, None)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures::StreamExt;

    use super::*;
    use crate::body::ChunkStreamExt;
    use crate::body::testing::{Act::*, TestError, at, busy, poll, script, seconds};

    const TICK: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn each_idle_interval_has_a_heartbeat() {
        let stream = at([(25, "a"), (26, "b"), (40, "c")]).heartbeat(TICK, "-");
        assert_eq!(
            seconds(stream).await,
            [
                (10.0, "-".to_owned()),
                (20.0, "-".to_owned()),
                (25.0, "a".to_owned()),
                (26.0, "b".to_owned()),
                (36.0, "-".to_owned()),
                (40.0, "c".to_owned()),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn ready_chunk_precedes_a_due_heartbeat() {
        let stream = at([(10, "a"), (20, "b")]).heartbeat(TICK, "-");
        assert_eq!(
            seconds(stream).await,
            [(10.0, "a".to_owned()), (20.0, "b".to_owned())]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn busy_stream_has_no_heartbeats() {
        let stream = at([(9, "a"), (18, "b"), (27, "c")]).heartbeat(TICK, "-");
        assert_eq!(seconds(stream).await.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reader_gets_a_single_heartbeat() {
        let (stream, _) = script(vec![Pending, Pending, Pending, Pending]);
        let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
        assert!(poll(stream.as_mut()).is_pending());
        tokio::time::advance(10 * TICK).await;
        assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("-".into()))));
        tokio::time::advance(10 * TICK).await;
        assert!(poll(stream.as_mut()).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn empty_chunks_do_not_delay_a_heartbeat() {
        let (stream, _) = script(vec![
            Pending,
            Pending,
            Chunk(""),
            Pending,
            Chunk("a"),
            Pending,
        ]);
        let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
        assert!(poll(stream.as_mut()).is_pending());
        tokio::time::advance(TICK / 2).await;
        assert!(poll(stream.as_mut()).is_pending());
        assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("".into()))));
        tokio::time::advance(TICK / 2).await;
        assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("-".into()))));
        assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("a".into()))));
        assert!(poll(stream.as_mut()).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn ended_stream_is_dropped_at_once() {
        for (acts, last) in [
            (vec![Pending], None),
            (vec![Pending, Fail, Chunk("a")], Some(Err(TestError))),
        ] {
            let (stream, seen) = script(acts);
            let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
            assert!(poll(stream.as_mut()).is_pending());
            assert_eq!(poll(stream.as_mut()), Poll::Ready(last));
            assert!(seen.dropped.get());
            tokio::time::advance(10 * TICK).await;
            for _ in 0..3 {
                assert_eq!(poll(stream.as_mut()), Poll::Ready(None));
                assert_eq!(stream.size_hint(), (0, Some(0)));
            }
            assert_eq!(seen.polled.get(), 2);
        }
    }

    #[test]
    fn disabled_heartbeat_needs_no_runtime() {
        for (interval, bytes) in [(Duration::ZERO, "-"), (TICK, ""), (Duration::MAX, "-")] {
            let (stream, _) = script(vec![Pending, Chunk("a")]);
            let mut stream = Box::pin(stream.heartbeat(interval, bytes));
            assert!(poll(stream.as_mut()).is_pending());
            assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("a".into()))));
        }
    }

    #[test]
    fn size_hint_allows_for_heartbeats() {
        let items = || tokio_stream::iter([Ok::<_, TestError>("a"), Err(TestError), Ok("b")]);
        assert_eq!(items().heartbeat(TICK, "-").size_hint(), (1, None));
        assert_eq!(items().heartbeat(TICK, "").size_hint(), (1, Some(3)));
    }

    #[test]
    fn dropping_drops_the_stream() {
        let (stream, seen) = script(vec![Pending]);
        let stream = stream.heartbeat(TICK, "-").into_inner().unwrap();
        assert!(!seen.dropped.get());
        drop(stream.heartbeat(TICK, "-"));
        assert!(seen.dropped.get());
    }

    #[test]
    fn ready_stream_needs_no_timer() {
        let (stream, _) = script(vec![Chunk("a"), Chunk("b")]);
        let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
        let mut cx = Context::from_waker(Waker::noop());
        while stream.as_mut().poll_next(&mut cx) != Poll::Ready(None) {
            assert!(!stream.timer.is_set());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn exhausted_budget_does_not_stop_heartbeats() {
        let mut stream = std::pin::pin!(busy().heartbeat(TICK, "-"));
        let start = Instant::now();
        assert_eq!(stream.next().await, Some(Ok("-".into())));
        assert_eq!(start.elapsed(), TICK);
    }

    #[test]
    fn inner_stream_is_accessible_until_its_end() {
        let (stream, _) = script(vec![Chunk("a")]);
        let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
        assert!(stream.get_ref().is_some());
        assert!(poll(stream.as_mut()).is_ready());
        assert_eq!(poll(stream.as_mut()), Poll::Ready(None));
        assert!(stream.get_ref().is_none());
    }
}
