//! Log lines as Lambda wants them: one call sets up a subscriber for `tracing`.
//!
//! ```no_run
//! use lambda_stream::{Error, LambdaEvent, Raw, RunError};
//! use serde_json::Value;
//! use tokio_stream::StreamExt;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), RunError> {
//!     lambda_stream::logging::init();
//!     lambda_stream::run(async |_: LambdaEvent<Value>| {
//!         let rows = tokio_stream::iter(1..=3).map(|row| {
//!             tracing::info!(row, "sending"); // carries the request id
//!             Ok::<_, Error>(format!("{row}\n"))
//!         });
//!         Ok::<_, Error>(Raw(rows))
//!     })
//!     .await
//! }
//! ```
//!
//! # What is configured where
//!
//! | Variable | Effect |
//! |---|---|
//! | `AWS_LAMBDA_LOG_FORMAT` | `JSON` gives one JSON object per line, anything else text |
//! | `AWS_LAMBDA_LOG_LEVEL` | least level: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL` (the same as `ERROR`) |
//! | `RUST_LOG` | where that is not set: a level, or [targets with levels](Targets), such as `my_app=debug,info` |
//! | `NO_COLOR` | no colours, which otherwise mark levels when stderr is a terminal |
//!
//! AWS sets the first two as the function's logging configuration says; values are compared without
//! regard to case. Without any of them, the level is `INFO`. Lines go to stderr, which AWS sends to
//! CloudWatch Logs.
//!
//! # Format
//!
//! In text and in JSON, a line has the time, the level, the id of the request that it belongs to,
//! the target, the message and the fields of the event. Fields of the spans around it are added,
//! except for those of the invocation's own span.
//!
//! ```text
//! 2026-01-31T12:00:00.000000Z INFO 8476a536-e9f4-11e8-9739-2dfe598c3fcd my_app: sending row=1
//! {"timestamp":"2026-01-31T12:00:00.000000Z","level":"INFO","requestId":"8476a536-e9f4-11e8-9739-2dfe598c3fcd","target":"my_app","message":"sending","fields":{"row":1}}
//! ```
//!
//! An error that is recorded as one (`error = &error as &dyn std::error::Error`) is told with its
//! causes. Control characters are escaped, so that a value cannot forge a line.
//!
//! # Together with other subscribers
//!
//! [`Logs`] is built with a format, a filter and a writer of one's own, and becomes a layer beside
//! others, such as the one of `tracing-opentelemetry`.

mod fields;
mod json;
mod layer;
mod logs;
mod text;

pub use tracing_subscriber::filter::Targets;

pub use self::logs::{Format, Logs};

/// Sets up the subscriber that the environment asks for, for the whole process.
///
/// A global subscriber that is there already stays, and this has no effect. The same as
/// `Logs::from_env().init()`.
pub fn init() {
    Logs::from_env().init();
}
