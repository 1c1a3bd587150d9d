//! Bytes that keep an idle stream alive.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::source::Source;

pin_project! {
    /// A stream with heartbeats; made by [`heartbeat`](crate::body::ChunkStreamExt::heartbeat).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Heartbeat<S> {
        #[pin]
        source: Source<S>,
        // Made when it is first needed, so that the adapter can be made outside of a runtime.
        #[pin]
        timer: Option<Sleep>,
        // `None`: there are no heartbeats.
        interval: Option<Duration>,
        bytes: Bytes,
        // The timer runs: since it was set, the source has given nothing.
        is_idle: bool,
    }
}

impl<S> Heartbeat<S> {
    pub(crate) fn new(stream: S, interval: Duration, bytes: Bytes) -> Self {
        let is_on = !interval.is_zero() && !bytes.is_empty();
        Self {
            source: Source::new(stream),
            timer: None,
            interval: is_on.then_some(interval),
            bytes,
            is_idle: false,
        }
    }

    /// The same with another interval; for builders, before the first poll.
    pub(crate) fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = (!interval.is_zero()).then_some(interval);
        self
    }

    /// The same around another stream; for builders, before the first poll.
    pub(crate) fn map_source<T>(self, change: impl FnOnce(S) -> T) -> Heartbeat<T> {
        Heartbeat {
            source: self.source.map(change),
            timer: self.timer,
            interval: self.interval,
            bytes: self.bytes,
            is_idle: self.is_idle,
        }
    }
}

/// Sets the timer to fire after this time. An interval without end needs no timer.
fn restart(mut timer: Pin<&mut Option<Sleep>>, interval: Duration) {
    let Some(at) = Instant::now().checked_add(interval) else {
        return;
    };
    match timer.as_mut().as_pin_mut() {
        Some(timer) => timer.reset(at),
        None => timer.set(Some(sleep_until(at))),
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
        if let Poll::Ready(item) = this.source.poll_chunk(cx) {
            match &item {
                // Nothing of it reaches the client, so the client goes on waiting.
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(_)) => *this.is_idle = false,
                // No timer is left behind to wake the task.
                _ => this.timer.set(None),
            }
            return Poll::Ready(item);
        }
        let Some(interval) = *this.interval else {
            return Poll::Pending;
        };
        if !*this.is_idle {
            *this.is_idle = true;
            restart(this.timer.as_mut(), interval);
        }
        let Some(timer) = this.timer.as_pin_mut() else {
            return Poll::Pending;
        };
        ready!(timer.poll(cx));
        *this.is_idle = false;
        Poll::Ready(Some(Ok(this.bytes.clone())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.source.size_hint();
        if self.interval.is_none() || self.source.is_closed() {
            return (lower, upper);
        }
        (lower, None)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::body::ChunkStreamExt;
    use crate::body::testing::{Act::*, TestError, at, poll, script, seconds};

    const TICK: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_comes_after_each_idle_interval_and_the_interval_restarts_after_a_chunk() {
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
    async fn a_chunk_that_is_ready_when_a_heartbeat_is_due_goes_first() {
        let stream = at([(10, "a"), (20, "b")]).heartbeat(TICK, "-");
        assert_eq!(
            seconds(stream).await,
            [(10.0, "a".to_owned()), (20.0, "b".to_owned())]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_stream_has_no_heartbeats() {
        let stream = at([(9, "a"), (18, "b"), (27, "c")]).heartbeat(TICK, "-");
        assert_eq!(seconds(stream).await.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_its_time_gets_one_heartbeat_an_interval_after_it_asks() {
        let (stream, _) = script(vec![Pending, Pending, Pending, Pending]);
        let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
        assert!(poll(stream.as_mut()).is_pending());
        tokio::time::advance(10 * TICK).await;
        assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("-".into()))));
        tokio::time::advance(10 * TICK).await;
        assert!(poll(stream.as_mut()).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn empty_chunks_and_needless_polls_do_not_put_a_heartbeat_off() {
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
    async fn it_is_fused_after_the_end_and_after_an_error_and_drops_the_stream_at_once() {
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
    fn without_interval_or_bytes_there_are_no_heartbeats_and_no_runtime_is_needed() {
        for (interval, bytes) in [(Duration::ZERO, "-"), (TICK, ""), (Duration::MAX, "-")] {
            let (stream, _) = script(vec![Pending, Chunk("a")]);
            let mut stream = Box::pin(stream.heartbeat(interval, bytes));
            assert!(poll(stream.as_mut()).is_pending());
            assert_eq!(poll(stream.as_mut()), Poll::Ready(Some(Ok("a".into()))));
        }
    }

    #[test]
    fn it_promises_no_more_items_than_it_gives() {
        let items = || tokio_stream::iter([Ok::<_, TestError>("a"), Err(TestError), Ok("b")]);
        assert_eq!(items().heartbeat(TICK, "-").size_hint(), (1, None));
        assert_eq!(items().heartbeat(TICK, "").size_hint(), (1, Some(3)));
    }

    #[test]
    fn dropping_it_drops_the_stream() {
        let (stream, seen) = script(vec![Pending]);
        drop(stream.heartbeat(TICK, "-"));
        assert!(seen.dropped.get());
    }

    #[test]
    fn a_stream_that_is_ready_needs_no_timer() {
        let (stream, _) = script(vec![Chunk("a"), Chunk("b")]);
        let mut stream = Box::pin(stream.heartbeat(TICK, "-"));
        let mut cx = Context::from_waker(Waker::noop());
        while stream.as_mut().poll_next(&mut cx) != Poll::Ready(None) {
            assert!(stream.timer.is_none());
        }
    }
}
