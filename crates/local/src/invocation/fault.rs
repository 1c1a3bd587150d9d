//! Why an invocation failed, as the client and the terminal are told.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::limits::BUFFERED_RESPONSE_LIMIT;
use serde_json::json;

/// The service's type for a function that ran into its timeout (AWS, source of the Runtime
/// Interface Emulator).
const TIMED_OUT: &str = "Sandbox.Timedout";

/// Why an invocation failed.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The program reported it, or sent what cannot be read.
    Failure(Failure),
    /// The program took longer than this.
    TimedOut(Duration),
}

impl Fault {
    pub(crate) fn new(
        kind: &str,
        message: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failure(Failure::new(kind, message))
    }

    /// The program ended, or closed its connection.
    pub(crate) fn exited() -> Self {
        Self::new(
            kind::EXIT_ERROR,
            "the program closed its connection to the Runtime API before it answered",
        )
    }

    pub(crate) fn error_type(&self) -> &str {
        match self {
            Self::Failure(failure) => failure.error_type(),
            Self::TimedOut(_) => TIMED_OUT,
        }
    }

    pub(crate) fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Failure(failure) => failure.to_string().into(),
            Self::TimedOut(after) => {
                format!("Task timed out after {:.2} seconds", after.as_secs_f64()).into()
            }
        }
    }

    /// Returns the error document.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        match self {
            Self::Failure(failure) => failure.to_json(),
            Self::TimedOut(_) => json!({"errorMessage": self.message(), "errorType": TIMED_OUT})
                .to_string()
                .into_bytes(),
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type(), self.message())
    }
}

/// Returns the fault of a response that stopped before its end.
pub(crate) fn truncated(error: &hyper::Error) -> Fault {
    Fault::new(
        kind::TRUNCATED_RESPONSE,
        format!("the program's response stopped before its end: {error}"),
    )
}

/// Returns why a buffered response is refused.
pub(crate) fn buffered_too_large() -> String {
    format!(
        "the response is larger than the {BUFFERED_RESPONSE_LIMIT} bytes that a buffered response may \
         have; stream it"
    )
}
