//! Why the runtime stopped.

use std::fmt;

/// Why [`run`](crate::run) returned.
///
/// `run` goes on for as long as the service wants; what ends it is told by
/// [`is_configuration`](Self::is_configuration), [`is_connection`](Self::is_connection) and
/// [`is_refused`](Self::is_refused). Return it from `main`: the process then exits with a status other
/// than zero and the text on stderr, and the service starts a new sandbox.
///
/// ```
/// use lambda_stream::{Error, RunError};
///
/// fn is_worth_a_retry(error: &Error) -> bool {
///     error.downcast_ref::<RunError>().is_some_and(RunError::is_connection)
/// }
/// ```
///
/// The text is for people and may change; the questions are stable.
#[derive(Clone, PartialEq, Eq)]
pub struct RunError {
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Configuration,
    Connection,
    Refused,
}

impl RunError {
    pub(crate) fn configuration(text: impl fmt::Display) -> Self {
        Self::new(Kind::Configuration, text)
    }

    pub(crate) fn connection(text: impl fmt::Display) -> Self {
        Self::new(Kind::Connection, text)
    }

    pub(crate) fn refused(text: impl fmt::Display) -> Self {
        Self::new(Kind::Refused, text)
    }

    fn new(kind: Kind, text: impl fmt::Display) -> Self {
        Self {
            kind,
            text: text.to_string(),
        }
    }

    /// A variable or an option is missing or malformed, or the local Lambda cannot listen.
    pub fn is_configuration(&self) -> bool {
        self.kind == Kind::Configuration
    }

    /// The Runtime API could not be reached, or was lost and did not come back.
    pub fn is_connection(&self) -> bool {
        self.kind == Kind::Connection
    }

    /// The Runtime API gave an answer after which this sandbox can serve nothing any more.
    pub fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads like a sentence, because `main` prints an error by its `Debug`.
impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for RunError {}
