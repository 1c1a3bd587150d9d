//! What the library logs: events of the `tracing` crate, or lines on stderr where nobody takes those.

use std::fmt;
use std::io::Write;

use tracing::{Level, event_enabled};

use super::error::RunError;
use crate::error::Failure;

/// Logs what went wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// Whether the local Lambda prints a line of its own for each invocation.
    pub(crate) shown_locally: bool,
}

impl Report {
    /// Logs a failed invocation.
    pub(super) fn invocation_failed(self, request_id: &str, failure: &Failure) {
        let error_type = failure.error_type();
        let causes = Causes(failure.stack_trace());
        if event_enabled!(Level::ERROR) {
            tracing::error!(
                request_id,
                error_type,
                error = %failure,
                causes = causes.0.join("; "),
                "invocation failed"
            );
        } else if !self.shown_locally {
            write_line(format_args!(
                "ERROR lambda-stream: invocation {request_id} failed: {error_type}: {failure}{causes}"
            ));
        }
    }

    /// Logs something that affects no more than this invocation or connection.
    pub(super) fn warn(self, request_id: Option<&str>, message: impl fmt::Display) {
        if event_enabled!(Level::WARN) {
            tracing::warn!(request_id, "{message}");
        } else if !self.shown_locally {
            match request_id {
                Some(id) => {
                    write_line(format_args!(
                        "WARN lambda-stream: invocation {id}: {message}"
                    ));
                }
                None => write_line(format_args!("WARN lambda-stream: {message}")),
            }
        }
    }
}

/// Logs why the runtime stops, with every cause.
pub(super) fn stopped(error: &RunError) {
    let error: &dyn std::error::Error = error;
    if event_enabled!(Level::ERROR) {
        tracing::error!(error, "the runtime stopped");
        return;
    }
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(format!("caused by: {cause}"));
        source = cause.source();
    }
    write_line(format_args!(
        "ERROR lambda-stream: {error}{}",
        Causes(&causes)
    ));
}

/// The causes of an error, each after a semicolon.
struct Causes<'a>(&'a [String]);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|cause| write!(f, "; {cause}"))
    }
}

/// Writes one line to stderr. Control characters are escaped, so that a message cannot forge another
/// line.
fn write_line(line: fmt::Arguments<'_>) {
    let line = escape(&line.to_string()) + "\n";
    // A closed stderr is not a reason to stop.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 1);
    for char in text.chars() {
        if char.is_control() {
            escaped.extend(char.escape_default());
        } else {
            escaped.push(char);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_break_in_a_message_is_escaped() {
        assert_eq!(
            escape("a\r\nERROR b\u{1b}[31m é"),
            r"a\r\nERROR b\u{1b}[31m é"
        );
    }

    #[test]
    fn causes_follow_in_one_line() {
        let causes = ["caused by: a".to_owned(), "caused by: b".to_owned()];
        assert_eq!(Causes(&causes).to_string(), "; caused by: a; caused by: b");
    }
}
