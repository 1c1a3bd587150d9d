//! Server-sent events: what a browser's `EventSource` reads.
//!
//! [`Sse`] is a response of [`Event`]s, [`stream`] the stream alone, and [`last_event_id`] tells where a
//! client that comes back left off. The format is that of the WHATWG's HTML standard, section 9.2.
//!
//! ```
//! use std::time::Duration;
//!
//! use futures_core::Stream;
//! use lambda_stream::format::sse::{Event, Sse};
//! use lambda_stream::{Error, LambdaEvent};
//! use tokio_stream::StreamExt;
//!
//! async fn handler(
//!     _event: LambdaEvent<serde_json::Value>,
//! ) -> Result<Sse<impl Stream<Item = Result<Event, Error>>>, Error> {
//!     let tokens = tokio_stream::iter(["Hello", ", ", "world"])
//!         .map(|token| Ok(Event::new().data(token)))
//!         .throttle(Duration::from_millis(100));
//!     Ok(Sse::new(tokens).keep_alive(Duration::from_secs(15)))
//! }
//! # fn accepted<M>(_: impl lambda_stream::Handler<M>) {}
//! # accepted(handler);
//! ```
//!
//! # How a stream of events ends
//!
//! A browser takes every end of a response for a lost connection: it waits for its
//! [`retry`](Event::retry) time and connects again, with the [`id`](Event::id) of the last event in
//! `Last-Event-ID`. A stream that is complete therefore says so by an event of its own, on which the
//! page calls `close()`. Answering the reconnection with status 204 makes a browser stop as well.
//!
//! Do not call an event `error`: a page could not tell it from the browser's own `error` event.

mod event;
mod last_event_id;
mod response;
mod stream;

pub use crate::error::EventError;
pub use event::Event;
pub use last_event_id::{last_event_id, last_event_id_in};
pub use response::Sse;
pub use stream::{EventStream, stream};
