//! From an event to a request.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request};

use super::body::RequestBody;
use super::event::{Decoded, Event};
use super::origin::{Claims, Original, RequestContext};
use super::path::{EventPath, PathRules};
use super::query::{self, Parameters};
use crate::error::Failure;
use crate::event::{Context, LambdaEvent};
use lambda_stream_wire::failure::kind;

/// The request that an event stands for, as an app receives it.
///
/// [`run`](super::run) does this; call it in a test, to show a recorded event to your app.
///
/// ```
/// use lambda_stream::web::request;
/// use lambda_stream::{Context, LambdaEvent};
///
/// let event = r#"{
///     "httpMethod": "GET", "path": "/users", "multiValueQueryStringParameters": {"page": ["2"]},
///     "requestContext": {"elb": {"targetGroupArn": "arn"}}, "isBase64Encoded": false, "body": ""
/// }"#;
/// let request = request(LambdaEvent::new(event.into(), Context::new("test"))).unwrap();
/// assert_eq!(request.uri(), "/users?page=2");
/// ```
///
/// # Errors
///
/// `Function.InvalidEvent`, when the event is not one of an HTTP front door; it lists what was looked for.
pub fn request(event: LambdaEvent<Bytes>) -> Result<Request<RequestBody>, Failure> {
    let (event, context) = event.into_parts();
    from_decoded(Decoded::from_json(&event)?, context, &PathRules::default())
}

/// What the front doors have in common.
struct Parts<'a> {
    method: Method,
    path: EventPath<'a>,
    query: Option<String>,
    headers: HeaderMap,
    domain_name: Option<&'a str>,
    body: Option<&'a str>,
    is_base64: bool,
}

/// The request of an event.
pub(super) fn from_decoded(
    decoded: Decoded,
    context: Context,
    paths: &PathRules,
) -> Result<Request<RequestBody>, Failure> {
    let Decoded { event, parameters } = decoded;
    let Parts {
        method,
        path,
        query,
        headers,
        domain_name,
        body,
        is_base64,
    } = Parts::of(&event, &parameters)?;
    let path = paths.apply(&path);
    let uri = uri(path, query, &headers, domain_name)?;
    let body = match body {
        None | Some("") => Bytes::new(),
        Some(text) if is_base64 => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|error| invalid(format_args!("`body` is not base64: {error}")))?,
        Some(text) => Bytes::copy_from_slice(text.as_bytes()),
    };
    let mut request = Request::new(RequestBody::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let event = Arc::new(event);
    let extensions = request.extensions_mut();
    if let Some(claims) = Claims::of(&event) {
        extensions.insert(claims);
    }
    extensions.insert(RequestContext(Arc::clone(&event)));
    extensions.insert(Original(event));
    extensions.insert(context);
    Ok(request)
}

impl<'a> Parts<'a> {
    fn of(event: &'a Event, parameters: &Parameters) -> Result<Self, Failure> {
        Ok(match event {
            Event::RestApi(event) => {
                let path = event.path.as_deref().unwrap_or_default();
                let context = &event.request_context;
                Self {
                    method: event.http_method.clone(),
                    path: rest_path(path, context.path.as_deref(), context.stage.as_deref()),
                    query: parameters.encoded(),
                    headers: merged(&event.headers, &event.multi_value_headers),
                    domain_name: context.domain_name.as_deref(),
                    body: event.body.as_deref(),
                    is_base64: event.is_base64_encoded,
                }
            }
            Event::HttpApi(event) => Self {
                method: event.request_context.http.method.clone(),
                path: path_2_0(
                    event.raw_path.as_deref(),
                    event.request_context.stage.as_deref(),
                ),
                query: query::as_sent(event.raw_query_string.as_deref().unwrap_or_default()),
                headers: with_cookies(&event.headers, event.cookies.as_deref())?,
                domain_name: event.request_context.domain_name.as_deref(),
                body: event.body.as_deref(),
                is_base64: event.is_base64_encoded,
            },
            Event::FunctionUrl(event) => Self {
                method: method(event.request_context.http.method.as_deref())?,
                path: path_2_0(event.raw_path.as_deref(), None),
                query: query::as_sent(event.raw_query_string.as_deref().unwrap_or_default()),
                headers: with_cookies(&event.headers, event.cookies.as_deref())?,
                domain_name: event.request_context.domain_name.as_deref(),
                body: event.body.as_deref(),
                is_base64: event.is_base64_encoded,
            },
            Event::Alb(event) => Self {
                method: event.http_method.clone(),
                path: path_2_0(event.path.as_deref(), None),
                query: parameters.as_sent(),
                headers: merged(&event.headers, &event.multi_value_headers),
                domain_name: None,
                body: event.body.as_deref(),
                is_base64: event.is_base64_encoded,
            },
        })
    }
}

/// The path of an event in format 1.0. A REST API leaves the stage out of `path` and has it in
/// `requestContext.path`; where the two are the same, the path may begin with the stage (HTTP APIs).
fn rest_path<'a>(path: &'a str, full: Option<&'a str>, stage: Option<&'a str>) -> EventPath<'a> {
    let full = full.filter(|full| full.ends_with(path)).unwrap_or(path);
    EventPath {
        path,
        stage: stage.filter(|_| full == path),
        full,
    }
}

/// The path of an event in format 2.0, which begins with the stage unless that is `$default`.
fn path_2_0<'a>(path: Option<&'a str>, stage: Option<&'a str>) -> EventPath<'a> {
    let path = path.unwrap_or_default();
    EventPath {
        path,
        stage: stage.filter(|stage| !stage.is_empty() && *stage != "$default"),
        full: path,
    }
}

fn method(method: Option<&str>) -> Result<Method, Failure> {
    method
        .and_then(|method| method.parse().ok())
        .ok_or_else(|| invalid("`requestContext.http.method` is missing or no method"))
}

/// The multi-value headers, and those of the others that are not among them.
fn merged(single: &HeaderMap, multi: &HeaderMap) -> HeaderMap {
    if multi.is_empty() {
        return single.clone();
    }
    let mut headers = multi.clone();
    for (name, value) in single {
        if !multi.contains_key(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// Format 2.0 lists the cookies (AWS, "Create AWS Lambda proxy integrations for HTTP APIs").
fn with_cookies(headers: &HeaderMap, cookies: Option<&[String]>) -> Result<HeaderMap, Failure> {
    let mut headers = headers.clone();
    let cookies = cookies.unwrap_or_default();
    if !cookies.is_empty() {
        let cookies = HeaderValue::try_from(cookies.join("; "))
            .map_err(|_| invalid("`cookies` has a control character"))?;
        headers.insert(COOKIE, cookies);
    }
    Ok(headers)
}

/// The URI: with scheme and host, where a usable host is known.
fn uri(
    path: String,
    query: Option<String>,
    headers: &HeaderMap,
    domain_name: Option<&str>,
) -> Result<Uri, Failure> {
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let target = PathAndQuery::try_from(target)
        .map_err(|error| invalid(format_args!("path and query are no URI: {error}")))?;
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = host
        .or(domain_name.map(str::as_bytes))
        .and_then(|host| Authority::try_from(host).ok());
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target);
    if let Some(authority) = authority {
        parts.authority = Some(authority);
        parts.scheme = Some(scheme(headers));
    }
    Uri::from_parts(parts).map_err(|error| invalid(format_args!("the URI is invalid: {error}")))
}

/// The scheme that the client used. Every front door on AWS tells it; what does not is a local tool.
fn scheme(headers: &HeaderMap) -> Scheme {
    const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    match headers.get(FORWARDED_PROTO) {
        Some(proto) if proto.as_bytes().eq_ignore_ascii_case(b"https") => Scheme::HTTPS,
        _ => Scheme::HTTP,
    }
}

fn invalid(text: impl std::fmt::Display) -> Failure {
    Failure::new(
        kind::INVALID_EVENT,
        format!("the event is no HTTP request: {text}"),
    )
}
