//! Limits of the service, each with its source.

/// The delimiter must lie within this many bytes from the start of the stream, or API Gateway answers
/// 500 (AWS, "Set up a Lambda proxy integration with payload response streaming").
pub(crate) const PRELUDE_LIMIT: usize = 16 * 1024;

/// The largest event: 6 MB (AWS, "Lambda quotas", invocation payload).
#[cfg(any(feature = "local", feature = "measure"))]
pub(crate) const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// The largest response that is not streamed (AWS, source of the Runtime Interface Emulator).
#[cfg(feature = "http")]
pub(crate) const BUFFERED_RESPONSE_LIMIT: usize = 6_291_556;

/// The largest response that a load balancer takes from a function: 1 MB (AWS, "Lambda functions as
/// targets", limits).
#[cfg(feature = "http")]
pub(crate) const ALB_RESPONSE_LIMIT: usize = 1024 * 1024;

/// How long the trailers of one response may be, line ends included.
///
/// The Runtime API is a Go server, and Go reads trailers through a buffer of 4,096 bytes: what does
/// not fit fails the whole response as "suspiciously long trailer after chunked body".
pub(crate) const TRAILERS_LIMIT: usize = 4096;

/// The largest streamed response that an account gets unless AWS has raised its limit: 200 MB, here taken
/// as 200 × 1,048,576 bytes.
///
/// For [`Runtime::response_limit`](crate::Runtime::response_limit) and
/// [`limit`](crate::ChunkStreamExt::limit). AWS, "Response streaming for Lambda functions", calls it a soft
/// limit of 200 MB and gives no number of bytes. The 6 MB of the same page are 6 × 1,048,576 bytes as the
/// service enforces them, so 200 MB are read in the same way; this has not been measured against the
/// service. To stay clear of the doubt, take `200_000_000`.
pub const RESPONSE_LIMIT: u64 = 200 * 1024 * 1024;
