//! AWS Lambda response streaming: return a head and a [`Stream`](futures_core::Stream), and every
//! chunk is on the wire as soon as it is ready.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use lambda_stream::{Error, Head, LambdaEvent, RunError};
//! use serde_json::Value;
//! use tokio_stream::{Stream, StreamExt};
//!
//! async fn handler(
//!     _event: LambdaEvent<Value>,
//! ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
//!     let numbers = tokio_stream::iter(1..=3)
//!         .map(|n| Ok(Bytes::from(format!("Number: {n}\n"))))
//!         .throttle(Duration::from_secs(1));
//!     Ok((Head::new(418).header("content-type", "text/plain"), numbers))
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), RunError> {
//!     lambda_stream::run(handler).await
//! }
//! ```
//!
//! `cargo run` starts a local Lambda where this is not AWS, and prints where it listens. `curl -N`
//! shows the lines as they come.
//!
//! # Where to look
//!
//! | For | See |
//! |---|---|
//! | what a handler can be | [`Handler`]: async functions and closures, tower services |
//! | what it receives | [`LambdaEvent`], [`Context`] |
//! | what it may return | [`IntoResponse`]: [`Head`] and stream, `http::Response`, [`Raw`], [`Json`] |
//! | a handler that does not compile | [`check_handler`] |
//! | heartbeats, deadlines, size limits, code that blocks or writes | [`body`] |
//! | server-sent events, rows as JSON or CSV | [`format`](mod@crate::format) |
//! | web apps: axum, tower services of `http` types | module `web`, with the cargo feature of that name |
//! | what happens when something goes wrong | [the table of outcomes](run#outcomes), [`Failure`], [`failure::kind`] |
//! | many invocations at once | [`Runtime::max_concurrency`]; [`Sequential`] for a handler that cannot |
//! | options, and a set-up that can fail | [`Runtime`] |
//! | tests and benchmarks of a handler | module `testing`, with the cargo feature of that name |
//! | the bytes themselves, for a client of your own | [`Frames`] |
//!
//! # Promises
//!
//! 1. The head leaves as soon as it is known. A first chunk that is ready then leaves in the same
//!    write; if the first poll is an error, nothing has been sent, and the invocation fails as a
//!    whole.
//! 2. A chunk that is ready is written at once; nothing waits for a fuller buffer. Chunks that are
//!    ready together may share a write, once their stream has shown that it is fast.
//! 3. Bytes are exact, for any size, content and number of chunks. Empty chunks do not end the
//!    body.
//! 4. An error, a panic or a deadline becomes real HTTP trailers after the last good chunk. The
//!    stream is not polled again, and the next invocation is served.
//! 5. Memory is flat: the stream is polled only once the socket has taken what it gave before.
//! 6. A lost connection or an early refusal drops the stream at once, and the next invocation is
//!    served.
//! 7. A response without a body (204, 304, redirects) arrives with its status, and ends.
//! 8. Handler and stream are polled on the caller's task. Nothing is spawned, nothing has to be
//!    `Send`, `Unpin` or `'static`, and neither a channel nor an allocation stands between a chunk
//!    and the socket.
//!
//! # Cargo features
//!
//! | Feature | Default | Adds |
//! |---|---|---|
//! | `local` | yes | the local Lambda. Deploy with `default-features = false` for a smaller binary |
//! | `csv` | no | rows as CSV, through the crate `csv` |
//! | `web` | no | web apps: tower services of `http` types behind every HTTP front door |
//! | `axum` | no | the same, with extractors for axum |
//! | `logging` | no | [log lines](logging) in the format and from the level that Lambda asks for |
//! | `testing` | no | a handler in a test or a benchmark, with arrival times |
//!
//! # Stability
//!
//! The types of `bytes`, `http`, `http-body`, `futures-core`, `futures-sink`, `tokio`
//! (`AsyncWrite`), `tower-service` and `serde` are part of the public API, with the feature `web`
//! those of `aws_lambda_events`, and with `axum` those of `axum-core`. The text of errors and log
//! lines is not.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod event;
mod response;
mod runtime;

pub mod body;
pub mod format;
#[cfg(feature = "logging")]
pub mod logging;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "web")]
pub mod web;

pub use bytes;
pub use http;
#[cfg(feature = "local")]
pub use lambda_stream_local as local;
pub use lambda_stream_wire::failure::{self, Failure};

pub use self::error::Error;
pub use self::event::{Context, LambdaEvent};
pub use self::response::{Frames, Head, HeadError, IntoResponse, Json, Raw, Response};
pub use self::runtime::{
    Handler, HandlerMut, RunError, Runtime, Sequential, check_handler, run, run_with_writer,
};

/// The code of the README compiles; one example is a web app, one a test.
#[cfg(all(doctest, feature = "web", feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// So does the code of the page on performance.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../docs/performance.md")]
struct Performance;

/// And of the page on logs and traces.
#[cfg(all(doctest, feature = "logging"))]
#[doc = include_str!("../docs/telemetry.md")]
struct Telemetry;
