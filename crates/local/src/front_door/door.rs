//! The doors that a request can come through.

/// Which door a request came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// `POST /invoke`: the body is the event.
    Invoke,
    /// Any other path: a request to a Function URL.
    FunctionUrl,
}
