//! Limits of the service, each with its source.

/// The delimiter must lie within this many bytes from the start of the stream, or API Gateway answers
/// 500 (AWS, "Set up a Lambda proxy integration with payload response streaming").
pub(crate) const PRELUDE_LIMIT: usize = 16 * 1024;

/// The largest event: 6 MB (AWS, "Lambda quotas", invocation payload).
#[cfg(feature = "local")]
pub(crate) const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// How long the trailers of one response may be, line ends included.
///
/// The Runtime API is a Go server, and Go reads trailers through a buffer of 4,096 bytes: what does
/// not fit fails the whole response as "suspiciously long trailer after chunked body".
pub(crate) const TRAILERS_LIMIT: usize = 4096;
