//! Reads a prelude back from a stream, wherever its chunks were cut.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::limits::PRELUDE_LIMIT;
use crate::prelude::DELIMITER;

/// A prelude as an HTTP front door understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub status: StatusCode,
    /// `headers` and `multiValueHeaders` merged; the latter wins on the same name.
    pub headers: HeaderMap,
    pub cookies: Vec<HeaderValue>,
}

/// Why a stream has no readable prelude; the text names the field or the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

/// Collects chunks until the delimiter is complete.
#[derive(Debug, Default)]
pub struct Decoder {
    seen: BytesMut,
}

impl Decoder {
    /// Takes one chunk. Once the delimiter is complete: the prelude, and what follows of the payload.
    ///
    /// # Errors
    ///
    /// When the delimiter is not within the first 16 KB, and when what stands before it is no prelude.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<(Decoded, Bytes)>, DecodeError> {
        // JSON text holds no NUL byte, so the first one belongs to the delimiter.
        let searched = self.seen.len().saturating_sub(DELIMITER.len());
        self.seen.extend_from_slice(chunk);
        let start = self.seen[searched..].iter().position(|byte| *byte == 0);
        let Some(start) = start.map(|at| searched + at) else {
            within_limit(self.seen.len() + DELIMITER.len())?;
            return Ok(None);
        };
        within_limit(start + DELIMITER.len())?;
        let nuls = self.seen[start..]
            .iter()
            .take(DELIMITER.len())
            .take_while(|byte| **byte == 0)
            .count();
        if nuls == DELIMITER.len() {
            let mut rest = std::mem::take(&mut self.seen);
            let prelude = rest.split_to(start);
            rest.advance(DELIMITER.len());
            return Ok(Some((decode(&prelude)?, rest.freeze())));
        }
        if start + nuls < self.seen.len() {
            return Err(DecodeError(format!(
                "the delimiter at byte {start} has {nuls} NUL bytes, not {}",
                DELIMITER.len()
            )));
        }
        Ok(None)
    }

    /// The stream ended: no delimiter will come any more.

    pub fn end(&self) -> DecodeError {
        DecodeError(format!(
            "the stream ended after {} bytes without a delimiter of {} NUL bytes behind the prelude",
            self.seen.len(),
            DELIMITER.len()
        ))
    }
}

fn within_limit(needed: usize) -> Result<(), DecodeError> {
    if needed > PRELUDE_LIMIT {
        return Err(DecodeError(format!(
            "the delimiter is not within the first {PRELUDE_LIMIT} bytes of the stream"
        )));
    }
    Ok(())
}

fn decode(prelude: &[u8]) -> Result<Decoded, DecodeError> {
    let value: Value = serde_json::from_slice(prelude)
        .map_err(|error| DecodeError(format!("the prelude is not JSON: {error}")))?;
    let Value::Object(fields) = value else {
        return Err(DecodeError("the prelude is not a JSON object".to_owned()));
    };
    let mut headers = HeaderMap::new();
    for (name, value) in object(&fields, "headers")? {
        headers.insert(header_name(name)?, header_value(name, value)?);
    }
    let multi = object(&fields, "multiValueHeaders")?;
    for (name, values) in multi {
        let Value::Array(values) = values else {
            return Err(DecodeError(format!(
                "`multiValueHeaders.{name}` is not an array"
            )));
        };
        let key = header_name(name)?;
        headers.remove(&key);
        for value in values {
            headers.append(key.clone(), header_value(name, value)?);
        }
    }
    Ok(Decoded {
        status: status(&fields)?,
        headers,
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
            .ok_or_else(|| {
                DecodeError(format!(
                    "`statusCode` is {value}, not a number from 200 to 599"
                ))
            }),
    }
}

fn cookies(fields: &Map<String, Value>) -> Result<Vec<HeaderValue>, DecodeError> {
    match fields.get("cookies") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(cookies)) => cookies
            .iter()
            .map(|cookie| header_value("cookies", cookie))
            .collect(),
        Some(_) => Err(DecodeError("`cookies` is not an array".to_owned())),
    }
}

fn object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>, DecodeError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(map)) => Ok(Some(map).into_iter().flatten()),
        Some(_) => Err(DecodeError(format!("`{name}` is not an object"))),
    }
}

fn header_name(name: &str) -> Result<HeaderName, DecodeError> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| DecodeError(format!("`{name}` is not a header name")))
}

/// Strings are what the documentation promises; numbers and booleans are what people write.
fn header_value(name: &str, value: &Value) -> Result<HeaderValue, DecodeError> {
    let text = match value {
        Value::String(text) => HeaderValue::from_str(text),
        Value::Number(_) | Value::Bool(_) => HeaderValue::from_str(&value.to_string()),
        _ => return Err(DecodeError(format!("`{name}` is not a string"))),
    };
    text.map_err(|_| DecodeError(format!("`{name}` has a value that no header can carry")))
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
    fn a_payload_may_begin_with_nul_bytes() {
        let stream = b"{\"statusCode\":201}\0\0\0\0\0\0\0\0\0\0x";
        for cut in 0..stream.len() {
            let (decoded, payload) = read(stream, &[cut]).unwrap().unwrap();
            assert_eq!(decoded.status, StatusCode::CREATED);
            assert_eq!(&payload[..], b"\0\0x", "cut at {cut}");
        }
    }

    #[test]
    fn errors_name_the_field() {
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
    fn multi_value_headers_win_on_the_same_name() {
        let stream = b"{\"headers\":{\"a\":\"1\",\"b\":\"2\"},\"multiValueHeaders\":{\"A\":[\"3\",\"4\"]}}\0\0\0\0\0\0\0\0";
        let (decoded, _) = read(stream, &[]).unwrap().unwrap();
        let values: Vec<_> = decoded.headers.get_all("a").iter().collect();
        assert_eq!(values, ["3", "4"]);
        assert_eq!(decoded.headers["b"], "2");
    }

    #[test]
    fn a_short_delimiter_is_told_apart_from_one_that_is_not_complete_yet() {
        assert_eq!(read(b"{}\0\0\0\0\0\0\0", &[4]).unwrap(), None);
        let error = read(b"{}\0\0\0x", &[3]).unwrap_err().to_string();
        assert!(error.contains("3 NUL bytes"), "{error}");
    }

    #[test]
    fn a_stream_without_delimiter_is_given_up_at_the_limit() {
        let error = read(&[b' '; PRELUDE_LIMIT], &[]).unwrap_err().to_string();
        assert!(error.contains("16384"), "{error}");
    }

    fn name() -> impl Strategy<Value = HeaderName> {
        "[a-z][a-z0-9-]{0,20}"
            .prop_filter("not one that the prelude leaves out", |name| {
                !["te", "trailer", "upgrade", "connection", "set-cookie"].contains(&name.as_str())
            })
            .prop_map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
    }

    fn value() -> impl Strategy<Value = HeaderValue> {
        "[ -~é漢\t]{0,40}".prop_map(|value| HeaderValue::from_bytes(value.as_bytes()).unwrap())
    }

    proptest! {
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
