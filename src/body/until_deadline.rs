//! An end before the deadline.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{Stream, TryStream};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::fused::Fused;
use super::timer::Timer;
use crate::error::{DeadlineExceeded, Error};

pin_project! {
    /// A stream that ends before the deadline; created by
    /// [`until_deadline`](crate::body::ChunkStreamExt::until_deadline).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct UntilDeadline<S>
    where
        S: TryStream,
    {
        #[pin]
        stream: Fused<S>,
        #[pin]
        timer: Timer,
        end: Option<Instant>,
        closing: Closing<S::Ok>,
    }
}

/// What ends the stream at the deadline.
enum Closing<T> {
    Error,
    Item(T),
    Cursor(Box<dyn Cursor<T> + Send>),
}

/// Where a stream is, and the item that says so.
trait Cursor<T> {
    fn advance(&mut self, item: &T);

    fn close(self: Box<Self>) -> T;
}

struct LastItem<P, C, F> {
    position: P,
    last: Option<C>,
    close: F,
}

impl<T, P, C, F> Cursor<T> for LastItem<P, C, F>
where
    P: FnMut(&T) -> Option<C>,
    F: FnOnce(Option<C>) -> T,
{
    fn advance(&mut self, item: &T) {
        if let Some(position) = (self.position)(item) {
            self.last = Some(position);
        }
    }

    fn close(self: Box<Self>) -> T {
        (self.close)(self.last)
    }
}

impl<T> fmt::Debug for Closing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "Error",
            Self::Item(_) => "Item",
            Self::Cursor(_) => "Cursor",
        })
    }
}

impl<S: TryStream> UntilDeadline<S> {
    pub(super) fn new(stream: S, end: Option<Instant>) -> Self {
        Self {
            stream: Fused::new(stream),
            timer: Timer::new(),
            end,
            closing: Closing::Error,
        }
    }

    /// Sends this item at the deadline and ends the stream cleanly, instead of failing it.
    ///
    /// For clients that can resume, such as an `EventSource`, which reconnects by itself with the
    /// id of the last event it received. The response is a success for the service: it has no
    /// trailers and does not count as an error in the metrics. A stream that ends in time, or that
    /// fails, is left as it is.
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
    /// # let deadline = SystemTime::now() + Duration::from_secs(60);
    /// # let context = Context::new("1").with_deadline(deadline);
    /// let events = tokio_stream::once(Ok::<_, Error>("id: 1\ndata: a\n\n"))
    ///     .chain(tokio_stream::pending());
    /// let events = events
    ///     .until_deadline(&context, Duration::from_secs(1))
    ///     .closing_with("event: resume\nretry: 0\ndata:\n\n");
    /// let events: Vec<_> = events.collect::<Result<_, _>>().await?;
    /// assert_eq!(events, ["id: 1\ndata: a\n\n", "event: resume\nretry: 0\ndata:\n\n"]);
    /// # Ok(()) }
    /// ```
    pub fn closing_with(mut self, item: impl Into<S::Ok>) -> Self {
        self.closing = Closing::Item(item.into());
        self
    }

    /// Sends an item with the position of the last one at the deadline, so that the client can ask
    /// for the rest, and ends the stream cleanly.
    ///
    /// `position` is called for each item and returns its position, or `None` if it has none;
    /// nothing else of the item is kept. `close` receives the last position, or `None` if there has
    /// been none. Otherwise like [`closing_with`](Self::closing_with), which it replaces.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lambda_stream::body::ChunkStreamExt;
    /// use lambda_stream::format::Ndjson;
    /// use lambda_stream::{Context, Error};
    /// use serde::Serialize;
    /// # use std::time::SystemTime;
    /// use tokio_stream::StreamExt;
    ///
    /// #[derive(Serialize)]
    /// #[serde(untagged)]
    /// enum Line {
    ///     Row { id: u64 },
    ///     Resume { after: Option<u64> },
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # tokio::time::pause();
    /// # let deadline = SystemTime::now() + Duration::from_secs(60);
    /// # let context = Context::new("1").with_deadline(deadline);
    /// let rows = tokio_stream::once(Ok::<_, Error>(Line::Row { id: 7 }))
    ///     .chain(tokio_stream::pending());
    /// let rows = rows.until_deadline(&context, Duration::from_secs(1)).closing_with_cursor(
    ///     |line| match line {
    ///         Line::Row { id } => Some(*id),
    ///         Line::Resume { .. } => None,
    ///     },
    ///     |after| Line::Resume { after },
    /// );
    /// let lines: Vec<_> = Ndjson::new(rows).into_stream().collect::<Result<_, _>>().await?;
    /// assert_eq!(lines, ["{\"id\":7}\n", "{\"after\":7}\n"]);
    /// # Ok(()) }
    /// ```
    pub fn closing_with_cursor<C, P, F>(mut self, position: P, close: F) -> Self
    where
        C: Send + 'static,
        P: FnMut(&S::Ok) -> Option<C> + Send + 'static,
        F: FnOnce(Option<C>) -> S::Ok + Send + 'static,
    {
        self.closing = Closing::Cursor(Box::new(LastItem {
            position,
            last: None,
            close,
        }));
        self
    }

    /// Returns the stream, or `None` once it has ended, failed or reached the deadline.
    pub fn get_ref(&self) -> Option<&S> {
        self.stream.get_ref()
    }

    /// Returns the stream, or `None` once it has ended, failed or reached the deadline.
    pub fn get_mut(&mut self) -> Option<&mut S> {
        self.stream.get_mut()
    }

    /// Returns the stream, or `None` once it has ended, failed or reached the deadline. No item is
    /// lost.
    pub fn into_inner(self) -> Option<S> {
        self.stream.into_inner()
    }
}

impl<S, T, E> Stream for UntilDeadline<S>
where
    S: Stream<Item = Result<T, E>>,
    E: Into<Error>,
{
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if this.stream.is_closed() {
            return Poll::Ready(None);
        }
        // A stream that is always ready never polls the timer, so the clock decides.
        if this.end.is_none_or(|end| Instant::now() < end) {
            if let Poll::Ready(item) = this.stream.as_mut().poll_next(cx) {
                match (&item, this.closing) {
                    (Some(Ok(item)), Closing::Cursor(cursor)) => cursor.advance(item),
                    (Some(Ok(_)), _) => {}
                    _ => this.timer.clear(),
                }
                return Poll::Ready(item.map(|item| item.map_err(Into::into)));
            }
            let Some(end) = *this.end else {
                return Poll::Pending;
            };
            if !this.timer.is_set() {
                this.timer.as_mut().set(end);
            }
            if this.timer.as_mut().poll_elapsed(cx).is_pending() {
                return Poll::Pending;
            }
        }
        this.stream.close();
        this.timer.clear();
        Poll::Ready(Some(
            match std::mem::replace(this.closing, Closing::Error) {
                Closing::Error => Err(DeadlineExceeded::new().into()),
                Closing::Item(item) => Ok(item),
                Closing::Cursor(cursor) => Ok(cursor.close()),
            },
        ))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.stream.size_hint();
        if self.end.is_none() || self.stream.is_closed() {
            return (lower, upper);
        }
        // The deadline adds an item, and may come when only the end of the stream is missing.
        (lower, upper.and_then(|upper| upper.checked_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt;

    use super::*;
    use crate::body::ChunkStreamExt;
    use crate::body::testing::{Act::*, TestError, at, busy, poll, script, seconds};
    use crate::event;

    const SECOND: Duration = Duration::from_secs(1);

    fn deadline_in(seconds: u64) -> event::Context {
        event::Context::expiring_at(Instant::now() + Duration::from_secs(seconds))
    }

    fn is_deadline<D: fmt::Debug>(poll: Poll<Option<Result<D, Error>>>) -> bool {
        matches!(poll, Poll::Ready(Some(Err(error))) if error.is::<DeadlineExceeded>())
    }

    #[tokio::test(start_paused = true)]
    async fn deadline_is_a_typed_error() {
        let stream = at([(10, "a"), (100, "never")]).until_deadline(&deadline_in(60), 3 * SECOND);
        let text = DeadlineExceeded::new().to_string();
        assert_eq!(
            seconds(stream).await,
            [(10.0, "a".to_owned()), (57.0, text)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn closing_chunk_is_a_clean_end() {
        let stream = at([(10, "a"), (100, "never")])
            .until_deadline(&deadline_in(60), 3 * SECOND)
            .closing_with("bye");
        assert_eq!(
            seconds(stream).await,
            [(10.0, "a".to_owned()), (57.0, "bye".to_owned())]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn margin_is_at_most_half_the_time() {
        let stream = at([(100, "never")])
            .until_deadline(&deadline_in(10), 60 * SECOND)
            .closing_with("bye");
        assert_eq!(seconds(stream).await, [(5.0, "bye".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn always_ready_stream_is_ended() {
        let (stream, seen) = script(vec![Chunk("a"); 9]);
        let mut stream = Box::pin(stream.until_deadline(&deadline_in(60), SECOND));
        assert!(matches!(poll(stream.as_mut()), Poll::Ready(Some(Ok(_)))));
        assert!(!stream.timer.is_set());
        tokio::time::advance(59 * SECOND).await;
        assert!(is_deadline(poll(stream.as_mut())));
        assert_eq!(seen.polled.get(), 1);
        assert!(seen.dropped.get());
    }

    #[tokio::test(start_paused = true)]
    async fn implausible_deadline_is_not_enforced() {
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
    async fn ended_stream_is_dropped_at_once() {
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
                assert!(!stream.timer.is_set());
            }
            assert_eq!(seen.polled.get(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn stream_error_keeps_its_type() {
        let (stream, _) = script(vec![Fail]);
        let mut stream = Box::pin(stream.until_deadline(&deadline_in(60), SECOND));
        let Poll::Ready(Some(Err(error))) = poll(stream.as_mut()) else {
            panic!("an error");
        };
        assert!(error.is::<TestError>());
    }

    #[tokio::test(start_paused = true)]
    async fn size_hint_allows_for_the_deadline() {
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
    fn dropping_drops_the_stream() {
        let (stream, seen) = script(vec![Pending]);
        let stream = stream.until_deadline(&event::Context::new("1"), SECOND);
        let stream = stream.into_inner().unwrap();
        assert!(!seen.dropped.get());
        drop(stream.until_deadline(&event::Context::new("1"), SECOND));
        assert!(seen.dropped.get());
    }

    #[tokio::test(start_paused = true)]
    async fn cursor_is_that_of_the_last_row() {
        let rows = |count: u64| {
            tokio_stream::iter((1..=count).map(Ok::<_, TestError>)).chain(tokio_stream::pending())
        };
        for (count, last) in [(3, 30), (5, 30), (0, 99)] {
            let stream = rows(count)
                .until_deadline(&deadline_in(60), SECOND)
                .closing_with_cursor(
                    |row| (*row < 4).then_some(row * 10),
                    |last| last.unwrap_or(99),
                );
            let received: Vec<u64> = stream.map(Result::unwrap).collect().await;
            assert_eq!(received, (1..=count).chain([last]).collect::<Vec<_>>());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn exhausted_budget_does_not_delay_the_deadline() {
        let mut stream = std::pin::pin!(busy().until_deadline(&deadline_in(60), SECOND));
        let start = Instant::now();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is::<DeadlineExceeded>());
        assert_eq!(start.elapsed(), 59 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn inner_stream_is_accessible_until_the_deadline() {
        let (stream, _) = script(vec![Chunk("a"), Pending]);
        let mut stream = Box::pin(stream.until_deadline(&deadline_in(60), SECOND));
        assert!(poll(stream.as_mut()).is_ready());
        assert!(stream.get_ref().is_some());
        tokio::time::advance(59 * SECOND).await;
        assert!(is_deadline(poll(stream.as_mut())));
        assert!(stream.get_ref().is_none());
    }
}
