//! The trailers that end a response which failed after its head.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::api::{ERROR_BODY, ERROR_TYPE};
use crate::limits::TRAILERS_LIMIT;

/// Returns how long the error document may be, so that both trailers stay below [`TRAILERS_LIMIT`].
///
/// Each line is `name: value\r\n`, with `0\r\n` before and `\r\n` after them, and base64 turns three
/// bytes into four.
pub const fn document_limit(error_type: &str) -> usize {
    let lines = ERROR_TYPE.len() + ERROR_BODY.len() + 2 * ": \r\n".len() + "0\r\n\r\n".len();
    TRAILERS_LIMIT.saturating_sub(lines + error_type.len()) / 4 * 3
}

/// Encodes the trailers for an error of this type with this JSON document, which the caller keeps
/// within [`document_limit`].
pub(crate) fn encode(error_type: HeaderValue, document: &[u8]) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(HeaderName::from_static(ERROR_TYPE), error_type);
    // Base64 is ASCII, so a header can always carry it.
    if let Ok(body) = HeaderValue::from_str(&STANDARD.encode(document)) {
        trailers.insert(HeaderName::from_static(ERROR_BODY), body);
    }
    trailers
}

/// Reads the error's type and JSON document from trailers; `None` if they carry no error.
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
    fn encoded_trailers_decode_to_the_same() {
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
