//! The trailers that end a response which failed after its head.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::api::{ERROR_BODY, ERROR_TYPE};
use super::limits::TRAILERS_LIMIT;

/// How long the error document may be, so that both trailers stay below [`TRAILERS_LIMIT`]: each line
/// is `name: value\r\n`, `0\r\n` stands before and `\r\n` behind, and base64 makes 4 bytes of 3.
pub(crate) const fn document_limit(error_type: &str) -> usize {
    let lines = ERROR_TYPE.len() + ERROR_BODY.len() + 2 * ": \r\n".len() + "0\r\n\r\n".len();
    TRAILERS_LIMIT.saturating_sub(lines + error_type.len()) / 4 * 3
}

/// Writes the trailers for an error of this type with this JSON document.
///
/// The caller keeps the document within [`document_limit`].
pub(crate) fn encode(error_type: &str, document: &[u8]) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    // Neither value can be refused: a type is ASCII letters and one dot, and base64 is ASCII.
    if let (Ok(error_type), Ok(body)) = (
        HeaderValue::from_str(error_type),
        HeaderValue::from_str(&STANDARD.encode(document)),
    ) {
        trailers.insert(HeaderName::from_static(ERROR_TYPE), error_type);
        trailers.insert(HeaderName::from_static(ERROR_BODY), body);
    }
    trailers
}

/// Reads the error's type and JSON document from trailers; `None` when they carry no error.
///
/// A document that is not base64 is read as empty: the type alone makes it an error.
#[cfg(any(test, feature = "local", feature = "measure"))]
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
    fn what_is_written_is_read() {
        let trailers = encode("Function.Broken", br#"{"errorMessage":"x"}"#);
        assert_eq!(
            decode(&trailers),
            Some((
                "Function.Broken".to_owned(),
                br#"{"errorMessage":"x"}"#.to_vec()
            ))
        );
        assert_eq!(decode(&HeaderMap::new()), None);
    }

    #[test]
    fn the_largest_document_fits_into_the_limit() {
        let document = vec![b'x'; document_limit("Function.Broken")];
        let trailers = encode("Function.Broken", &document);
        let lines: usize = trailers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        assert!(lines + 5 <= TRAILERS_LIMIT, "{lines}");
        assert!(lines + 5 > TRAILERS_LIMIT - 8, "{lines}");
    }
}
