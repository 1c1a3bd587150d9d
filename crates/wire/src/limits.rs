//! Limits of the service, each with its source.

/// Largest offset at which the delimiter may end, in bytes from the start of the stream.
///
/// API Gateway answers 500 if it comes later (AWS, "Set up a Lambda proxy integration with payload
/// response streaming").
pub const PRELUDE_LIMIT: usize = 16_384;

/// Largest event, in bytes.
///
/// AWS, "Lambda quotas": 6 MB for the payload of an invocation. The Invoke API names the number
/// when it refuses a larger one: "Request must be smaller than 6291456 bytes".
pub const EVENT_LIMIT: usize = 6_291_456;

/// Largest response that is not streamed, in bytes (AWS, source of the Runtime Interface Emulator:
/// 6 MB and 100 bytes).
pub const BUFFERED_RESPONSE_LIMIT: usize = 6_291_556;

/// Largest response that a load balancer accepts from a function, in bytes (AWS, "Lambda functions
/// as targets": 1 MB).
pub const ALB_RESPONSE_LIMIT: usize = 1_048_576;

/// Largest error document that is posted, in bytes.
///
/// The service refuses documents above 6 MB and the process has to exit then; 256 KiB hold any
/// message that a person reads.
pub const ERROR_DOCUMENT_LIMIT: usize = 262_144;

/// Longest error type that is reported, in bytes.
///
/// The type is sent twice, in a header or trailer and in the error document, and both share
/// [`TRAILERS_LIMIT`].
pub const ERROR_TYPE_LIMIT: usize = 128;

/// Largest trailer section of a response, in bytes, line ends included.
///
/// The Runtime API is a Go server, and Go's `net/http` reads trailers through a buffer of 4,096
/// bytes. A longer section fails the whole response as "suspiciously long trailer after chunked
/// body" (seen with AWS's Runtime Interface Emulator).
pub const TRAILERS_LIMIT: usize = 4096;

/// Largest cause of a failure for AWS X-Ray, in bytes: it has to be shorter than 64 KiB (AWS,
/// source of the Runtime Interface Emulator).
pub const XRAY_CAUSE_LIMIT: usize = 65_535;

/// Largest streamed response of an account whose limit AWS has not raised, in bytes.
///
/// AWS, "Response streaming for Lambda functions", names a soft limit of 200 MB and no number of
/// bytes. The 6 MB of the same page are 6 × 1,048,576 bytes as the service enforces them, so this
/// is 200 × 1,048,576. It has not been measured against the service; `200_000_000` is below either
/// reading.
pub const RESPONSE_LIMIT: u64 = 209_715_200;

/// Maximum number of header names in one [`HeaderMap`](http::HeaderMap).
///
/// A limit of the `http` crate, not of the service: `HeaderMap::insert` and `append` panic beyond
/// it, `try_insert` and `try_append` return an error. Code that takes headers from outside uses the
/// latter and names this number in its error.
pub const HEADER_NAMES_LIMIT: usize = 24_576;

#[cfg(test)]
mod tests {
    use http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "too slow")]
    fn header_map_accepts_names_up_to_the_limit() {
        let mut headers = HeaderMap::new();
        let mut append = |at: usize| {
            let name = HeaderName::from_bytes(format!("x-{at}").as_bytes()).unwrap();
            headers.try_append(name, HeaderValue::from_static(""))
        };
        for at in 0..HEADER_NAMES_LIMIT {
            assert!(append(at).is_ok(), "{at}");
        }
        assert!(append(HEADER_NAMES_LIMIT).is_err());
    }
}
