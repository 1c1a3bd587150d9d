//! Why an event cannot be sent.

use std::fmt;

/// Why an [`Event`](super::Event) cannot be sent; the text names the field and what is wrong with it.
///
/// It is reported as `Function.InvalidSseEvent`.
#[derive(Clone, PartialEq, Eq)]
pub struct EventError {
    field: &'static str,
    reason: Reason,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The value, which has a line break or a NUL.
    Forbidden(String),
    /// What its `Serialize` or `Display` failed with.
    Unwritable(String),
}

impl Reason {
    pub(crate) fn forbidden(value: &[u8]) -> Self {
        /// At most this much of a wrong value is repeated in its error.
        const SHOWN: usize = 64;
        let value = &value[..value.len().min(SHOWN)];
        Self::Forbidden(String::from_utf8_lossy(value).into_owned())
    }
}

impl EventError {
    pub(crate) fn new(field: &'static str, reason: Reason) -> Self {
        Self { field, reason }
    }

    /// The field that cannot be sent: `data`, `event`, `id` or `comment`.
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
                "{value:?} cannot be the `{field}` of a server-sent event: it has a line break or a NUL"
            ),
            Reason::Unwritable(error) => write!(
                f,
                "the `{field}` of a server-sent event could not be written: {error}"
            ),
        }
    }
}

impl fmt::Debug for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventError({self})")
    }
}

impl std::error::Error for EventError {}
