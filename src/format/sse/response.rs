//! A response of server-sent events.

use std::time::Duration;

use futures_core::Stream;
use http::header::CACHE_CONTROL;

use super::{Event, EventStream, stream};
use crate::error::Error;
use crate::response::{Head, IntoResponse, Payload, Response};

/// A response of server-sent events: [`stream`] under the headers that it needs.
///
/// | Header | Value | Why |
/// |---|---|---|
/// | `content-type` | `text/event-stream` | a browser fails the connection otherwise |
/// | `cache-control` | `no-cache` | a stream that was stored is none |
/// | `x-accel-buffering` | `no` | the proxy nginx would hold events back; others ignore it |
///
/// See the [module](super) for an example, and [`stream`] for how it fails.
#[derive(Debug)]
#[must_use = "a response does nothing until it is returned"]
pub struct Sse<S, F = fn(&Error) -> Event> {
    head: Head,
    events: EventStream<S, F>,
}

impl<S> Sse<S> {
    /// A response of these events, with status 200.
    pub fn new<E>(events: S) -> Self
    where
        S: Stream<Item = Result<Event, E>>,
        E: Into<Error>,
    {
        Self {
            head: Head::ok()
                .content_type("text/event-stream")
                .header(CACHE_CONTROL, "no-cache")
                .header("x-accel-buffering", "no"),
            events: stream(events),
        }
    }
}

impl<S, F> Sse<S, F> {
    /// Sends a comment after each interval without an event; see [`EventStream::keep_alive`].
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.events = self.events.keep_alive(interval);
        self
    }

    /// Tells the client of an error by a last event; see [`EventStream::ending_with`].
    pub fn ending_with<G>(self, event: G) -> Sse<S, G>
    where
        G: FnOnce(&Error) -> Event,
    {
        Sse {
            head: self.head,
            events: self.events.ending_with(event),
        }
    }

    /// Changes the head, or puts another in its place.
    ///
    /// ```
    /// # use lambda_stream::{Error, format::sse::{Event, Sse}};
    /// # let events = tokio_stream::empty::<Result<Event, Error>>();
    /// let response = Sse::new(events).head(|head| head.header("access-control-allow-origin", "*"));
    /// ```
    pub fn head(mut self, change: impl FnOnce(Head) -> Head) -> Self {
        self.head = change(self.head);
        self
    }

    /// Head and stream, which together are a response too; to put other adapters around the stream.
    pub fn into_parts(self) -> (Head, EventStream<S, F>) {
        (self.head, self.events)
    }
}

impl<S, E, F> IntoResponse for Sse<S, F>
where
    S: Stream<Item = Result<Event, E>>,
    E: Into<Error>,
    F: FnOnce(&Error) -> Event,
{
    type Payload = Payload<EventStream<S, F>>;

    fn into_response(self) -> Response<Self::Payload> {
        self.into_parts().into_response()
    }
}
