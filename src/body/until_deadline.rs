//! An end before the deadline.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::source::Source;
use crate::error::{DeadlineExceeded, Error};

pin_project! {
    /// A stream that ends before the deadline; made by
    /// [`until_deadline`](crate::body::ChunkStreamExt::until_deadline).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct UntilDeadline<S> {
        #[pin]
        source: Source<S>,
        // Made when it is first needed, so that a stream that is never pending needs no timer.
        #[pin]
        timer: Option<Sleep>,
        end: Option<Instant>,
        closing: Option<Bytes>,
    }
}

impl<S> UntilDeadline<S> {
    pub(super) fn new(stream: S, end: Option<Instant>) -> Self {
        Self {
            source: Source::new(stream),
            timer: None,
            end,
            closing: None,
        }
    }

    /// At the deadline sends this chunk and ends the stream cleanly, instead of failing it.
    ///
    /// For clients that can go on where they were, such as an `EventSource`, which reconnects by itself and
    /// says which event was its last. The response then is a success for the service: there are no
    /// trailers and no error in the metrics. A stream that ends in time, or that fails, is not touched.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lambda_stream::body::ChunkStreamExt;
    /// use lambda_stream::{Context, Error};
    /// # use std::time::SystemTime;
    /// use tokio_stream::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # tokio::time::pause();
    /// # let context = Context::new("1").with_deadline(SystemTime::now() + Duration::from_secs(60));
    /// let events = tokio_stream::once(Ok::<_, Error>("id: 1\ndata: a\n\n"))
    ///     .chain(tokio_stream::pending());
    /// let events = events
    ///     .until_deadline(&context, Duration::from_secs(1))
    ///     .closing_with("event: resume\nretry: 0\ndata:\n\n");
    /// let events: Vec<_> = events.collect::<Result<_, _>>().await?;
    /// assert_eq!(events, ["id: 1\ndata: a\n\n", "event: resume\nretry: 0\ndata:\n\n"]);
    /// # Ok(()) }
    /// ```
    pub fn closing_with(mut self, chunk: impl Into<Bytes>) -> Self {
        self.closing = Some(chunk.into());
        self
    }
}

impl<S, D, E> Stream for UntilDeadline<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if this.source.is_closed() {
            return Poll::Ready(None);
        }
        // The clock is asked as well as the timer, which a stream that is always ready would never poll.
        if this.end.is_none_or(|end| Instant::now() < end) {
            if let Poll::Ready(item) = this.source.as_mut().poll_chunk(cx) {
                if !matches!(item, Some(Ok(_))) {
                    // No timer is left behind to wake the task.
                    this.timer.set(None);
                }
                return Poll::Ready(item.map(|item| item.map_err(Into::into)));
            }
            let Some(end) = *this.end else {
                return Poll::Pending;
            };
            if this.timer.is_none() {
                this.timer.set(Some(sleep_until(end)));
            }
            let timer = this.timer.as_mut().as_pin_mut();
            if timer.is_some_and(|timer| timer.poll(cx).is_pending()) {
                return Poll::Pending;
            }
        }
        this.source.close();
        this.timer.set(None);
        let closing = this.closing.take().map(Ok);
        Poll::Ready(closing.or_else(|| Some(Err(DeadlineExceeded::new().into()))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.source.size_hint();
        if self.end.is_none() || self.source.is_closed() {
            return (lower, upper);
        }
        // The deadline may come when everything but the end is there, and adds an item of its own.
        (lower, upper.and_then(|upper| upper.checked_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::body::ChunkStreamExt;
    use crate::body::testing::{Act::*, TestError, at, poll, script, seconds};
    use crate::event;

    const SECOND: Duration = Duration::from_secs(1);

    fn deadline_in(seconds: u64) -> event::Context {
        event::Context::expiring_at(Instant::now() + Duration::from_secs(seconds))
    }

    fn is_deadline<D: std::fmt::Debug>(poll: Poll<Option<Result<D, Error>>>) -> bool {
        matches!(poll, Poll::Ready(Some(Err(error))) if error.is::<DeadlineExceeded>())
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_a_typed_error_the_margin_before_the_deadline() {
        let stream = at([(10, "a"), (100, "never")]).until_deadline(&deadline_in(60), 3 * SECOND);
        let text = DeadlineExceeded::new().to_string();
        assert_eq!(
            seconds(stream).await,
            [(10.0, "a".to_owned()), (57.0, text)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_cleanly_with_a_closing_chunk() {
        let stream = at([(10, "a"), (100, "never")])
            .until_deadline(&deadline_in(60), 3 * SECOND)
            .closing_with("bye");
        assert_eq!(
            seconds(stream).await,
            [(10.0, "a".to_owned()), (57.0, "bye".to_owned())]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_no_earlier_than_halfway_to_the_deadline() {
        let stream = at([(100, "never")])
            .until_deadline(&deadline_in(10), 60 * SECOND)
            .closing_with("bye");
        assert_eq!(seconds(stream).await, [(5.0, "bye".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_always_ready_is_ended_too() {
        let (stream, seen) = script(vec![Chunk("a"); 9]);
        let mut stream = Box::pin(stream.until_deadline(&deadline_in(60), SECOND));
        assert!(matches!(poll(stream.as_mut()), Poll::Ready(Some(Ok(_)))));
        assert!(stream.timer.is_none());
        tokio::time::advance(59 * SECOND).await;
        assert!(is_deadline(poll(stream.as_mut())));
        assert_eq!(seen.polled.get(), 1);
        assert!(seen.dropped.get());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_that_makes_sense_nothing_is_enforced() {
        let past = std::time::UNIX_EPOCH + Duration::from_millis(600_000);
        for context in [
            event::Context::new("1"),
            event::Context::new("1").with_deadline(past),
        ] {
            let stream = at([(100_000, "a")]).until_deadline(&context, SECOND);
            assert_eq!(seconds(stream).await, [(100_000.0, "a".to_owned())]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_fused_however_it_ended() {
        let ends: [(Vec<_>, Option<&str>); 4] = [
            (vec![Pending, Pending], None),
            (vec![Pending, Pending], Some("bye")),
            (vec![], None),
            (vec![Fail, Chunk("a")], Some("bye")),
        ];
        for (acts, closing) in ends {
            let (stream, seen) = script(acts);
            let mut stream = stream.until_deadline(&deadline_in(60), SECOND);
            if let Some(closing) = closing {
                stream = stream.closing_with(closing);
            }
            let mut stream = Box::pin(stream);
            if poll(stream.as_mut()).is_pending() {
                tokio::time::advance(59 * SECOND).await;
                assert!(matches!(poll(stream.as_mut()), Poll::Ready(Some(_))));
            }
            assert!(seen.dropped.get());
            for _ in 0..3 {
                assert!(matches!(poll(stream.as_mut()), Poll::Ready(None)));
                assert_eq!(stream.size_hint(), (0, Some(0)));
                assert!(stream.timer.is_none());
            }
            assert_eq!(seen.polled.get(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_the_stream_keeps_its_type() {
        let (stream, _) = script(vec![Fail]);
        let mut stream = Box::pin(stream.until_deadline(&deadline_in(60), SECOND));
        let Poll::Ready(Some(Err(error))) = poll(stream.as_mut()) else {
            panic!("an error");
        };
        assert!(error.is::<TestError>());
    }

    #[tokio::test(start_paused = true)]
    async fn it_promises_what_it_gives() {
        let items = || tokio_stream::iter([Ok::<_, TestError>("a"), Err(TestError), Ok("b")]);
        let endless = || tokio_stream::iter(std::iter::repeat(Ok::<_, TestError>("a")));
        let (no, soon) = (event::Context::new("1"), deadline_in(60));
        assert_eq!(
            items().until_deadline(&no, SECOND).size_hint(),
            (1, Some(3))
        );
        assert_eq!(
            items().until_deadline(&soon, SECOND).size_hint(),
            (1, Some(4))
        );
        assert_eq!(
            endless().until_deadline(&soon, SECOND).size_hint(),
            (1, None)
        );
    }

    #[test]
    fn dropping_it_drops_the_stream() {
        let (stream, seen) = script(vec![Pending]);
        drop(stream.until_deadline(&event::Context::new("1"), SECOND));
        assert!(seen.dropped.get());
    }
}
