//! Rules of HTTP messages that the writing and the reading end share.

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use crate::api::HTTP_INTEGRATION;

/// Returns whether a response with this status never has a body: 1xx, 204 and 304 (RFC 9110,
/// section 6.4.1).
///
/// Responses to HEAD have none either, whatever their status; only the caller knows the method.
///
/// ```
/// use http::StatusCode;
/// use lambda_stream_wire::message::is_bodyless;
///
/// assert!(is_bodyless(StatusCode::NO_CONTENT));
/// assert!(!is_bodyless(StatusCode::FOUND));
/// ```
pub fn is_bodyless(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Returns the tokens of all `connection` headers: options such as `close`, and the names of
/// further headers that describe this hop only (RFC 9110, section 7.6.1).
///
/// Tokens keep their case and are compared without it. Empty tokens and tokens that are not UTF-8
/// are skipped.
///
/// ```
/// use http::header::{CONNECTION, HeaderMap, HeaderValue};
/// use lambda_stream_wire::message::connection_tokens;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(CONNECTION, HeaderValue::from_static("close, X-Hop"));
/// assert!(connection_tokens(&headers).eq(["close", "X-Hop"]));
/// ```
pub fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| std::str::from_utf8(token.trim_ascii()).ok())
        .filter(|token| !token.is_empty())
}

/// Returns whether a `connection` header has this token.
pub fn has_connection_token(headers: &HeaderMap, token: &str) -> bool {
    connection_tokens(headers).any(|found| found.eq_ignore_ascii_case(token))
}

/// Returns a header value as text, or `None` if it is not UTF-8.
///
/// [`HeaderValue::to_str`] accepts ASCII only; the prelude, which is JSON, carries any UTF-8.
pub fn header_text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// Returns whether this content type announces a prelude; parameters and case do not matter.
pub fn is_http_integration(content_type: &HeaderValue) -> bool {
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next();
    essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(HTTP_INTEGRATION.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statuses_without_content_are_bodyless() {
        for (status, bodyless) in [
            (100, true),
            (200, false),
            (204, true),
            (302, false),
            (304, true),
        ] {
            let code = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_bodyless(code), bodyless, "{status}");
        }
    }

    #[test]
    fn connection_tokens_span_all_values() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONNECTION, HeaderValue::from_static("Close ,, a\t"));
        let mixed = HeaderValue::from_bytes(b"\xff, keep-alive").unwrap();
        headers.append(header::CONNECTION, mixed);
        assert!(connection_tokens(&headers).eq(["Close", "a", "keep-alive"]));
        assert!(has_connection_token(&headers, "close"));
        assert!(has_connection_token(&headers, "Keep-Alive"));
        assert!(!has_connection_token(&headers, "clos"));
        assert_eq!(connection_tokens(&HeaderMap::new()).count(), 0);
    }

    #[test]
    fn header_text_is_utf8() {
        let value = HeaderValue::from_bytes("é".as_bytes()).unwrap();
        assert_eq!(header_text(&value), Some("é"));
        let value = HeaderValue::from_bytes(b"\xe9").unwrap();
        assert_eq!(header_text(&value), None);
    }

    #[test]
    fn integration_type_ignores_case_and_parameters() {
        for (content_type, announced) in [
            (HTTP_INTEGRATION, true),
            (
                "Application/vnd.awslambda.HTTP-integration-response ; a=b",
                true,
            ),
            ("application/json", false),
            ("", false),
        ] {
            let value = HeaderValue::from_static(content_type);
            assert_eq!(is_http_integration(&value), announced, "{content_type}");
        }
    }
}
