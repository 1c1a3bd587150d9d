//! The imperative side: write a response instead of returning it.
//!
//! [`run_with_writer`](crate::run_with_writer) hands the handler a [`ResponseWriter`]. Sending the head turns
//! it into a [`BodyWriter`], which is a `futures` [`Sink`](futures_sink::Sink) and a tokio
//! [`AsyncWrite`](tokio::io::AsyncWrite). What other runtimes have to check while they run (the head sent
//! twice, a head after the body, a write after the end, the end twice) does not compile here.
//!
//! ```no_run
//! use bytes::Bytes;
//! use lambda_stream::body::writer::ResponseWriter;
//! use lambda_stream::{Error, Head, LambdaEvent};
//! use serde_json::Value;
//!
//! # async fn audit_log() -> Result<(), Error> { Ok(()) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! lambda_stream::run_with_writer(async |event: LambdaEvent<Value>, response: ResponseWriter| {
//!     let mut body = response.send_head(Head::ok().content_type("text/csv")).await?;
//!     body.send(Bytes::from_static(b"id,name\n")).await?;
//!     let mut file = tokio::io::repeat(b'x');
//!     tokio::io::copy(&mut file, &mut body).await?;
//!     body.finish().await?;
//!     audit_log().await // work after the response
//! })
//! .await
//! # }
//! ```
//!
//! [`stream_from`] gives the same writer inside a handler that returns a stream, and
//! [`channel`](crate::body::channel) is for code that has to spawn.
//!
//! # How it is driven
//!
//! The handler is polled by the response's own stream, on the caller's task. There is no queue: one chunk is
//! in hand, or up to 64 KiB of small ones that were written together, and the next write waits until the
//! connection has taken them. So a slow client holds the handler up, and memory stays flat.
//!
//! # Outcomes
//!
//! | The handler | The response |
//! |---|---|
//! | returns `Ok` without [`finish`](BodyWriter::finish) | ends there |
//! | returns `Err`, or panics, before anything has left | `POST …/error` |
//! | returns `Err`, or panics, later | ends with trailers |
//! | returns `Ok` without sending a head | `POST …/error` with `Function.NoHead` |
//! | fails after `finish` | is complete; the error is logged |
//! | is still writing when the client or the connection goes, or the deadline comes | the handler is dropped at once |

mod body_writer;
mod response_writer;
mod state;
mod stream;

use std::fmt;
use std::io;

pub use body_writer::BodyWriter;
pub use response_writer::ResponseWriter;
pub(crate) use stream::Written;
pub use stream::stream_from;

/// The response is over, so nothing can be written to it any more.
///
/// It has ended, it has failed, or nobody reads it. A handler that drives its own writer is dropped in
/// these cases and never sees this; it is for writers that were moved to another task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteError;

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response is over, so nothing can be written to it any more")
    }
}

impl std::error::Error for WriteError {}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, error)
    }
}
