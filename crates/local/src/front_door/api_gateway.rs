//! An HTTP request as the event of an API Gateway REST API: payload format 1.0.
//!
//! Source: AWS, "Input format of a Lambda function for proxy integration" and "Set up a Lambda
//! proxy integration with payload response streaming".

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, USER_AGENT};
use http::request::Parts;
use lambda_stream_wire::prelude::EXCLUDED_HEADERS;
use serde::Serialize;

use super::door::Gateway;
use super::event::{common_log_time, decoded, encoded, header, pairs};
use crate::header::host;
use crate::id::{epoch_ms, request_id};

/// Names that API Gateway sends back as `x-amzn-remapped-…` (AWS, "Amazon API Gateway important
/// notes", REST APIs). Names that belong to the hop are left out instead.
pub(super) const REMAPPED: [&str; 11] = [
    "authorization",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "user-agent",
    "www-authenticate",
];

/// The resource that matches every path below the root.
const PROXY: &str = "/{proxy+}";

const ROOT: &str = "/";

type Single = BTreeMap<String, String>;
type Multi = BTreeMap<String, Vec<String>>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    resource: &'static str,
    path: &'a str,
    http_method: &'a str,
    headers: Single,
    multi_value_headers: Multi,
    query_string_parameters: Option<Single>,
    multi_value_query_string_parameters: Option<Multi>,
    path_parameters: Option<Single>,
    stage_variables: Option<Single>,
    request_context: RequestContext<'a>,
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
    extended_request_id: String,
    http_method: &'a str,
    identity: Identity,
    path: String,
    protocol: String,
    request_id: String,
    request_time: String,
    request_time_epoch: u64,
    resource_id: &'static str,
    resource_path: &'static str,
    stage: &'a str,
}

/// Who sent the request; what only a signed request tells is null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    access_key: Option<String>,
    account_id: Option<String>,
    caller: Option<String>,
    cognito_authentication_provider: Option<String>,
    cognito_authentication_type: Option<String>,
    cognito_identity_id: Option<String>,
    cognito_identity_pool_id: Option<String>,
    principal_org_id: Option<String>,
    source_ip: String,
    user: Option<String>,
    user_agent: Option<String>,
    user_arn: Option<String>,
}

/// Returns the event of a request.
pub(super) fn event(
    request: &Parts,
    gateway: &Gateway,
    body: &[u8],
    source: IpAddr,
    now: SystemTime,
) -> Vec<u8> {
    let (body, is_base64_encoded) = encoded(&request.headers, body);
    let resource = if gateway.path == ROOT { ROOT } else { PROXY };
    let path_parameters = (resource == PROXY)
        .then(|| Single::from([("proxy".to_owned(), decoded(&gateway.path[1..]))]));
    let headers = multi_value_headers(&request.headers);
    let parameters = multi_value(pairs(request.uri.query().unwrap_or_default()));
    let parameters = (!parameters.is_empty()).then_some(parameters);
    let id = request_id();
    let event = Event {
        resource,
        path: &gateway.path,
        http_method: request.method.as_str(),
        headers: last_values(&headers),
        multi_value_headers: headers,
        query_string_parameters: parameters.as_ref().map(last_values),
        multi_value_query_string_parameters: parameters,
        path_parameters,
        stage_variables: None,
        request_context: RequestContext {
            account_id: "012345678912",
            api_id: &gateway.api,
            domain_name: host(request).unwrap_or_else(|| "localhost".to_owned()),
            domain_prefix: &gateway.api,
            extended_request_id: id.clone(),
            http_method: request.method.as_str(),
            identity: identity(&request.headers, source),
            path: format!("/{}{}", gateway.stage, gateway.path),
            protocol: format!("{:?}", request.version),
            request_id: id,
            request_time: common_log_time(now),
            request_time_epoch: epoch_ms(now),
            resource_id: "local",
            resource_path: resource,
            stage: &gateway.stage,
        },
        body,
        is_base64_encoded,
    };
    // Strings, numbers and maps of strings cannot fail.
    serde_json::to_vec(&event).unwrap_or_default()
}

fn identity(headers: &HeaderMap, source: IpAddr) -> Identity {
    Identity {
        access_key: None,
        account_id: None,
        caller: None,
        cognito_authentication_provider: None,
        cognito_authentication_type: None,
        cognito_identity_id: None,
        cognito_identity_pool_id: None,
        principal_org_id: None,
        source_ip: source.to_string(),
        user: None,
        user_agent: header(headers, &USER_AGENT),
        user_arn: None,
    }
}

fn multi_value_headers(headers: &HeaderMap) -> Multi {
    let is_sent = |name: &HeaderName| *name == CONTENT_LENGTH || !EXCLUDED_HEADERS.contains(name);
    let sent = headers.iter().filter(|(name, _)| is_sent(name));
    multi_value(sent.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    }))
}

fn multi_value(pairs: impl Iterator<Item = (String, String)>) -> Multi {
    let mut values = Multi::new();
    for (name, value) in pairs {
        values.entry(name).or_default().push(value);
    }
    values
}

/// Returns the last value of each name, which is the one that the single-value maps have.
fn last_values(values: &Multi) -> Single {
    values
        .iter()
        .filter_map(|(name, values)| Some((name.clone(), values.last()?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use aws_lambda_events::apigw::ApiGatewayProxyRequest;
    use http::Request;
    use serde_json::{Value, json};

    use super::*;
    use crate::front_door::door::Door;

    fn read(request: http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let Ok(Door::ApiGateway(gateway)) = Door::of(&parts) else {
            panic!("another door");
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_584_039_838_390);
        let event = event(&parts, &gateway, body, Ipv4Addr::LOCALHOST.into(), now);
        let _: ApiGatewayProxyRequest = serde_json::from_slice(&event).unwrap();
        serde_json::from_slice(&event).unwrap()
    }

    #[test]
    fn request_has_the_fields_of_format_1() {
        let request = Request::post("/_apigateway/prod/my/p%20ath?p1=v1&p1=v2&p2=a+b%26")
            .header("host", "localhost:7000")
            .header("content-type", "text/plain")
            .header("cookie", "a=1")
            .header("x-twice", "1")
            .header("x-twice", "2");
        let mut event = read(request, b"hi");
        let context = event["requestContext"].take();
        let headers = json!({
            "host": "localhost:7000", "content-type": "text/plain", "cookie": "a=1", "x-twice": "2",
        });
        assert_eq!(event["headers"], headers);
        assert_eq!(event["multiValueHeaders"]["x-twice"], json!(["1", "2"]));
        for (field, value) in [
            ("resource", json!("/{proxy+}")),
            ("path", json!("/my/p%20ath")),
            ("httpMethod", json!("POST")),
            ("queryStringParameters", json!({"p1": "v2", "p2": "a b&"})),
            (
                "multiValueQueryStringParameters",
                json!({"p1": ["v1", "v2"], "p2": ["a b&"]}),
            ),
            ("pathParameters", json!({"proxy": "my/p ath"})),
            ("stageVariables", Value::Null),
            ("body", json!("hi")),
            ("isBase64Encoded", json!(false)),
        ] {
            assert_eq!(event[field], value, "{field}");
        }
        for (field, value) in [
            ("stage", "prod"),
            ("path", "/prod/my/p%20ath"),
            ("resourcePath", "/{proxy+}"),
            ("requestTime", "12/Mar/2020:19:03:58 +0000"),
            ("domainName", "localhost"),
            ("protocol", "HTTP/1.1"),
        ] {
            assert_eq!(context[field], value, "{field}");
        }
        assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
        assert_eq!(context["requestId"].as_str().unwrap().len(), 36);
    }

    #[test]
    fn root_has_a_resource_of_its_own() {
        let event = read(Request::get("/_apigateway/dev"), b"");
        assert_eq!(event["resource"], "/");
        assert_eq!(event["path"], "/");
        for field in ["pathParameters", "queryStringParameters", "body"] {
            assert_eq!(event[field], Value::Null, "{field}");
        }
    }

    #[test]
    fn api_is_named_by_its_host() {
        let request = Request::get("/dev/a").header("host", "orders.execute-api.localhost:7000");
        let event = read(request, b"");
        assert_eq!(event["path"], "/a");
        assert_eq!(event["requestContext"]["apiId"], "orders");
        assert_eq!(event["requestContext"]["stage"], "dev");
    }
}
