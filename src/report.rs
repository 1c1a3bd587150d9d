//! What the library has to say beside its return values: events of the `tracing` crate, or lines on
//! stderr while nobody listens to those.

use std::fmt;

use crate::error::Failure;

/// An invocation failed.
pub(crate) fn failed(request_id: &str, failure: &Failure) {
    let (error_type, message) = (failure.error_type(), failure.to_string());
    if is_heard() {
        tracing::error!(
            request_id,
            error_type,
            stack_trace = ?failure.stack_trace(),
            "invocation failed: {message}"
        );
    } else {
        eprintln!("ERROR lambda-stream: invocation {request_id} failed: {failure:?}");
    }
}

/// Something went wrong that cost no more than this invocation or connection.
pub(crate) fn warn(request_id: Option<&str>, text: impl fmt::Display) {
    if is_heard() {
        tracing::warn!(request_id, "{text}");
    } else if let Some(request_id) = request_id {
        eprintln!("WARN lambda-stream: invocation {request_id}: {text}");
    } else {
        eprintln!("WARN lambda-stream: {text}");
    }
}

/// Without a subscriber, events go nowhere; an error must not.
fn is_heard() -> bool {
    tracing::dispatcher::has_been_set()
}
