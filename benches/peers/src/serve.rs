//! Code that every peer uses to serve an invocation.

use std::future::Future;

use crate::plan::Plan;
use crate::source::{Error, Source};

/// The headers of every response.
pub const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache"),
    ("x-served-by", "a bench"),
];

/// Returns these headers as a head of this library.
#[cfg(feature = "lambda-stream")]
pub fn head() -> lambda_stream::Head {
    let head = lambda_stream::Head::ok();
    HEADERS
        .iter()
        .fold(head, |head, (name, value)| head.header(name, value))
}

/// These headers as a prelude, for peers that cannot make one.
pub const PRELUDE: &str = r#"{"statusCode":200,"headers":{"content-type":"text/event-stream","cache-control":"no-cache","x-served-by":"a bench"},"cookies":[]}"#;

/// The bytes after a prelude.
pub const DELIMITER: [u8; 8] = [0; 8];

/// Returns the chunks of a plan.
pub fn chunks(plan: Plan) -> Source {
    if plan == Plan::END {
        std::process::exit(0);
    }
    Source::new(plan)
}

/// Returns the address of the Runtime API.
///
/// # Errors
///
/// When the environment does not have it.
pub fn runtime_api() -> Result<String, Error> {
    Ok(std::env::var("AWS_LAMBDA_RUNTIME_API")?)
}

/// Runs a future on tokio's current-thread flavour.
///
/// # Errors
///
/// Those of the future.
pub fn on_this_thread(future: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

/// Runs a future on tokio's multi-thread flavour.
///
/// # Errors
///
/// Those of the future.
#[cfg(feature = "lambda-runtime")]
pub fn on_threads(future: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
