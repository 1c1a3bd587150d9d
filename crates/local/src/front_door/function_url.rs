//! An HTTP request as the event of a Function URL: payload format 2.0.
//!
//! Source: AWS, "Invoking Lambda function URLs", request payload format.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, COOKIE, USER_AGENT};
use http::request::Parts;
use lambda_stream_wire::prelude::EXCLUDED_HEADERS;
use serde::Serialize;

use super::event::{common_log_time, encoded, header, pairs};
use crate::header::host;
use crate::id::epoch_ms;

const DEFAULT: &str = "$default";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'a str,
    domain_name: String,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: String,
    source_ip: String,
    user_agent: String,
}

/// Returns the event of a request to the Function URL with this id.
pub(super) fn event(
    request: &Parts,
    url_id: &str,
    body: &[u8],
    source: IpAddr,
    request_id: &str,
    now: SystemTime,
) -> Vec<u8> {
    // As it was sent, percent-encoded. Only `CONNECT`, which is refused before, has no path.
    let path = request.uri.path();
    let query = request.uri.query().unwrap_or_default();
    let (body, is_base64_encoded) = encoded(&request.headers, body);
    let event = Event {
        version: "2.0",
        route_key: DEFAULT,
        raw_path: path,
        raw_query_string: query,
        cookies: cookies(&request.headers),
        headers: headers(&request.headers),
        query_string_parameters: parameters(query),
        request_context: RequestContext {
            account_id: "anonymous",
            api_id: url_id,
            domain_name: host(request).unwrap_or_else(|| "localhost".to_owned()),
            domain_prefix: url_id,
            http: Http {
                method: request.method.as_str(),
                path,
                protocol: format!("{:?}", request.version),
                source_ip: source.to_string(),
                user_agent: header(&request.headers, &USER_AGENT).unwrap_or_default(),
            },
            request_id,
            route_key: DEFAULT,
            stage: DEFAULT,
            time: common_log_time(now),
            time_epoch: epoch_ms(now),
        },
        body,
        is_base64_encoded,
    };
    // Strings, numbers and maps of strings have no way to fail.
    serde_json::to_vec(&event).unwrap_or_default()
}

/// Lower-case names, repeated ones joined; cookies have a field of their own, and what belongs to
/// the client's hop ends there. The length is of use to the function, and stays.
fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    headers
        .keys()
        .filter(|name| {
            **name != COOKIE && (**name == CONTENT_LENGTH || !EXCLUDED_HEADERS.contains(name))
        })
        .map(|name| {
            let values: Vec<_> = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            (name.as_str(), values.join(","))
        })
        .collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .flat_map(|line| {
            line.split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Returns the parameters decoded; repeated ones are joined.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in pairs(query) {
        parameters
            .entry(name)
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use http::Request;
    use serde_json::{Value, json};

    use super::*;

    fn read(request: http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_584_039_838_390);
        let event = event(
            &parts,
            "local",
            body,
            Ipv4Addr::LOCALHOST.into(),
            "an-id",
            now,
        );
        let typed: LambdaFunctionUrlRequest = serde_json::from_slice(&event).unwrap();
        assert_eq!(typed.version.as_deref(), Some("2.0"));
        serde_json::from_slice(&event).unwrap()
    }

    #[test]
    fn request_has_every_documented_field() {
        let request = Request::post("/my/p%20ath?p1=v1&p1=v2&p2=a+b%26")
            .header("host", "localhost:7000")
            .header("content-type", "text/plain; charset=utf-8")
            .header("user-agent", "agent")
            .header("cookie", "a=1; b=2")
            .header("cookie", "c=3")
            .header("connection", "keep-alive")
            .header("X-Twice", "1")
            .header("X-Twice", "2");
        assert_eq!(
            read(request, "hé".as_bytes()),
            json!({
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": "/my/p%20ath",
                "rawQueryString": "p1=v1&p1=v2&p2=a+b%26",
                "cookies": ["a=1", "b=2", "c=3"],
                "headers": {
                    "host": "localhost:7000",
                    "content-type": "text/plain; charset=utf-8",
                    "user-agent": "agent",
                    "x-twice": "1,2",
                },
                "queryStringParameters": {"p1": "v1,v2", "p2": "a b&"},
                "requestContext": {
                    "accountId": "anonymous",
                    "apiId": "local",
                    "domainName": "localhost",
                    "domainPrefix": "local",
                    "http": {
                        "method": "POST",
                        "path": "/my/p%20ath",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "agent",
                    },
                    "requestId": "an-id",
                    "routeKey": "$default",
                    "stage": "$default",
                    "time": "12/Mar/2020:19:03:58 +0000",
                    "timeEpoch": 1_584_039_838_390_u64,
                },
                "body": "hé",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn empty_fields_are_absent() {
        let event = read(Request::get("/"), b"");
        for field in ["cookies", "queryStringParameters", "body"] {
            assert_eq!(event.get(field), None, "{field}");
        }
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(event["rawQueryString"], "");
    }

    #[test]
    fn only_text_stays_text() {
        for (content_type, encoding, body, is_base64) in [
            (Some("text/csv"), None, &b"a"[..], false),
            (Some("Application/JSON;charset=utf-8"), None, b"{}", false),
            (Some("application/xml"), None, b"<a/>", false),
            (
                Some("application/x-www-form-urlencoded"),
                None,
                b"a=1",
                true,
            ),
            (Some("image/png"), None, b"a", true),
            (Some("text/plain"), None, b"\xff", true),
            (Some("text/plain"), Some("gzip"), b"a", true),
            (None, None, b"a", true),
        ] {
            let mut request = Request::post("/");
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            let event = read(request, body);
            assert_eq!(event["isBase64Encoded"], is_base64, "{content_type:?}");
            let sent = if is_base64 {
                STANDARD.encode(body)
            } else {
                String::from_utf8(body.to_vec()).unwrap()
            };
            assert_eq!(event["body"], sent);
        }
    }

    #[test]
    fn odd_queries_are_kept() {
        let event = read(Request::get("/?a&b=&&=c&%ff=d&e=1=2"), b"");
        assert_eq!(
            event["queryStringParameters"],
            json!({"a": "", "b": "", "": "c", "\u{fffd}": "d", "e": "1=2"})
        );
    }
}
