//! What the library has to say beside its return values: events of the `tracing` crate, or lines on
//! stderr while nobody listens to those.

use std::fmt;
use std::io::Write;

use crate::error::Failure;

/// Tells what went wrong without ending the runtime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// The local Lambda has a line of its own for each invocation.
    pub(crate) is_told_locally: bool,
}

impl Report {
    /// An invocation failed.
    pub(crate) fn failed(self, request_id: &str, failure: &Failure) {
        if is_heard() {
            let error_type = failure.error_type();
            let stack_trace = failure.stack_trace();
            tracing::error!(
                request_id,
                error_type,
                ?stack_trace,
                "invocation failed: {failure}"
            );
        } else {
            self.line(format_args!(
                "ERROR lambda-stream: invocation {request_id} failed: {failure:?}"
            ));
        }
    }

    /// Something went wrong that cost no more than this invocation or connection.
    pub(crate) fn warn(self, request_id: Option<&str>, text: impl fmt::Display) {
        if is_heard() {
            tracing::warn!(request_id, "{text}");
        } else if let Some(request_id) = request_id {
            self.line(format_args!(
                "WARN lambda-stream: invocation {request_id}: {text}"
            ));
        } else {
            self.line(format_args!("WARN lambda-stream: {text}"));
        }
    }

    fn line(self, line: fmt::Arguments<'_>) {
        if !self.is_told_locally {
            // A closed stderr is no reason to panic.
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}

/// Without a subscriber, events go nowhere; an error must not.
fn is_heard() -> bool {
    tracing::dispatcher::has_been_set()
}
