//! The prelude: the JSON document with status, headers and cookies, sent before the delimiter.
//!
//! Sources: AWS, "Configuring a Lambda function to stream responses", and for `multiValueHeaders`
//! "Set up a Lambda proxy integration with payload response streaming".

use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use crate::limits::PRELUDE_LIMIT;
use crate::message::{has_connection_token, header_text, is_bodyless};

/// Delimiter between prelude and payload: eight NUL bytes.
pub const DELIMITER: [u8; 8] = [0; 8];

/// Whether the prelude of a response that is known to be empty has `content-length: 0`.
///
/// AWS does not document this. Users report that some Function URLs hold an empty response open
/// until the timeout, and that this header, or one byte of payload, helps. This is the only place
/// that decides.
const DECLARE_EMPTY: bool = true;

/// Headers that are never part of a prelude: they describe one hop, or a length that the service
/// determines itself.
pub const EXCLUDED_HEADERS: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Parts of a prelude.
///
/// ```
/// use http::HeaderMap;
/// use http::header::HeaderValue;
/// use lambda_stream_wire::prelude::Prelude;
///
/// let prelude = Prelude {
///     status: http::StatusCode::OK,
///     headers: &HeaderMap::new(),
///     cookies: &[HeaderValue::from_static("a=1")],
///     empty: false,
/// };
/// let json = prelude.encode()?;
/// assert_eq!(json, r#"{"statusCode":200,"headers":{},"cookies":["a=1"]}"#);
/// # Ok::<_, lambda_stream_wire::prelude::PreludeError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Prelude<'a> {
    /// Status of the response.
    pub status: StatusCode,
    /// Headers of the response. [`EXCLUDED_HEADERS`], and those that `connection` names, are left
    /// out; `set-cookie` headers become cookies.
    pub headers: &'a HeaderMap,
    /// Cookies, written as in `set-cookie`.
    pub cookies: &'a [HeaderValue],
    /// Whether the payload is known to be empty.
    pub empty: bool,
}

/// A head that a prelude cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PreludeError {
    /// The value of this header is not UTF-8, which JSON requires.
    NotUtf8(HeaderName),
    /// The cookie at this position, counted from 0, is not UTF-8.
    CookieNotUtf8(usize),
    /// The delimiter would end after this many bytes, which is more than [`PRELUDE_LIMIT`].
    TooLarge(usize),
}

impl fmt::Display for PreludeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(name) => write!(
                f,
                "the value of header `{name}` is not UTF-8, which the JSON prelude requires; \
                 percent-encode it or remove the header"
            ),
            Self::CookieNotUtf8(at) => write!(
                f,
                "cookie number {} is not UTF-8, which the JSON prelude requires",
                at + 1
            ),
            Self::TooLarge(size) => write!(
                f,
                "the head is too large: prelude and delimiter take {size} bytes, and API Gateway \
                 accepts {PRELUDE_LIMIT}; send fewer or shorter headers and cookies"
            ),
        }
    }
}

impl std::error::Error for PreludeError {}

impl Prelude<'_> {
    /// Returns the prelude as one JSON document, without the delimiter.
    ///
    /// # Errors
    ///
    /// Returns an error if a value is not UTF-8, and if the delimiter would not end within
    /// [`PRELUDE_LIMIT`].
    pub fn encode(&self) -> Result<Bytes, PreludeError> {
        self.check()?;
        // Enough for a usual head, so that writing it allocates once.
        let mut json = Vec::with_capacity(256);
        // Writing strings into a Vec cannot fail; an error would only leave the JSON truncated.
        let written = serde_json::to_writer(&mut json, self);
        debug_assert!(written.is_ok(), "{written:?}");
        let size = json.len() + DELIMITER.len();
        if size > PRELUDE_LIMIT {
            return Err(PreludeError::TooLarge(size));
        }
        Ok(json.into())
    }

    /// Checks that JSON can carry every header value and cookie.
    ///
    /// # Errors
    ///
    /// Returns an error for the first value that is not UTF-8.
    pub fn check(&self) -> Result<(), PreludeError> {
        for (name, value) in self.headers {
            // Cookies are counted together below.
            if name != header::SET_COOKIE && header_text(value).is_none() {
                return Err(PreludeError::NotUtf8(name.clone()));
            }
        }
        match self.cookie_values().position(|cookie| cookie.is_none()) {
            Some(at) => Err(PreludeError::CookieNotUtf8(at)),
            None => Ok(()),
        }
    }

    /// Returns all cookies, `None` for one that is not UTF-8: first [`cookies`](Self::cookies),
    /// then the `set-cookie` headers.
    pub fn cookie_values(&self) -> impl Iterator<Item = Option<&str>> {
        self.cookies
            .iter()
            .chain(self.headers.get_all(header::SET_COOKIE))
            .map(header_text)
    }

    /// Returns the names of the headers that the prelude has.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let names_headers = self.headers.contains_key(header::CONNECTION);
        self.headers.keys().filter(move |name| {
            **name != header::SET_COOKIE
                && !EXCLUDED_HEADERS.contains(name)
                && !(names_headers && has_connection_token(self.headers, name.as_str()))
        })
    }

    /// Returns the values of a header, without those that are not UTF-8.
    pub fn values(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(header_text)
    }

    fn is_repeated(&self, name: &HeaderName) -> bool {
        let any_is = self.headers.len() > self.headers.keys_len();
        any_is && self.headers.get_all(name).iter().nth(1).is_some()
    }

    fn declares_empty(&self) -> bool {
        // 204 and 304 have no body by definition and must not declare its length.
        DECLARE_EMPTY && self.empty && !is_bodyless(self.status)
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
        // Required even if empty: `cargo lambda watch` rejects a prelude without it.
        fields.serialize_field("cookies", &Cookies(self))?;
        fields.end()
    }
}

/// Every header once, repeated ones joined with `, `: the form that Function URLs understand.
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
        if self.0.declares_empty() {
            map.serialize_entry("content-length", "0")?;
        }
        map.end()
    }
}

/// The repeated headers, value by value: the form that API Gateway understands.
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
            status: StatusCode::from_u16(status).unwrap(),
            headers: &map,
            cookies: &cookies,
            empty,
        };
        String::from_utf8(prelude.encode().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn empty_cookies_are_written() {
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
    fn set_cookie_headers_become_cookies() {
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
    fn hop_by_hop_and_length_headers_are_excluded() {
        let excluded = [
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
            encode(200, &excluded, &[], false),
            r#"{"statusCode":200,"headers":{"x-end":"2"},"cookies":[]}"#
        );
    }

    #[test]
    fn empty_response_declares_its_length() {
        for status in [200, 302, 404] {
            assert!(encode(status, &[], &[], true).contains(r#""content-length":"0""#));
        }
        for status in [204, 304] {
            assert!(!encode(status, &[], &[], true).contains("content-length"));
        }
        assert!(!encode(200, &[], &[], false).contains("content-length"));
    }

    #[test]
    fn values_are_escaped_as_json() {
        let json = encode(200, &[("x", "a\"b\\c\té")], &[], false);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["headers"]["x"], "a\"b\\c\té");
    }

    #[test]
    fn too_large_error_names_the_size() {
        let mut map = HeaderMap::new();
        map.insert("x", HeaderValue::from_str(&"a".repeat(16384)).unwrap());
        let prelude = Prelude {
            status: StatusCode::OK,
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
    fn delimiter_may_end_at_the_limit() {
        let empty = r#"{"statusCode":200,"headers":{"x":""},"cookies":[]}"#.len() + 8;
        for (extra, fits) in [(0, true), (1, false)] {
            let mut map = HeaderMap::new();
            let value = "a".repeat(PRELUDE_LIMIT - empty + extra);
            map.insert("x", HeaderValue::from_str(&value).unwrap());
            let prelude = Prelude {
                status: StatusCode::OK,
                headers: &map,
                cookies: &[],
                empty: false,
            };
            assert_eq!(prelude.encode().is_ok(), fits);
        }
    }

    #[test]
    fn error_names_the_value_that_is_not_utf8() {
        let mut map = HeaderMap::new();
        map.insert("x-latin", HeaderValue::from_bytes(b"\xe9").unwrap());
        let prelude = |headers, cookies| Prelude {
            status: StatusCode::OK,
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
