//! The error of a response that would exceed its limit.

use std::error::Error as StdError;
use std::fmt;

use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;

/// The response would have exceeded its limit. Nothing of the chunk that would have exceeded it was
/// sent.
///
/// The error of [`limit`](crate::body::ChunkStreamExt::limit) and of
/// [`Runtime::response_limit`](crate::Runtime::response_limit). It is reported as
/// `Function.ResponseSizeTooLarge`, which is what the service calls its own limit.
///
/// ```
/// use lambda_stream::body::SizeLimitExceeded;
/// use lambda_stream::Error;
///
/// fn excess(error: &Error) -> Option<u64> {
///     let error: &SizeLimitExceeded = error.downcast_ref()?;
///     Some(error.offered() - error.limit())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeLimitExceeded {
    limit: u64,
    offered: u64,
}

impl SizeLimitExceeded {
    pub(crate) fn new(limit: u64, offered: u64) -> Self {
        Self { limit, offered }
    }

    /// Returns the limit, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the size in bytes that the payload would have reached: what was sent, and the chunk
    /// that was not. Always more than [`limit`](Self::limit).
    pub fn offered(&self) -> u64 {
        self.offered
    }
}

impl fmt::Display for SizeLimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, offered } = self;
        write!(
            f,
            "the response payload is limited to {limit} bytes, but its next chunk would make it {offered}"
        )
    }
}

impl StdError for SizeLimitExceeded {}

impl From<SizeLimitExceeded> for Failure {
    fn from(error: SizeLimitExceeded) -> Self {
        Self::new(kind::RESPONSE_SIZE_TOO_LARGE, error)
    }
}
