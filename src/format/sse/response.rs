//! The response of server-sent events.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_core::Stream;
use http::header::CACHE_CONTROL;

use super::Event;
use crate::body::Heartbeat;
use crate::error::Error;
use crate::format::rows::Format;
use crate::format::{Formatted, Rows};
use crate::response::Head;

/// A comment without text, and the blank line that ends an event without fields.
const KEEP_ALIVE: &[u8] = b":\n\n";

/// A response of server-sent events: each event is one chunk.
///
/// | Header | Value | Why |
/// |---|---|---|
/// | `content-type` | `text/event-stream` | a browser fails the connection otherwise |
/// | `cache-control` | `no-cache` | a stored stream is useless |
/// | `x-accel-buffering` | `no` | the proxy nginx would hold events back; others ignore it |
///
/// # Failures
///
/// An error in the middle fails the invocation, but clients see no more of it than a response that
/// breaks off: a browser reconnects, and the `openai` clients report a connection error. Send the
/// error in band with [`ending_with`](Sse::ending_with), which those clients show as an error with
/// its message; see [how a stream of events
/// fails](crate::format::sse#how-a-stream-of-events-fails).
///
/// # Cancellation
///
/// The stream is dropped when the client disconnects only where the library sees that, which is in
/// the local Lambda. On AWS the function runs on until the stream ends or the deadline is reached.
///
/// # Errors
///
/// The error of the events; or an [`EventError`](super::EventError), reported as
/// `Function.InvalidSseEvent`, at an event that cannot be sent. The events are dropped at once.
///
/// # Cancel safety
///
/// Dropping a pending `next()` of [the stream](Formatted::into_stream) loses no event, unless the
/// events themselves lose one.
///
/// # Example
///
/// ```
/// use lambda_stream::format::Sse;
/// use lambda_stream::format::sse::Event;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let tokens = tokio_stream::iter(["a", "b"]).map(|token| Ok::<_, Error>(Event::new().data(token)));
/// let response = Sse::new(tokens); // what a handler returns
/// let chunks: Vec<_> = response.into_stream().collect::<Result<_, _>>().await?;
/// assert_eq!(chunks, ["data: a\n\n", "data: b\n\n"]);
/// # Ok(()) }
/// ```
pub type Sse<S> = Formatted<Heartbeat<Rows<S, EventLines>>>;

impl<S> Sse<S> {
    /// Creates a response of these events, with status 200.
    pub fn new<E>(events: S) -> Self
    where
        S: Stream<Item = Result<Event, E>>,
        E: Into<Error>,
    {
        let chunks = Rows::new(events, EventLines { padding: 0 });
        Self {
            head: Head::ok()
                .content_type("text/event-stream")
                .header(CACHE_CONTROL, "no-cache")
                .header("x-accel-buffering", "no"),
            // Without an interval there are no heartbeats.
            chunks: Heartbeat::new(chunks, Duration::ZERO, Bytes::from_static(KEEP_ALIVE)),
        }
    }

    /// Sends a comment, which clients skip, after each interval without an event.
    ///
    /// It keeps proxies, and API Gateway with its limit of 30 seconds on edge endpoints and 5
    /// minutes on others, from cutting a response that is idle. Locally it also reveals that a
    /// client has left. The comment stands between events and never inside one. The interval begins
    /// when the stream is asked for an event and has none, so the time that a slow client takes
    /// does not count.
    ///
    /// An interval of zero means no comments. For other bytes, and other streams, there is
    /// [`heartbeat`](crate::body::ChunkStreamExt::heartbeat).
    ///
    /// # Panics
    ///
    /// Polling panics outside of a tokio runtime with time enabled.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lambda_stream::format::{Sse, sse::Event};
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let silence = tokio_stream::pending::<Result<Event, Error>>();
    /// let chunks = Sse::new(silence).keep_alive(Duration::from_millis(1)).into_stream();
    /// let mut chunks = Box::pin(chunks);
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), ":\n\n");
    /// # }
    /// ```
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.chunks = self.chunks.with_interval(interval);
        self
    }

    /// Follows each event with a comment of this many bytes, which clients skip, in the same chunk;
    /// 0 means no comment.
    ///
    /// For a Function URL that holds small chunks back until more comes, as users of AWS's Node.js
    /// runtime report (aws-lambda-nodejs-runtime-interface-client, issue 102). Not verified by this
    /// project: measure how much your front door wants, and count the bytes, which are paid for.
    /// The least is 3.
    ///
    /// ```
    /// # use lambda_stream::format::{Sse, sse::Event};
    /// # use lambda_stream::Error;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let tokens = tokio_stream::iter([Ok::<_, Error>(Event::new().data("a"))]);
    /// let chunks = Sse::new(tokens).padding(6).into_stream();
    /// let chunks: Vec<_> = chunks.collect::<Result<_, _>>().await?;
    /// assert_eq!(chunks, ["data: a\n\n:   \n\n"]);
    /// # Ok(()) }
    /// ```
    pub fn padding(mut self, bytes: usize) -> Self {
        if let Some(events) = self.chunks.get_mut() {
            events.set_format(EventLines { padding: bytes });
        }
        self
    }

    /// Reports an error to the client in a last event, which the closure makes of it.
    ///
    /// The error itself follows, so that the invocation counts as failed; but the HTTP clients of
    /// Function URLs and API Gateway do not see trailers. An event that cannot be sent is left out.
    ///
    /// An error that is the first item is reported in the same way, in a response with status 200.
    /// To answer with another status, fail in the handler.
    ///
    /// In the form that the `openai` clients raise as an API error:
    ///
    /// ```
    /// # use lambda_stream::format::{Sse, sse::Event};
    /// # use serde_json::json;
    /// # use tokio_stream::StreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let tokens = tokio_stream::iter([Ok(Event::new().data("a")), Err("no tokens left")]);
    /// let mut chunks = Sse::new(tokens)
    ///     .ending_with(|error| {
    ///         Event::new().json_data(&json!({ "error": { "message": error.to_string() } }))
    ///     })
    ///     .into_stream();
    /// # let mut chunks = std::pin::pin!(chunks);
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), "data: a\n\n");
    /// assert_eq!(
    ///     chunks.next().await.unwrap().unwrap(),
    ///     "data: {\"error\":{\"message\":\"no tokens left\"}}\n\n"
    /// );
    /// assert_eq!(chunks.next().await.unwrap().unwrap_err().to_string(), "no tokens left");
    /// assert!(chunks.next().await.is_none());
    /// # }
    /// ```
    pub fn ending_with(mut self, event: impl FnOnce(&Error) -> Event + Send + 'static) -> Self {
        if let Some(events) = self.chunks.get_mut() {
            events.set_ending(Box::new(|error, out| write_event(event(error), out)));
        }
        self
    }
}

/// The format of [`Sse`].
#[derive(Debug)]
pub struct EventLines {
    /// Length of the comment after each event; 0 means none.
    padding: usize,
}

impl Format<Event> for EventLines {
    fn write_row(&mut self, _index: u64, event: Event, out: &mut BytesMut) -> Result<(), Error> {
        write_event(event, out)?;
        if self.padding > 0 {
            out.reserve(self.padding);
            out.put_u8(b':');
            out.put_bytes(b' ', self.padding.saturating_sub(3));
            out.put_slice(b"\n\n");
        }
        Ok(())
    }
}

/// Copies the event, which is usually small. That saves the allocation that would make its own
/// memory a chunk.
fn write_event(event: Event, out: &mut BytesMut) -> Result<(), Error> {
    let lines = event.into_lines()?;
    out.reserve(lines.len() + 1);
    out.put_slice(&lines);
    out.put_u8(b'\n');
    Ok(())
}
