//! An HTTP request as the event of a Function URL.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, USER_AGENT};
use percent_encoding::percent_decode;
use serde_json::{Map, Value, json};

/// Host of a request that names none.
const DEFAULT_HOST: &str = "test.lambda-url.us-east-1.on.aws";

/// Returns the event that a Function URL makes of this request (payload format 2.0).
///
/// Change what a test is about, such as an authorizer in `requestContext`, and give it to
/// [`Lambda::invoke`](super::Lambda::invoke); [`Lambda::http`](super::Lambda::http) is the short
/// way where nothing has to be changed.
///
/// A body that is UTF-8 is text, any other is base64.
///
/// ```
/// use lambda_stream::testing::function_url_event;
///
/// let request = http::Request::post("/orders?page=2")
///     .header("content-type", "application/json")
///     .body(r#"{"item": 7}"#)?;
/// let mut event = function_url_event(request);
/// assert_eq!(event["rawQueryString"], "page=2");
/// event["requestContext"]["http"]["sourceIp"] = "203.0.113.7".into();
/// # Ok::<_, http::Error>(())
/// ```
pub fn function_url_event<B: Into<Bytes>>(request: Request<B>) -> Value {
    let (parts, body) = request.into_parts();
    let body = body.into();
    let query = parts.uri.query().unwrap_or_default();
    let mut headers = joined(&parts.headers);
    let host = headers.entry(HOST.to_string()).or_insert_with(|| {
        let host = parts
            .uri
            .authority()
            .map_or(DEFAULT_HOST, |host| host.as_str());
        host.into()
    });
    let domain_name = host.clone();
    let text = std::str::from_utf8(&body);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.uri.path(),
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "test",
            "domainName": domain_name,
            "domainPrefix": "test",
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": format!("{:?}", parts.version),
                "sourceIp": "127.0.0.1",
                "userAgent": text_of(&parts.headers, &USER_AGENT),
            },
            "requestId": "00000000-0000-4000-8000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2025:00:00:00 +0000",
            "timeEpoch": 1_735_689_600_000_u64,
        },
        "isBase64Encoded": text.is_err(),
    });
    // As the service does, leave out what a request does not have.
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query).into();
    }
    if !body.is_empty() {
        event["body"] = match text {
            Ok(text) => text.into(),
            Err(_) => STANDARD.encode(&body).into(),
        };
    }
    event
}

/// Returns all headers but cookies, those of the same name joined.
fn joined(headers: &HeaderMap) -> Map<String, Value> {
    headers
        .keys()
        .filter(|name| **name != COOKIE)
        .map(|name| (name.to_string(), text_of(headers, name).into()))
        .collect()
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(",")
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter();
    lines
        .flat_map(|line| {
            let line = String::from_utf8_lossy(line.as_bytes());
            let cookies: Vec<_> = line
                .split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect();
            cookies
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Returns the decoded parameters of a query, those of the same name joined.
fn parameters(query: &str) -> Map<String, Value> {
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters
            .entry(decoded(name))
            .or_default()
            .push(decoded(value));
    }
    let joined = parameters.into_iter();
    joined
        .map(|(name, values)| (name, values.join(",").into()))
        .collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes())
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_becomes_the_fields_of_the_event() {
        let request = Request::get("/a%20b?x=1&x=2&y=a+b%21")
            .header("cookie", "a=1; b=2")
            .header("cookie", "c=3")
            .header("x-multi", "1")
            .header("x-multi", "2")
            .header("user-agent", "test")
            .body("")
            .unwrap();
        let event = function_url_event(request);
        assert_eq!(event["rawPath"], "/a%20b");
        assert_eq!(event["rawQueryString"], "x=1&x=2&y=a+b%21");
        assert_eq!(
            event["queryStringParameters"],
            json!({"x": "1,2", "y": "a b!"})
        );
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        let expected = json!({"x-multi": "1,2", "user-agent": "test", "host": DEFAULT_HOST});
        assert_eq!(event["headers"], expected);
        assert_eq!(event["requestContext"]["http"]["method"], "GET");
        assert_eq!(event["requestContext"]["http"]["userAgent"], "test");
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(event.get("body"), None);
    }

    #[test]
    fn absent_parts_are_left_out() {
        let request = Request::get("http://example.com:81/").body("").unwrap();
        let event = function_url_event(request);
        for field in ["cookies", "queryStringParameters", "body"] {
            assert_eq!(event.get(field), None, "{field}");
        }
        assert_eq!(event["requestContext"]["domainName"], "example.com:81");
    }

    #[test]
    fn binary_body_is_base64() {
        let request = Request::post("/").body(&b"\xff\0"[..]).unwrap();
        let event = function_url_event(request);
        assert_eq!(event["body"], "/wA=");
        assert_eq!(event["isBase64Encoded"], true);
        let request = Request::post("/").body("text").unwrap();
        assert_eq!(function_url_event(request)["body"], "text");
    }
}
