//! Why a measurement has no report.

use std::fmt;

use crate::error::Failure;

/// Why [`Measure::run`](super::Measure::run) has no report: an invocation failed, or there was
/// none.
///
/// The text names the invocation and the type and message of its failure. `Debug` prints the same
/// sentence, because `main` prints an error by its `Debug`.
pub struct MeasureError {
    text: String,
    failure: Option<Failure>,
}

impl MeasureError {
    /// What the invocation failed with, as it would be reported to the service.
    ///
    /// `None` when no invocation failed: the event cannot be serialized, the system has no port or
    /// thread, or the runtime stopped.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Something went wrong outside of the handler.
    pub(super) fn new(what: &str, error: impl fmt::Display) -> Self {
        Self {
            text: format!("{what}: {error}"),
            failure: None,
        }
    }

    pub(super) fn failed(invocation: &str, failure: Failure) -> Self {
        Self {
            text: format!(
                "{invocation} failed with {}: {failure}",
                failure.error_type()
            ),
            failure: Some(failure),
        }
    }
}

impl fmt::Display for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for MeasureError {}
