//! Reads a prelude back from a stream, wherever its chunks were cut.

use std::error::Error as StdError;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::limits::{HEADER_NAMES_LIMIT, PRELUDE_LIMIT};
use crate::prelude::DELIMITER;

/// Prelude as an HTTP front door reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Status of the response: 200 to 599, and 200 if the prelude names none.
    pub status: StatusCode,
    /// `headers` and `multiValueHeaders` merged; the latter wins on the same name (AWS, "Set up a
    /// Lambda proxy integration with payload response streaming").
    pub headers: HeaderMap,
    /// Values of the `set-cookie` headers, in order.
    pub cookies: Vec<HeaderValue>,
}

/// A stream without a readable prelude.
///
/// The text names the field or the limit; [`source`](StdError::source) is the JSON parser's error,
/// if there is one.
#[derive(Debug)]
pub struct DecodeError(Reason);

#[derive(Debug)]
enum Reason {
    NotJson(serde_json::Error),
    NotAnObject,
    Status(Value),
    FieldType {
        field: String,
        expected: &'static str,
    },
    HeaderName(String),
    HeaderValue(String),
    TooManyHeaders,
    LateDelimiter,
    ShortDelimiter {
        at: usize,
        len: usize,
    },
    NoDelimiter {
        seen: usize,
    },
}

impl Reason {
    fn field_type(field: impl Into<String>, expected: &'static str) -> DecodeError {
        DecodeError(Self::FieldType {
            field: field.into(),
            expected,
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delimiter = DELIMITER.len();
        // Names come from outside: escaped, they cannot forge a line of a log.
        match &self.0 {
            Reason::NotJson(_) => f.write_str("the prelude is not JSON"),
            Reason::NotAnObject => f.write_str("the prelude is not a JSON object"),
            Reason::Status(value) => {
                write!(f, "`statusCode` is {value}, not a number from 200 to 599")
            }
            Reason::FieldType { field, expected } => {
                write!(f, "`{}` is not {expected}", field.escape_debug())
            }
            Reason::HeaderName(name) => {
                write!(f, "`{}` is not a valid header name", name.escape_debug())
            }
            Reason::HeaderValue(field) => write!(
                f,
                "`{}` contains a character that is not allowed in a header value",
                field.escape_debug()
            ),
            Reason::TooManyHeaders => {
                write!(
                    f,
                    "the prelude has more than {HEADER_NAMES_LIMIT} header names"
                )
            }
            Reason::LateDelimiter => write!(
                f,
                "the delimiter is not within the first {PRELUDE_LIMIT} bytes of the stream"
            ),
            Reason::ShortDelimiter { at, len } => write!(
                f,
                "the delimiter at byte {at} has {len} NUL bytes instead of {delimiter}"
            ),
            Reason::NoDelimiter { seen } => write!(
                f,
                "the stream ended after {seen} bytes without a delimiter of {delimiter} NUL bytes"
            ),
        }
    }
}

impl StdError for DecodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Reason::NotJson(error) => Some(error),
            _ => None,
        }
    }
}

/// Collects chunks until the delimiter is complete.
#[derive(Debug, Default)]
pub struct Decoder {
    seen: BytesMut,
}

impl Decoder {
    /// Takes the next chunk. Returns the prelude and the payload after it once the delimiter is
    /// complete, and `None` before.
    ///
    /// All later chunks are payload and do not go through the decoder.
    ///
    /// # Errors
    ///
    /// Returns an error if the delimiter does not end within [`PRELUDE_LIMIT`], and if the bytes
    /// before it are not a prelude.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<(Decoded, Bytes)>, DecodeError> {
        // JSON text has no NUL byte, so the first one belongs to the delimiter.
        let searched = self.seen.len().saturating_sub(DELIMITER.len());
        self.seen.extend_from_slice(chunk);
        let start = self.seen[searched..].iter().position(|byte| *byte == 0);
        let Some(start) = start.map(|at| searched + at) else {
            check_limit(self.seen.len() + DELIMITER.len())?;
            return Ok(None);
        };
        check_limit(start + DELIMITER.len())?;
        let len = self.seen[start..]
            .iter()
            .take(DELIMITER.len())
            .take_while(|byte| **byte == 0)
            .count();
        if len == DELIMITER.len() {
            let mut rest = std::mem::take(&mut self.seen);
            let prelude = rest.split_to(start);
            rest.advance(DELIMITER.len());
            return Ok(Some((decode(&prelude)?, rest.freeze())));
        }
        if start + len < self.seen.len() {
            return Err(DecodeError(Reason::ShortDelimiter { at: start, len }));
        }
        Ok(None)
    }

    /// Returns the error of a stream that ended before its delimiter was complete.
    pub fn end(&self) -> DecodeError {
        DecodeError(Reason::NoDelimiter {
            seen: self.seen.len(),
        })
    }
}

fn check_limit(needed: usize) -> Result<(), DecodeError> {
    if needed > PRELUDE_LIMIT {
        return Err(DecodeError(Reason::LateDelimiter));
    }
    Ok(())
}

fn decode(prelude: &[u8]) -> Result<Decoded, DecodeError> {
    let value: Value =
        serde_json::from_slice(prelude).map_err(|error| DecodeError(Reason::NotJson(error)))?;
    let Value::Object(fields) = value else {
        return Err(DecodeError(Reason::NotAnObject));
    };
    Ok(Decoded {
        status: status(&fields)?,
        headers: headers(&fields)?,
        cookies: cookies(&fields)?,
    })
}

fn status(fields: &Map<String, Value>) -> Result<StatusCode, DecodeError> {
    match fields.get("statusCode") {
        None | Some(Value::Null) => Ok(StatusCode::OK),
        Some(value) => value
            .as_u64()
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (200..600).contains(code))
            .and_then(|code| StatusCode::from_u16(code).ok())
            .ok_or_else(|| DecodeError(Reason::Status(value.clone()))),
    }
}

fn headers(fields: &Map<String, Value>) -> Result<HeaderMap, DecodeError> {
    let mut headers = HeaderMap::new();
    for (name, value) in object(fields, "headers")? {
        headers
            .try_insert(header_name(name)?, header_value(name, value)?)
            .map_err(|_| DecodeError(Reason::TooManyHeaders))?;
    }
    for (name, values) in object(fields, "multiValueHeaders")? {
        let Value::Array(values) = values else {
            return Err(Reason::field_type(
                format!("multiValueHeaders.{name}"),
                "an array",
            ));
        };
        let key = header_name(name)?;
        headers.remove(&key);
        for value in values {
            headers
                .try_append(key.clone(), header_value(name, value)?)
                .map_err(|_| DecodeError(Reason::TooManyHeaders))?;
        }
    }
    Ok(headers)
}

fn cookies(fields: &Map<String, Value>) -> Result<Vec<HeaderValue>, DecodeError> {
    match fields.get("cookies") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(cookies)) => cookies
            .iter()
            .map(|cookie| header_value("cookies", cookie))
            .collect(),
        Some(_) => Err(Reason::field_type("cookies", "an array")),
    }
}

fn object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>, DecodeError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(map)) => Ok(Some(map).into_iter().flatten()),
        Some(_) => Err(Reason::field_type(name, "an object")),
    }
}

fn header_name(name: &str) -> Result<HeaderName, DecodeError> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| DecodeError(Reason::HeaderName(name.to_owned())))
}

/// Converts a JSON value. AWS documents strings; numbers and booleans are what programs also send.
fn header_value(field: &str, value: &Value) -> Result<HeaderValue, DecodeError> {
    let text = match value {
        Value::String(text) => HeaderValue::from_str(text),
        Value::Number(_) | Value::Bool(_) => HeaderValue::from_str(&value.to_string()),
        _ => return Err(Reason::field_type(field, "a string")),
    };
    text.map_err(|_| DecodeError(Reason::HeaderValue(field.to_owned())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prelude::Prelude;

    fn read(stream: &[u8], cuts: &[usize]) -> Result<Option<(Decoded, Bytes)>, DecodeError> {
        let mut decoder = Decoder::default();
        let mut from = 0;
        for at in cuts.iter().copied().chain([stream.len()]) {
            let at = at.clamp(from, stream.len());
            if let Some((decoded, rest)) = decoder.push(&stream[from..at])? {
                let mut payload = rest.to_vec();
                payload.extend_from_slice(&stream[at..]);
                return Ok(Some((decoded, payload.into())));
            }
            from = at;
        }
        Ok(None)
    }

    #[test]
    fn payload_may_start_with_nul_bytes() {
        let stream = b"{\"statusCode\":201}\0\0\0\0\0\0\0\0\0\0x";
        for cut in 0..stream.len() {
            let (decoded, payload) = read(stream, &[cut]).unwrap().unwrap();
            assert_eq!(decoded.status, StatusCode::CREATED);
            assert_eq!(&payload[..], b"\0\0x", "cut at {cut}");
        }
    }

    #[test]
    fn error_names_the_field() {
        for (prelude, names) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"statusCode":99}"#, "`statusCode` is 99"),
            (r#"{"statusCode":"200"}"#, "`statusCode` is \"200\""),
            (r#"{"headers":[]}"#, "`headers`"),
            (r#"{"headers":{"a b":"c"}}"#, "`a b`"),
            (r#"{"headers":{"a":{}}}"#, "`a`"),
            (
                r#"{"multiValueHeaders":{"a":"c"}}"#,
                "`multiValueHeaders.a`",
            ),
            (r#"{"cookies":"a"}"#, "`cookies`"),
            (r#"{"cookies":["a\n"]}"#, "`cookies`"),
        ] {
            let stream = [prelude.as_bytes(), &DELIMITER].concat();
            let error = read(&stream, &[]).unwrap_err().to_string();
            assert!(error.contains(names), "{prelude}: {error}");
        }
    }

    #[test]
    fn multi_value_headers_replace_single_ones() {
        let stream = b"{\"headers\":{\"a\":\"1\",\"b\":\"2\"},\"multiValueHeaders\":{\"A\":[\"3\",\"4\"]}}\0\0\0\0\0\0\0\0";
        let (decoded, _) = read(stream, &[]).unwrap().unwrap();
        let values: Vec<_> = decoded.headers.get_all("a").iter().collect();
        assert_eq!(values, ["3", "4"]);
        assert_eq!(decoded.headers["b"], "2");
    }

    #[test]
    fn short_delimiter_differs_from_incomplete_one() {
        assert_eq!(read(b"{}\0\0\0\0\0\0\0", &[4]).unwrap(), None);
        let error = read(b"{}\0\0\0x", &[3]).unwrap_err().to_string();
        assert!(error.contains("3 NUL bytes"), "{error}");
    }

    #[test]
    fn missing_delimiter_fails_at_the_limit() {
        let error = read(&[b' '; PRELUDE_LIMIT], &[]).unwrap_err().to_string();
        assert!(error.contains("16384"), "{error}");
    }

    #[test]
    fn prelude_without_room_for_its_delimiter_fails() {
        let mut decoder = Decoder::default();
        let longest = [b' '; PRELUDE_LIMIT - DELIMITER.len()];
        assert!(decoder.push(&longest).unwrap().is_none());
        assert!(decoder.push(b" ").is_err());
    }

    fn name() -> impl Strategy<Value = HeaderName> {
        "[a-z][a-z0-9-]{0,20}"
            .prop_filter("not excluded from preludes", |name| {
                !["te", "trailer", "upgrade", "connection", "set-cookie"].contains(&name.as_str())
            })
            .prop_map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
    }

    fn value() -> impl Strategy<Value = HeaderValue> {
        "[ -~é漢\t]{0,40}".prop_map(|value| HeaderValue::from_bytes(value.as_bytes()).unwrap())
    }

    #[test]
    fn json_error_is_the_source() {
        let error = read(b"{\0\0\0\0\0\0\0\0", &[]).unwrap_err();
        let source = error.source().expect("the parser's error");
        assert!(source.to_string().contains("EOF"), "{source}");
        let error = read(b"[]\0\0\0\0\0\0\0\0", &[]).unwrap_err();
        assert!(error.source().is_none(), "{error:?}");
    }

    #[test]
    fn field_names_are_escaped_in_errors() {
        let stream = b"{\"headers\":{\"a\\nforged\":\"b\"}}\0\0\0\0\0\0\0\0";
        let error = read(stream, &[]).unwrap_err().to_string();
        assert_eq!(error, r"`a\nforged` is not a valid header name");
    }

    #[test]
    fn statuses_from_200_to_599_are_read() {
        for (status, legal) in [(199, false), (200, true), (599, true), (600, false)] {
            let prelude = format!("{{\"statusCode\":{status}}}");
            let stream = [prelude.as_bytes(), &DELIMITER].concat();
            assert_eq!(read(&stream, &[]).is_ok(), legal, "{status}");
        }
    }

    #[test]
    fn numbers_and_booleans_become_text() {
        let stream = b"{\"headers\":{\"a\":1.5,\"b\":true}}\0\0\0\0\0\0\0\0";
        let (decoded, _) = read(stream, &[]).unwrap().unwrap();
        assert_eq!(decoded.headers["a"], "1.5");
        assert_eq!(decoded.headers["b"], "true");
    }

    #[test]
    fn delimiter_may_end_at_the_limit() {
        for (extra, fits) in [(0, true), (1, false)] {
            let mut stream = b"{}".to_vec();
            stream.resize(PRELUDE_LIMIT - DELIMITER.len() + extra, b' ');
            stream.extend_from_slice(&DELIMITER);
            assert_eq!(read(&stream, &[]).is_ok(), fits);
        }
    }

    #[test]
    fn end_counts_the_bytes_seen() {
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"{}\0").unwrap().is_none());
        let error = decoder.end().to_string();
        assert!(
            error.contains("after 3 bytes without a delimiter"),
            "{error}"
        );
    }

    proptest! {
        #![proptest_config(crate::testing::cases(256))]
        #[test]
        fn any_prelude_is_read_back_from_any_cut(
            status in 200u16..600,
            headers in prop::collection::hash_map(name(), prop::collection::vec(value(), 1..3), 0..8),
            cookies in prop::collection::vec(value(), 0..4),
            payload in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..64),
            mut cuts in prop::collection::vec(0usize..1000, 0..8),
        ) {
            let mut map = HeaderMap::new();
            for (name, values) in headers {
                for value in values {
                    map.append(name.clone(), value);
                }
            }
            let status = StatusCode::from_u16(status).unwrap();
            let prelude = Prelude { status, headers: &map, cookies: &cookies, empty: false };
            let mut stream = prelude.encode().unwrap().to_vec();
            stream.extend_from_slice(&DELIMITER);
            stream.extend_from_slice(&payload);
            cuts.sort_unstable();

            let (decoded, rest) = read(&stream, &cuts).unwrap().unwrap();
            prop_assert_eq!(decoded.status, status);
            prop_assert_eq!(decoded.headers, map);
            prop_assert_eq!(decoded.cookies, cookies);
            prop_assert_eq!(&rest[..], &payload[..]);
        }

        #[test]
        fn no_input_panics(stream in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..200)) {
            let _ = read(&stream, &[7, 20]);
            let mut framed = br#"{"headers":"#.to_vec();
            framed.extend_from_slice(&stream);
            let _ = read(&framed, &[]);
        }
    }
}
