//! Trailers of a response that failed after its head.
//!
//! [`Failure::to_trailers`](crate::Failure::to_trailers) and
//! [`Failure::from_trailers`](crate::Failure::from_trailers) write and read them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::api::{ERROR_BODY, ERROR_TYPE};
use crate::limits::TRAILERS_LIMIT;

/// Returns the maximum length of an error document whose trailers stay within [`TRAILERS_LIMIT`],
/// in bytes; 0 for a type that leaves no room.
///
/// Counted are a line `name: value\r\n` for each trailer, the last chunk `0\r\n` before them and
/// `\r\n` after them, and the four bytes that base64 makes of three.
pub const fn document_limit(error_type: &str) -> usize {
    let lines = ERROR_TYPE.len() + ERROR_BODY.len() + 2 * ": \r\n".len() + "0\r\n\r\n".len();
    TRAILERS_LIMIT.saturating_sub(lines + error_type.len()) / 4 * 3
}

/// Returns the trailers for an error of this type with this JSON document, which the caller keeps
/// within [`document_limit`].
pub(crate) fn encode(error_type: HeaderValue, document: &[u8]) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(HeaderName::from_static(ERROR_TYPE), error_type);
    // Base64 is always a legal header value.
    if let Ok(body) = HeaderValue::from_str(&STANDARD.encode(document)) {
        trailers.insert(HeaderName::from_static(ERROR_BODY), body);
    }
    trailers
}

/// Returns the type and the JSON document of the error that trailers report, or `None` if they
/// report none.
///
/// A document that is not base64 reads as empty: the type alone makes it an error.
pub(crate) fn decode(trailers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let error_type = trailers.get(ERROR_TYPE)?;
    let document = trailers
        .get(ERROR_BODY)
        .and_then(|body| STANDARD.decode(body.as_bytes()).ok())
        .unwrap_or_default();
    Some((
        String::from_utf8_lossy(error_type.as_bytes()).into_owned(),
        document,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_round_trip() {
        let document = br#"{"errorMessage":"x"}"#;
        let trailers = encode(HeaderValue::from_static("Function.Broken"), document);
        assert_eq!(
            decode(&trailers),
            Some(("Function.Broken".to_owned(), document.to_vec()))
        );
        assert_eq!(decode(&HeaderMap::new()), None);
    }

    #[test]
    fn largest_document_fits_the_limit() {
        let document = vec![b'x'; document_limit("Function.Broken")];
        let trailers = encode(HeaderValue::from_static("Function.Broken"), &document);
        let lines: usize = trailers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        assert!(lines + 5 <= TRAILERS_LIMIT, "{lines}");
        assert!(lines + 5 > TRAILERS_LIMIT - 8, "{lines}");
    }
}
