//! Why the runtime stopped.

use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;

/// Why [`run`](crate::run) returned.
///
/// `run` goes on for as long as the service wants. What ended it is answered by
/// [`is_configuration`](Self::is_configuration), [`is_connection`](Self::is_connection),
/// [`is_refused`](Self::is_refused) and [`is_setup`](Self::is_setup), and
/// [`source`](StdError::source) is the cause. Return it from `main`: the process then exits with a
/// status other than zero, and the service starts a new sandbox. `run` has already written it to
/// the log, in words.
///
/// ```
/// use lambda_stream::RunError;
///
/// fn is_worth_a_retry(error: &RunError) -> bool {
///     error.is_connection()
/// }
/// ```
///
/// The text is for people and may change; the questions are stable.
#[derive(Debug)]
pub struct RunError {
    kind: Kind,
    message: String,
    source: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Configuration,
    Connection,
    Refused,
    Setup,
}

impl RunError {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, message, None)
    }

    pub(super) fn configuration(message: impl Into<String>, source: impl Into<Error>) -> Self {
        Self::new(Kind::Configuration, message, Some(source.into()))
    }

    pub(super) fn connection(message: impl Into<String>, source: impl Into<Error>) -> Self {
        Self::new(Kind::Connection, message, Some(source.into()))
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message, None)
    }

    pub(super) fn setup(source: impl Into<Error>) -> Self {
        Self::new(Kind::Setup, "the set-up failed", Some(source.into()))
    }

    fn new(kind: Kind, message: impl Into<String>, source: Option<Error>) -> Self {
        Self {
            kind,
            message: message.into(),
            source,
        }
    }

    /// Whether a variable or an option is missing or malformed, or the local Lambda cannot listen.
    pub fn is_configuration(&self) -> bool {
        self.kind == Kind::Configuration
    }

    /// Whether the Runtime API could not be reached, or was lost and did not come back.
    pub fn is_connection(&self) -> bool {
        self.kind == Kind::Connection
    }

    /// Whether the Runtime API gave an answer after which this sandbox cannot serve anything any
    /// more.
    pub fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// Whether the set-up of [`Runtime::run_with_setup`](crate::Runtime::run_with_setup) failed.
    pub fn is_setup(&self) -> bool {
        self.kind == Kind::Setup
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for RunError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}
