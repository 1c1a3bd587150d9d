//! The front doors: the event that each makes of a request, and the response that each makes of a
//! document.

// Only the tests of whole front doors use all of it.
#![cfg_attr(not(all(feature = "axum", feature = "local")), allow(dead_code))]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::exchange::{ClientRequest, ClientResponse};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    FunctionUrl,
    RestApi,
    HttpApi,
    AlbSingle,
    AlbMulti,
}

impl Door {
    pub const ALL: [Self; 5] = [
        Self::FunctionUrl,
        Self::RestApi,
        Self::HttpApi,
        Self::AlbSingle,
        Self::AlbMulti,
    ];

    pub fn event(self, request: &ClientRequest) -> Value {
        match self {
            Self::FunctionUrl => event_2_0(request, "$default", "id.lambda-url.us-east-1.on.aws"),
            Self::HttpApi => event_2_0(request, "prod", "id.execute-api.us-east-1.amazonaws.com"),
            Self::RestApi => rest(request),
            Self::AlbSingle => alb(request, false),
            Self::AlbMulti => alb(request, true),
        }
    }

    /// Returns what the client sees of a buffered response.
    pub fn read(self, document: &Value) -> ClientResponse {
        let known: &[&str] = match self {
            Self::FunctionUrl | Self::HttpApi => &[
                "statusCode",
                "headers",
                "cookies",
                "body",
                "isBase64Encoded",
            ],
            Self::RestApi => &["statusCode", "multiValueHeaders", "body", "isBase64Encoded"],
            Self::AlbSingle => &[
                "statusCode",
                "statusDescription",
                "headers",
                "body",
                "isBase64Encoded",
            ],
            Self::AlbMulti => &[
                "statusCode",
                "statusDescription",
                "multiValueHeaders",
                "body",
                "isBase64Encoded",
            ],
        };
        for key in document.as_object().unwrap().keys() {
            assert!(known.contains(&key.as_str()), "{self:?} knows no `{key}`");
        }
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &Value| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(
                name,
                HeaderValue::from_str(value.as_str().unwrap()).unwrap(),
            );
        };
        for (name, value) in document["headers"].as_object().into_iter().flatten() {
            add(name, value);
        }
        for (name, values) in document["multiValueHeaders"]
            .as_object()
            .into_iter()
            .flatten()
        {
            values
                .as_array()
                .unwrap()
                .iter()
                .for_each(|value| add(name, value));
        }
        for cookie in document["cookies"].as_array().into_iter().flatten() {
            add("set-cookie", cookie);
        }
        let text = document["body"].as_str().unwrap();
        let body = match document["isBase64Encoded"].as_bool().unwrap() {
            true => STANDARD.decode(text).unwrap(),
            false => text.as_bytes().to_vec(),
        };
        let status = document["statusCode"].as_u64().unwrap();
        ClientResponse::new(StatusCode::from_u16(status as u16).unwrap(), &headers, body)
    }
}

fn body(request: &ClientRequest) -> (Value, bool) {
    match String::from_utf8(request.body.clone()) {
        Ok(text) if text.is_empty() => (Value::Null, false),
        Ok(text) => (text.into(), false),
        Err(_) => (STANDARD.encode(&request.body).into(), true),
    }
}

fn multi<'a>(pairs: impl Iterator<Item = (String, &'a str)>) -> BTreeMap<String, Vec<&'a str>> {
    let mut map = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        map.entry(name).or_default().push(value);
    }
    map
}

fn last<T: Clone>(multi: &BTreeMap<String, Vec<T>>) -> BTreeMap<String, T> {
    let last = |values: &Vec<T>| values.last().cloned().unwrap();
    multi
        .iter()
        .map(|(name, values)| (name.clone(), last(values)))
        .collect()
}

/// Returns the names and values of the query as they were sent.
fn parameters(request: &ClientRequest) -> Vec<(String, String)> {
    let pairs = request.query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn headers(request: &ClientRequest) -> BTreeMap<String, Vec<&'static str>> {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value));
    multi(headers.chain([("x-forwarded-proto".to_owned(), "https")]))
}

/// Payload format 2.0: lower-case names, joined values, separate cookies.
fn event_2_0(request: &ClientRequest, stage: &str, domain: &str) -> Value {
    let mut headers = headers(request);
    let cookies = headers.remove("cookie").unwrap_or_default();
    let cookies: Vec<_> = cookies.iter().flat_map(|line| line.split("; ")).collect();
    let joined: BTreeMap<_, _> = headers
        .into_iter()
        .map(|(name, values)| (name, values.join(",")))
        .collect();
    let is_function_url = domain.contains(".lambda-url.");
    let decoded_path = match stage {
        "$default" => decoded(request.path),
        stage => format!("/{stage}{}", decoded(request.path)),
    };
    // Seen on AWS: an HTTP API decodes both paths, a Function URL only the second.
    let raw_path = match is_function_url {
        true => request.path.to_owned(),
        false => decoded_path.clone(),
    };
    let (body, is_base64) = body(request);
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": request.query,
        "headers": joined, "body": body, "isBase64Encoded": is_base64,
        "requestContext": {
            "accountId": "1", "apiId": "id", "domainName": domain, "domainPrefix": "id",
            "http": {"method": request.method, "path": decoded_path, "protocol": "HTTP/1.1",
                     "sourceIp": "203.0.113.1", "userAgent": "test"},
            "requestId": "r", "routeKey": "$default", "stage": stage,
            "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_i64,
        },
    });
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    event
}

/// REST APIs: parameters are decoded; of the two paths, one includes the stage.
fn rest(request: &ClientRequest) -> Value {
    let headers = headers(request);
    let pairs = parameters(request);
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in pairs {
        parameters
            .entry(decoded(&name))
            .or_default()
            .push(decoded(&value));
    }
    let (body, is_base64) = body(request);
    let (single, multiple) = match parameters.is_empty() {
        true => (Value::Null, Value::Null),
        false => (json!(last(&parameters)), json!(parameters)),
    };
    json!({
        "resource": "/{proxy+}", "path": request.path, "httpMethod": request.method,
        "headers": last(&headers), "multiValueHeaders": headers,
        "queryStringParameters": single, "multiValueQueryStringParameters": multiple,
        "pathParameters": {"proxy": request.path}, "stageVariables": null,
        "requestContext": {
            "accountId": "1", "apiId": "id", "stage": "prod", "requestId": "r",
            "domainName": "id.execute-api.us-east-1.amazonaws.com", "httpMethod": request.method,
            "path": format!("/prod{}", request.path), "resourcePath": "/{proxy+}",
            "identity": {"sourceIp": "203.0.113.1", "userAgent": "test"},
            "protocol": "HTTP/1.1", "requestTimeEpoch": 1_583_348_638_390_i64,
        },
        "body": body, "isBase64Encoded": is_base64,
    })
}

/// Load balancers: parameters are as they were sent; headers and parameters have either single
/// values or lists.
fn alb(request: &ClientRequest, is_multi: bool) -> Value {
    let headers = headers(request);
    let pairs = parameters(request);
    let parameters = multi(pairs.iter().map(|(name, value)| (name.clone(), &**value)));
    let (body, is_base64) = body(request);
    let mut event = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": request.method, "path": request.path,
        "body": if body.is_null() { "".into() } else { body }, "isBase64Encoded": is_base64,
    });
    if is_multi {
        event["multiValueHeaders"] = json!(headers);
        event["multiValueQueryStringParameters"] = json!(parameters);
    } else {
        event["headers"] = json!(last(&headers));
        event["queryStringParameters"] = json!(last(&parameters));
    }
    event
}
