//! The prelude: the JSON document that carries status, headers and cookies, written before the
//! delimiter.
//!
//! Source: AWS, "Configuring a Lambda function to stream responses" and, for `multiValueHeaders`,
//! "Set up a Lambda proxy integration with payload response streaming".

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use crate::limits::PRELUDE_LIMIT;

/// What stands between prelude and payload: eight NUL bytes.
pub const DELIMITER: [u8; 8] = [0; 8];

/// Whether a response that is known to be empty says `content-length: 0` in its prelude.
///
/// Unverified by AWS's documentation: users report that some Function URLs hold an empty response open
/// until the timeout, and that this header (or one payload byte) helps. It is decided here only.
pub const EMPTY_BODY_SAYS_SO: bool = true;

/// Header names that never belong in a prelude: they describe one hop, or a length that the service
/// works out itself.
pub const KEPT_OUT: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What a prelude is made from.
pub struct Prelude<'a> {
    pub status: http::StatusCode,
    pub headers: &'a HeaderMap,
    pub cookies: &'a [HeaderValue],
    /// The payload is known to be empty.
    pub empty: bool,
}

/// Why a prelude cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreludeError {
    /// A header's value is not UTF-8, and JSON carries nothing else.
    NotUtf8(HeaderName),
    /// A cookie is not UTF-8; its position among the cookies.
    CookieNotUtf8(usize),
    /// The delimiter would end at this many bytes.
    TooLarge(usize),
}

impl fmt::Display for PreludeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(name) => write!(
                f,
                "the value of the header `{name}` is not UTF-8, and the prelude is JSON, which carries \
                 nothing else; percent-encode it or leave it out"
            ),
            Self::CookieNotUtf8(at) => write!(
                f,
                "cookie number {} is not UTF-8, and the prelude is JSON, which carries nothing else",
                at + 1
            ),
            Self::TooLarge(size) => write!(
                f,
                "the head is too large: prelude and delimiter take {size} bytes, and API Gateway wants \
                 them within the first {PRELUDE_LIMIT}; send fewer or shorter headers and cookies"
            ),
        }
    }
}

impl std::error::Error for PreludeError {}

impl Prelude<'_> {
    /// Writes the prelude: one JSON document, without the delimiter.
    ///
    /// # Errors
    ///
    /// When a value is not UTF-8, and when the delimiter would not lie within [`PRELUDE_LIMIT`].
    pub fn encode(&self) -> Result<Bytes, PreludeError> {
        self.check()?;
        // Room for a usual head, so that writing it allocates once.
        let mut json = Vec::with_capacity(256);
        // Writing strings into a Vec has no way to fail; an error would only leave the JSON cut short.
        let written = serde_json::to_writer(&mut json, self);
        debug_assert!(written.is_ok(), "{written:?}");
        let size = json.len() + DELIMITER.len();
        if size > PRELUDE_LIMIT {
            return Err(PreludeError::TooLarge(size));
        }
        Ok(json.into())
    }

    /// Whether JSON can carry every value.
    pub fn check(&self) -> Result<(), PreludeError> {
        if let Some(name) = self
            .headers
            .iter()
            .find(|(_, v)| std::str::from_utf8(v.as_bytes()).is_err())
            .map(|(name, _)| name)
        {
            return Err(PreludeError::NotUtf8(name.clone()));
        }
        if let Some(at) = self.cookie_values().position(|c| c.is_none()) {
            return Err(PreludeError::CookieNotUtf8(at));
        }
        Ok(())
    }

    /// Every cookie: those set as cookies, then those set as `set-cookie` headers.
    pub fn cookie_values(&self) -> impl Iterator<Item = Option<&str>> {
        self.cookies
            .iter()
            .chain(self.headers.get_all(header::SET_COOKIE))
            .map(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// The names that go into the prelude.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.keys().filter(|name| {
            **name != header::SET_COOKIE && !KEPT_OUT.contains(name) && !self.is_nominated(name)
        })
    }

    /// Whether `connection` names this header as one of its hop.
    fn is_nominated(&self, name: &HeaderName) -> bool {
        self.headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(name.as_str()))
    }

    /// The values of a header.
    pub fn values(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        self.headers
            .get_all(name)
            .iter()
            .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    fn is_repeated(&self, name: &HeaderName) -> bool {
        self.headers.get_all(name).iter().nth(1).is_some()
    }

    /// `content-length: 0` is for a status that allows a body: 204 and 304 have none by definition.
    fn says_empty(&self) -> bool {
        use http::StatusCode as S;
        EMPTY_BODY_SAYS_SO
            && self.empty
            && !self.status.is_informational()
            && !matches!(self.status, S::NO_CONTENT | S::NOT_MODIFIED)
    }
}

impl Serialize for Prelude<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let repeated = self.names().any(|name| self.is_repeated(name));
        let mut fields = serializer.serialize_struct("Prelude", 4)?;
        fields.serialize_field("statusCode", &self.status.as_u16())?;
        fields.serialize_field("headers", &Joined(self))?;
        if repeated {
            fields.serialize_field("multiValueHeaders", &Repeated(self))?;
        }
        // Always there, even when empty: `cargo lambda watch` refuses a prelude without it.
        fields.serialize_field("cookies", &Cookies(self))?;
        fields.end()
    }
}

/// Every header once; repeated ones joined with `, `, as a Function URL wants them.
struct Joined<'a>(&'a Prelude<'a>);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.names() {
            if self.0.is_repeated(name) {
                let joined: Vec<&str> = self.0.values(name).collect();
                map.serialize_entry(name.as_str(), &joined.join(", "))?;
            } else if let Some(value) = self.0.values(name).next() {
                map.serialize_entry(name.as_str(), value)?;
            }
        }
        if self.0.says_empty() {
            map.serialize_entry("content-length", "0")?;
        }
        map.end()
    }
}

/// The repeated headers, value by value, as API Gateway wants them.
struct Repeated<'a>(&'a Prelude<'a>);

impl Serialize for Repeated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.names().filter(|name| self.0.is_repeated(name)) {
            let values: Vec<&str> = self.0.values(name).collect();
            map.serialize_entry(name.as_str(), &values)?;
        }
        map.end()
    }
}

struct Cookies<'a>(&'a Prelude<'a>);

impl Serialize for Cookies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for cookie in self.0.cookie_values().flatten() {
            seq.serialize_element(cookie)?;
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(status: u16, headers: &[(&str, &str)], cookies: &[&str], empty: bool) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let cookies: Vec<_> = cookies
            .iter()
            .map(|c| HeaderValue::from_str(c).unwrap())
            .collect();
        let prelude = Prelude {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: &map,
            cookies: &cookies,
            empty,
        };
        String::from_utf8(prelude.encode().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn headers_are_single_valued_and_cookies_always_there() {
        assert_eq!(
            encode(418, &[("content-type", "text/plain")], &[], false),
            r#"{"statusCode":418,"headers":{"content-type":"text/plain"},"cookies":[]}"#
        );
    }

    #[test]
    fn repeated_headers_are_joined_and_listed() {
        assert_eq!(
            encode(
                200,
                &[("vary", "accept"), ("vary", "origin"), ("x", "1")],
                &[],
                false
            ),
            r#"{"statusCode":200,"headers":{"vary":"accept, origin","x":"1"},"multiValueHeaders":{"vary":["accept","origin"]},"cookies":[]}"#
        );
    }

    #[test]
    fn a_set_cookie_header_is_a_cookie() {
        assert_eq!(
            encode(
                200,
                &[("set-cookie", "a=1"), ("set-cookie", "b=2")],
                &["c=3"],
                false
            ),
            r#"{"statusCode":200,"headers":{},"cookies":["c=3","a=1","b=2"]}"#
        );
    }

    #[test]
    fn hop_by_hop_and_length_headers_are_kept_out() {
        let kept_out = [
            ("connection", "close, x-hop"),
            ("content-length", "5"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-hop", "1"),
            ("x-end", "2"),
        ];
        assert_eq!(
            encode(200, &kept_out, &[], false),
            r#"{"statusCode":200,"headers":{"x-end":"2"},"cookies":[]}"#
        );
    }

    #[test]
    fn an_empty_response_says_so_where_the_status_allows_a_body() {
        for status in [200, 302, 404] {
            assert!(encode(status, &[], &[], true).contains(r#""content-length":"0""#));
        }
        for status in [204, 304] {
            assert!(!encode(status, &[], &[], true).contains("content-length"));
        }
    }

    #[test]
    fn a_value_is_escaped_as_json() {
        let json = encode(200, &[("x", "a\"b\\c\té")], &[], false);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["headers"]["x"], "a\"b\\c\té");
    }

    #[test]
    fn the_size_of_a_prelude_past_the_limit_is_told() {
        let mut map = HeaderMap::new();
        map.insert("x", HeaderValue::from_str(&"a".repeat(16384)).unwrap());
        let prelude = Prelude {
            status: http::StatusCode::OK,
            headers: &map,
            cookies: &[],
            empty: false,
        };
        let error = prelude.encode().unwrap_err();
        let PreludeError::TooLarge(size) = error else {
            panic!("{error:?}")
        };
        assert!(size > 16384);
        assert!(error.to_string().contains(&size.to_string()), "{error}");
        assert!(error.to_string().contains("16384"), "{error}");
    }

    #[test]
    fn the_delimiter_may_end_exactly_at_the_limit() {
        let empty = r#"{"statusCode":200,"headers":{"x":""},"cookies":[]}"#.len() + 8;
        for (extra, fits) in [(0, true), (1, false)] {
            let mut map = HeaderMap::new();
            let value = "a".repeat(PRELUDE_LIMIT - empty + extra);
            map.insert("x", HeaderValue::from_str(&value).unwrap());
            let prelude = Prelude {
                status: http::StatusCode::OK,
                headers: &map,
                cookies: &[],
                empty: false,
            };
            assert_eq!(prelude.encode().is_ok(), fits);
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_named() {
        let mut map = HeaderMap::new();
        map.insert("x-latin", HeaderValue::from_bytes(b"\xe9").unwrap());
        let prelude = |headers, cookies| Prelude {
            status: http::StatusCode::OK,
            headers,
            cookies,
            empty: false,
        };
        let error = prelude(&map, &[]).encode().unwrap_err();
        assert!(error.to_string().contains("`x-latin`"), "{error}");

        let cookies = [
            HeaderValue::from_static("a=1"),
            HeaderValue::from_bytes(b"b=\xe9").unwrap(),
        ];
        let error = prelude(&HeaderMap::new(), &cookies).encode().unwrap_err();
        assert!(error.to_string().contains("number 2"), "{error}");
    }
}
