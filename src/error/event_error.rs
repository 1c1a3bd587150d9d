//! The error of a server-sent event that cannot be sent.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// The reason why an [`Event`](crate::format::sse::Event) cannot be sent.
///
/// The message names the field; if writing its value failed, the source says why. It is reported as
/// `Function.InvalidSseEvent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError {
    field: &'static str,
    reason: Reason,
}

#[derive(Debug, Clone)]
pub(crate) enum Reason {
    /// The value contains a line break or a NUL.
    Forbidden(String),
    /// The `Serialize` or `Display` of the value failed.
    Unwritable(Arc<dyn StdError + Send + Sync>),
}

impl Reason {
    pub(crate) fn forbidden(value: &[u8]) -> Self {
        /// Length of the longest part of a value that is repeated in its error.
        const SHOWN_BYTES: usize = 64;
        let value = &value[..value.len().min(SHOWN_BYTES)];
        Self::Forbidden(String::from_utf8_lossy(value).into_owned())
    }

    pub(crate) fn unwritable(error: impl Into<Error>) -> Self {
        Self::Unwritable(error.into().into())
    }
}

impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Forbidden(a), Self::Forbidden(b)) => a == b,
            (Self::Unwritable(a), Self::Unwritable(b)) => a.to_string() == b.to_string(),
            _ => false,
        }
    }
}

impl Eq for Reason {}

impl EventError {
    pub(crate) fn new(field: &'static str, reason: Reason) -> Self {
        Self { field, reason }
    }

    /// Returns the field that cannot be sent: `data`, `event`, `id` or `comment`.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match &self.reason {
            Reason::Forbidden(value) => write!(
                f,
                "the `{field}` of a server-sent event must not contain a line break or a NUL: {value:?}"
            ),
            Reason::Unwritable(_) => {
                write!(
                    f,
                    "the `{field}` of a server-sent event could not be written"
                )
            }
        }
    }
}

impl StdError for EventError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.reason {
            Reason::Forbidden(_) => None,
            Reason::Unwritable(error) => Some(&**error),
        }
    }
}
