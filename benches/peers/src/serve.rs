//! What every peer does for an invocation, whatever it is made of.

use std::future::Future;

use crate::plan::Plan;
use crate::source::{Error, Source};

/// The head of every response: three headers, which are written as the service wants them.
pub const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache"),
    ("x-served-by", "a bench"),
];

/// The same head as this library has it.
#[cfg(feature = "lambda-stream")]
pub fn head() -> lambda_stream::Head {
    let head = lambda_stream::Head::ok();
    HEADERS
        .iter()
        .fold(head, |head, (name, value)| head.header(name, value))
}

/// The same head as a prelude, for peers that have nothing to make one with.
pub const PRELUDE: &str = r#"{"statusCode":200,"headers":{"content-type":"text/event-stream","cache-control":"no-cache","x-served-by":"a bench"},"cookies":[]}"#;

/// What follows a prelude.
pub const DELIMITER: [u8; 8] = [0; 8];

/// The chunks that an event asks for.
pub fn chunks(plan: Plan) -> Source {
    if plan == Plan::END {
        std::process::exit(0);
    }
    Source::new(plan)
}

/// Where the Runtime API is.
///
/// # Errors
///
/// When the environment does not say it.
pub fn runtime_api() -> Result<String, Error> {
    Ok(std::env::var("AWS_LAMBDA_RUNTIME_API")?)
}

/// Runs this on tokio's current-thread flavour.
///
/// # Errors
///
/// What the future fails with.
pub fn on_this_thread(future: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

/// Runs this on tokio's multi-thread flavour.
///
/// # Errors
///
/// What the future fails with.
#[cfg(feature = "lambda-runtime")]
pub fn on_threads(future: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
