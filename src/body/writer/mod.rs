//! A writer: write a response instead of returning it.
//!
//! [`run_with_writer`](crate::run_with_writer) hands the handler a [`ResponseWriter`]. Sending the
//! head turns it into a [`BodyWriter`], which is a `futures` [`Sink`](futures_sink::Sink) and a
//! tokio [`AsyncWrite`](tokio::io::AsyncWrite). What other runtimes check while they run (the head
//! sent twice, a head after the body, a write after the end, the end twice) does not compile here.
//!
//! ```no_run
//! use bytes::Bytes;
//! use lambda_stream::body::writer::ResponseWriter;
//! use lambda_stream::{Error, Head, LambdaEvent, RunError};
//! use serde_json::Value;
//!
//! # async fn audit_log() -> Result<(), Error> { Ok(()) }
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), RunError> {
//!     lambda_stream::run_with_writer(async |event: LambdaEvent<Value>, response: ResponseWriter| {
//!         let mut body = response.send_head(Head::ok().content_type("text/csv"))?;
//!         body.send_chunk("id,name\n").await?;
//!         let mut file = tokio::io::repeat(b'x');
//!         tokio::io::copy(&mut file, &mut body).await?;
//!         body.finish().await?;
//!         audit_log().await // work after the response
//!     })
//!     .await
//! }
//! ```
//!
//! [`stream_from`] gives the same writer inside a handler that returns a stream, and
//! [`channel`](crate::body::channel) is for code that has to spawn.
//!
//! # How it is driven
//!
//! The response's own stream polls the handler, on the caller's task. There is no queue: one chunk
//! is in hand, and the next write waits until the response has taken it. A slow client therefore
//! holds the handler up, and memory stays flat.
//!
//! # Outcomes
//!
//! | What the handler does | What becomes of the response |
//! |---|---|
//! | returns `Ok` without [`finish`](BodyWriter::finish) | it ends there |
//! | returns `Err`, or panics, before anything has left | `POST …/error` |
//! | returns `Err`, or panics, later | it ends with trailers |
//! | returns `Ok` without sending a head | `POST …/error` with [`NO_HEAD`](crate::failure::kind::NO_HEAD) |
//! | fails after `finish` | it is complete; the error is logged |
//! | still writes when the client or the connection goes, or the deadline comes | the handler is dropped at once |

mod body_writer;
mod response_writer;
mod state;
mod written;

use std::fmt;
use std::io;

pub use self::body_writer::BodyWriter;
pub use self::response_writer::ResponseWriter;
pub use self::written::stream_from;
pub(crate) use self::written::{Rest, respond};

/// The response is over, so that nothing can be written to it any more.
///
/// It has ended, it has failed, or nobody reads it. A handler that drives its own writer is dropped
/// in these cases and never sees this error; writers that were moved to another task do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot write to the response: it is over")
    }
}

impl std::error::Error for Closed {}

impl From<Closed> for io::Error {
    fn from(error: Closed) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, error)
    }
}
