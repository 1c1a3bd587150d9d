//! A buffered response as a Function URL reads it.
//!
//! Source: AWS, "Invoking Lambda function URLs", response payload format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use lambda_stream_wire::decoder::{Decoded, Decoder};
use lambda_stream_wire::prelude::DELIMITER;

/// Head and payload of a document: an object with `statusCode` describes a response, any other JSON
/// is one. Anything else is passed on under the content type that it came with.
pub(super) fn interpret(
    document: Bytes,
    content_type: Option<HeaderValue>,
) -> Result<(Decoded, Bytes), String> {
    match serde_json::from_slice::<Value>(&document) {
        Ok(Value::Object(mut fields)) if fields.contains_key("statusCode") => {
            let payload = payload(&mut fields)?;
            let mut head = head(fields)?;
            // The default of a Function URL.
            let json = HeaderValue::from_static("application/json");
            head.headers.entry(CONTENT_TYPE).or_insert(json);
            Ok((head, payload))
        }
        Ok(_) => {
            let json = HeaderValue::from_static("application/json");
            Ok((raw(Some(json)), document))
        }
        Err(_) => Ok((raw(content_type), document)),
    }
}

/// The head of a payload without a prelude.
pub(super) fn raw(content_type: Option<HeaderValue>) -> Decoded {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        content_type
            .unwrap_or_else(|| HeaderValue::from_static(lambda_stream_wire::api::OCTET_STREAM)),
    );
    Decoded {
        status: StatusCode::OK,
        headers,
        cookies: Vec::new(),
    }
}

fn payload(fields: &mut Map<String, Value>) -> Result<Bytes, String> {
    let is_base64 = match fields.remove("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_base64)) => is_base64,
        Some(_) => return Err("`isBase64Encoded` is not true or false".to_owned()),
    };
    match fields.remove("body") {
        None | Some(Value::Null) => Ok(Bytes::new()),
        Some(Value::String(text)) if is_base64 => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|error| format!("`body` is not base64, as `isBase64Encoded` says: {error}")),
        Some(Value::String(text)) => Ok(text.into()),
        Some(_) => Err("`body` is not a string".to_owned()),
    }
}

/// What is left of the document has the form of a prelude, so it is read as one.
fn head(fields: Map<String, Value>) -> Result<Decoded, String> {
    let mut prelude = Value::Object(fields).to_string().into_bytes();
    prelude.extend_from_slice(&DELIMITER);
    let mut decoder = Decoder::default();
    match decoder.push(&prelude) {
        Ok(Some((head, _))) => Ok(head),
        Ok(None) => Err(decoder.end().to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &'static str) -> Result<(Decoded, Bytes), String> {
        let text = HeaderValue::from_static("text/x");
        interpret(Bytes::from_static(document.as_bytes()), Some(text))
    }

    #[test]
    fn status_code_describes_the_response() {
        let (head, payload) = read(
            r#"{"statusCode":201,"headers":{"x":"1"},"cookies":["a=1"],"body":"aGk=","isBase64Encoded":true}"#,
        )
        .unwrap();
        assert_eq!(head.status, StatusCode::CREATED);
        assert_eq!(head.headers["x"], "1");
        assert_eq!(head.headers[CONTENT_TYPE], "application/json");
        assert_eq!(head.cookies, ["a=1"]);
        assert_eq!(payload, "hi");
    }

    #[test]
    fn other_json_is_the_response() {
        let (head, payload) = read("[1]").unwrap();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers[CONTENT_TYPE], "application/json");
        assert_eq!(payload, "[1]");
    }

    #[test]
    fn text_keeps_its_type() {
        let (head, payload) = read("hi").unwrap();
        assert_eq!(head.headers[CONTENT_TYPE], "text/x");
        assert_eq!(payload, "hi");
    }

    #[test]
    fn errors_name_the_field() {
        for (document, names) in [
            (r#"{"statusCode":"x"}"#, "`statusCode`"),
            (r#"{"statusCode":200,"body":1}"#, "`body`"),
            (
                r#"{"statusCode":200,"body":"!","isBase64Encoded":true}"#,
                "base64",
            ),
            (
                r#"{"statusCode":200,"isBase64Encoded":1}"#,
                "`isBase64Encoded`",
            ),
        ] {
            let error = read(document).unwrap_err();
            assert!(error.contains(names), "{document}: {error}");
        }
    }
}
