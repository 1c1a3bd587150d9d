//! Limits of the service, each with its source.

/// Largest offset at which prelude and delimiter may end, in bytes from the start of the stream.
///
/// API Gateway answers 500 otherwise (AWS, "Set up a Lambda proxy integration with payload response
/// streaming").
pub const PRELUDE_LIMIT: usize = 16 * 1024;

/// Largest event, in bytes (AWS, "Lambda quotas", invocation payload: 6 MB).
pub const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// Largest response that is not streamed, in bytes (AWS, source of the Runtime Interface Emulator).
pub const BUFFERED_RESPONSE_LIMIT: usize = 6_291_556;

/// Largest response that a load balancer takes from a function, in bytes (AWS, "Lambda functions as
/// targets", limits: 1 MB).
pub const ALB_RESPONSE_LIMIT: usize = 1024 * 1024;

/// Largest error document that is posted, in bytes.
///
/// The service refuses documents of more than 6 MB and ends the process; a document that a person
/// reads has no use for more than this.
pub const ERROR_DOCUMENT_LIMIT: usize = 256 * 1024;

/// Longest error type that is reported, in bytes. The type stands in a header or trailer, and once
/// more in the error document.
pub const ERROR_TYPE_LIMIT: usize = 128;

/// Largest trailers of one response, in bytes, line ends included.
///
/// The Runtime API is a Go server, and Go reads trailers through a buffer of 4,096 bytes: what does
/// not fit fails the whole response as "suspiciously long trailer after chunked body".
pub const TRAILERS_LIMIT: usize = 4096;

/// Largest streamed response of an account whose limit AWS has not raised, in bytes: 200 MB, here
/// taken as 200 × 1,048,576.
///
/// AWS, "Response streaming for Lambda functions", calls it a soft limit of 200 MB and gives no
/// number of bytes. The 6 MB of the same page are 6 × 1,048,576 bytes as the service enforces them,
/// so 200 MB are read in the same way; this has not been measured against the service. To stay clear
/// of the doubt, use `200_000_000`.
pub const RESPONSE_LIMIT: u64 = 200 * 1024 * 1024;
