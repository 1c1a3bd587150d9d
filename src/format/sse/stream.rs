//! The chunks of a stream of events, with keep-alive comments while there are none.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::Event;
use crate::body::heartbeat::Heartbeat;
use crate::error::Error;
use crate::format::encode::{Encoded, Format};

/// A comment without text, and the blank line that ends an event without fields.
const KEEP_ALIVE: &[u8] = b":\n\n";

/// The chunks of a stream of events: each event is one chunk.
///
/// For responses there is [`Sse`](super::Sse), which sets the headers too.
///
/// # Errors
///
/// When the events fail, with their error, and with an [`EventError`](super::EventError) at an event that
/// cannot be sent. The events are dropped at once.
///
/// # Cancel safety
///
/// Dropping it, or a future that awaits its next item, loses no event but those that the events themselves
/// lose: it holds none back.
///
/// # Example
///
/// ```
/// use lambda_stream::format::sse;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let tokens = tokio_stream::iter(["a", "b"]).map(|token| Ok::<_, Error>(sse::Event::new().data(token)));
/// let chunks: Vec<_> = sse::stream(tokens).collect::<Result<_, _>>().await?;
/// assert_eq!(chunks, ["data: a\n\n", "data: b\n\n"]);
/// # Ok(()) }
/// ```
pub fn stream<S, E>(events: S) -> EventStream<S>
where
    S: Stream<Item = Result<Event, E>>,
    E: Into<Error>,
{
    let chunks = Encoded::new(events, Events { ending: None });
    EventStream {
        // No interval, no heartbeats.
        chunks: Heartbeat::new(chunks, Duration::ZERO, Bytes::from_static(KEEP_ALIVE)),
    }
}

pin_project! {
    /// The stream of chunks that [`stream`] makes. Fused.
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S, F = fn(&Error) -> Event> {
        #[pin]
        chunks: Heartbeat<Encoded<S, Events<F>>>,
    }
}

impl<S, F> EventStream<S, F> {
    /// Sends a comment, which clients skip, after each interval without an event.
    ///
    /// It keeps proxies, and API Gateway with its limit of 30 seconds on edge endpoints and 5 minutes on
    /// others, from taking silence for the end; and it makes a client that has left noticed. It
    /// stands between events and never within one. The silence is counted from the moment at which the
    /// stream is asked for an event and has none, so time that a slow client takes does not count.
    ///
    /// An interval of zero means no keep-alive. For other bytes, and other streams, there is
    /// [`heartbeat`](crate::body::ChunkStreamExt::heartbeat).
    ///
    /// # Panics
    ///
    /// When polled outside a tokio runtime with time enabled.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lambda_stream::format::sse;
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let silence = tokio_stream::pending::<Result<sse::Event, Error>>();
    /// let mut chunks = Box::pin(sse::stream(silence).keep_alive(Duration::from_millis(1)));
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), ":\n\n");
    /// # }
    /// ```
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.chunks = self.chunks.with_interval(interval);
        self
    }

    /// Tells the client of an error by a last event, which the closure makes of it.
    ///
    /// The error itself follows, so that the invocation counts as failed; but browsers do not show
    /// trailers to a page. An event that cannot be sent is left out.
    ///
    /// An error that is the first item is told in the same way, in a response whose status says otherwise;
    /// fail in the handler where a status is wanted.
    ///
    /// ```
    /// # use lambda_stream::format::sse;
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let tokens = tokio_stream::iter([Ok(sse::Event::new().data("a")), Err("no tokens left")]);
    /// let mut chunks = Box::pin(
    ///     sse::stream(tokens).ending_with(|error| sse::Event::new().event("failure").data(error)),
    /// );
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), "data: a\n\n");
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), "event: failure\ndata: no tokens left\n\n");
    /// assert_eq!(chunks.next().await.unwrap().unwrap_err().to_string(), "no tokens left");
    /// assert!(chunks.next().await.is_none());
    /// # }
    /// ```
    pub fn ending_with<G>(self, event: G) -> EventStream<S, G>
    where
        G: FnOnce(&Error) -> Event,
    {
        let ending = Some(event);
        EventStream {
            chunks: self
                .chunks
                .map_source(|chunks| chunks.map_format(|_| Events { ending })),
        }
    }
}

impl<S, E, F> Stream for EventStream<S, F>
where
    S: Stream<Item = Result<Event, E>>,
    E: Into<Error>,
    F: FnOnce(&Error) -> Event,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().chunks.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.chunks.size_hint()
    }
}

impl<S, F> fmt::Debug for EventStream<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

struct Events<F> {
    ending: Option<F>,
}

impl<F> Format<Event> for Events<F>
where
    F: FnOnce(&Error) -> Event,
{
    fn row(&mut self, event: Event, out: &mut BytesMut) -> Result<(), Error> {
        write(event, out)
    }

    fn ending(&mut self, error: &Error, out: &mut BytesMut) -> Result<(), Error> {
        match self.ending.take() {
            Some(event) => write(event(error), out),
            None => Ok(()),
        }
    }

    fn beyond_rows(&self) -> (usize, usize) {
        (0, usize::from(self.ending.is_some()))
    }
}

/// Copying an event that is small mostly, as they are, saves the allocation that would make its own
/// memory a chunk.
fn write(event: Event, out: &mut BytesMut) -> Result<(), Error> {
    let lines = event.into_lines()?;
    out.reserve(lines.len() + 1);
    out.put_slice(&lines);
    out.put_u8(b'\n');
    Ok(())
}
