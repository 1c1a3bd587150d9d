//! The error of an invocation that is ended shortly before its deadline.

use std::error::Error as StdError;
use std::fmt;

use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;

/// The response was ended shortly before the deadline of its invocation, at which the service would
/// have killed the sandbox.
///
/// The error of [`until_deadline`](crate::body::ChunkStreamExt::until_deadline) and of
/// [`Runtime::deadline_margin`](crate::Runtime::deadline_margin). It is reported as
/// `Function.DeadlineExceeded` in either case.
///
/// ```
/// use lambda_stream::body::DeadlineExceeded;
/// use lambda_stream::Error;
///
/// fn is_resumable(error: &Error) -> bool {
///     error.is::<DeadlineExceeded>()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadlineExceeded(());

impl DeadlineExceeded {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the invocation was ended shortly before its deadline, because the sandbox is killed at the \
             deadline",
        )
    }
}

impl StdError for DeadlineExceeded {}

impl From<DeadlineExceeded> for Failure {
    fn from(error: DeadlineExceeded) -> Self {
        Self::new(kind::DEADLINE_EXCEEDED, error)
    }
}
