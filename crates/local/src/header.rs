//! Header rules that both ports share.

use http::header::{CONNECTION, HOST, HeaderMap};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, Version};

/// Returns the tokens of all `Connection` headers (RFC 9110, section 7.6.1).
pub(crate) fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Returns whether the connection ends after this request by plan (RFC 9112, section 9.3).
pub(crate) fn is_single_use(version: Version, headers: &HeaderMap) -> bool {
    let has = |wanted: &str| connection_tokens(headers).any(|it| it.eq_ignore_ascii_case(wanted));
    has("close") || (version < Version::HTTP_11 && !has("keep-alive"))
}

/// Returns the host that a request names, without a port.
pub(crate) fn host(request: &Parts) -> Option<String> {
    let header = request
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    header
        .and_then(|host| host.parse::<Authority>().ok())
        .as_ref()
        .or_else(|| request.uri.authority())
        .map(|authority| authority.host().to_owned())
}

/// Returns whether a response ends with its head (RFC 9110, sections 9.3.2, 15.3.5 and 15.4.5).
pub(crate) fn is_bodyless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn single_use_follows_version_and_tokens() {
        for (version, connection, is_single) in [
            (Version::HTTP_11, None, false),
            (Version::HTTP_11, Some("Keep-Alive, Close"), true),
            (Version::HTTP_10, None, true),
            (Version::HTTP_10, Some("keep-alive"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = connection {
                headers.insert(CONNECTION, HeaderValue::from_static(value));
            }
            assert_eq!(
                is_single_use(version, &headers),
                is_single,
                "{connection:?}"
            );
        }
    }
}
