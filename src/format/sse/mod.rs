//! Server-sent events: what a browser's `EventSource` and the clients of language models read.
//!
//! [`Sse`](super::Sse) is the response, [`Event`] an event of it, and [`last_event_id`] returns
//! where a client that reconnects left off. The format is that of the WHATWG's HTML standard,
//! section 9.2.
//!
//! ```
//! use std::time::Duration;
//!
//! use futures_core::Stream;
//! use lambda_stream::format::Sse;
//! use lambda_stream::format::sse::Event;
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
//! [`retry`](Event::retry) time and reconnects, with the [`id`](Event::id) of the last event in
//! `Last-Event-ID`. A stream that is complete therefore says so in an event of its own, on which
//! the page calls `close()`. Answering the reconnection with status 204 stops a browser as well.
//!
//! # How a stream of events fails
//!
//! A client that receives nothing but a response that breaks off reports a lost connection: a
//! browser reconnects, the `openai` client for Python raises "Connection error", and that for Node
//! "terminated". To show an error as an error, send it in a last event with
//! [`Sse::ending_with`](super::Sse::ending_with):
//!
//! * Both `openai` clients raise data of the form `{"error": {"message": …}}` as an `APIError` with
//!   that message. They parse the data of every event, so it has to be JSON.
//! * For a page, any event name but `error` will do: it could not tell that from the browser's own
//!   `error` event, which is fired when a connection is lost.
//!
//! # When the client leaves
//!
//! On AWS the service does not tell the function that the client has left: the function runs on,
//! and is billed, until the stream ends or the deadline is reached. Only the local Lambda drops the
//! stream at once when its client disconnects. To bound the cost, keep the function's timeout near
//! what a response takes, or end the stream earlier with
//! [`until_deadline`](crate::body::ChunkStreamExt::until_deadline).

mod event;
mod last_event_id;
pub(super) mod response;

pub use self::event::Event;
pub use self::last_event_id::{last_event_id, last_event_id_in};
pub use crate::error::EventError;
