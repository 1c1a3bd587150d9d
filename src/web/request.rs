//! From an event to a request.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request};

use super::body::RequestBody;
use super::claims::Claims;
use super::event::{FrontDoor, HttpEvent, Invalid, Text, share};
use super::headers;
use super::origin;
use super::path::{self, EventPath, PathRules};
use super::query;
use crate::error::Failure;
use crate::event::{Context, LambdaEvent};

/// Front doors pad base64; test events that people write by hand often do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the request that an event stands for, as an app receives it.
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
/// `Function.InvalidEvent`: the event is not one of an HTTP front door, and the text lists what was
/// looked for; or it is one, and the text names the field that is wrong.
pub fn request(event: LambdaEvent<Bytes>) -> Result<Request<RequestBody>, Failure> {
    let (event, context) = event.into_parts();
    let http = HttpEvent::decode(&event).map_err(|error| error.into_failure(&event))?;
    from_event(http, context, &PathRules::default())
}

/// Returns the request of an event.
pub(super) fn from_event(
    event: HttpEvent<'_>,
    context: Context,
    paths: &PathRules,
) -> Result<Request<RequestBody>, Failure> {
    let door = event.door;
    assemble(event, context, paths).map_err(|invalid| invalid.into_failure(door))
}

fn assemble(
    event: HttpEvent<'_>,
    context: Context,
    paths: &PathRules,
) -> Result<Request<RequestBody>, Invalid> {
    let method = method(&event)?;
    let path = paths.apply(&event_path(&event));
    let headers = headers::headers(&event.fields, event.bytes, context.trace_id())?;
    let uri = uri(path, query(&event), &headers, &event.context.domain_name)?;
    let (original, request_context) = origin::extensions(&event, &headers);
    let claims = event.context.authorizer;
    let claims = claims.and_then(|authorizer| Claims::read(event.door, authorizer));

    let mut request = Request::new(RequestBody::from(body(event)?));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let extensions = request.extensions_mut();
    if let Some(claims) = claims {
        extensions.insert(claims);
    }
    extensions.insert(request_context);
    extensions.insert(original);
    extensions.insert(context);
    Ok(request)
}

fn method(event: &HttpEvent<'_>) -> Result<Method, Invalid> {
    let (field, method) = match &event.context.http {
        Some(http) => ("requestContext.http.method", &http.method),
        None => ("httpMethod", &event.fields.http_method),
    };
    match method.as_deref() {
        None => Err(Invalid(format!("`{field}` is missing"))),
        Some(method) => method
            .parse()
            .map_err(|_| Invalid(format!("`{field}` is {method:?}, which is not a method"))),
    }
}

/// What the event says of its path.
///
/// | Front door | `path` or `rawPath` | Percent-encoding | Route |
/// |---|---|---|---|
/// | REST API | no stage on API Gateway's own host; on a custom domain what the client sent | as sent | `resource` |
/// | HTTP API, format 1.0 | begins with the stage | decoded | `resource` |
/// | HTTP API, format 2.0 | begins with the stage, without the key of an API mapping | decoded | `routeKey` |
/// | Function URL, ALB | what the client sent | as sent | none |
///
/// Sources: AWS, "Create AWS Lambda proxy integrations for HTTP APIs" (`rawPath`, `version`); live
/// captures that users have published (`hotsock/voker`, July 2026, encoding;
/// `localstack/localstack` pull request 12296, custom domains).
fn event_path<'a>(event: &'a HttpEvent<'_>) -> EventPath<'a> {
    let (fields, context) = (&event.fields, &event.context);
    let path = fields.path.as_deref().unwrap_or_default();
    let stage = context.stage.as_deref();
    let stage = stage.filter(|stage| !stage.is_empty() && *stage != "$default");
    let route = |template| path::route(template, &fields.path_parameters);
    match event.door {
        FrontDoor::RestApi => {
            // Only HTTP APIs send a version.
            let is_decoded = fields.version.is_some();
            let full = context.path.as_deref().unwrap_or(path);
            let domain_name = context.domain_name.as_deref().unwrap_or_default();
            let has_stage = full == path && (is_decoded || !domain_name.contains(".execute-api."));
            EventPath {
                path,
                full: if full.ends_with(path) { full } else { path },
                stage: stage.filter(|_| has_stage),
                route: fields.resource.as_deref().and_then(route),
                is_decoded,
            }
        }
        FrontDoor::HttpApi => {
            let path = fields.raw_path.as_deref().unwrap_or_default();
            let template = fields
                .route_key
                .as_deref()
                .and_then(|key| key.split_once(' '));
            EventPath {
                path,
                full: path,
                stage,
                route: template.and_then(|(_, template)| route(template)),
                is_decoded: true,
            }
        }
        FrontDoor::FunctionUrl => as_sent(fields.raw_path.as_deref().unwrap_or_default()),
        FrontDoor::Alb => as_sent(path),
    }
}

fn as_sent(path: &str) -> EventPath<'_> {
    EventPath {
        path,
        full: path,
        stage: None,
        route: None,
        is_decoded: false,
    }
}

fn query(event: &HttpEvent<'_>) -> Option<String> {
    let fields = &event.fields;
    let parameters = match &fields.multi_value_query_string_parameters {
        none if none.is_empty() => &fields.query_string_parameters,
        multi => multi,
    };
    match (event.door, fields.raw_query_string.as_deref()) {
        (FrontDoor::Alb, _) => query::from_encoded(parameters),
        (FrontDoor::RestApi, _) | (_, None) => query::from_decoded(parameters),
        (FrontDoor::HttpApi | FrontDoor::FunctionUrl, Some(query)) => query::from_text(query),
    }
}

fn body(event: HttpEvent<'_>) -> Result<Bytes, Invalid> {
    let Some(text) = event.fields.body.0 else {
        return Ok(Bytes::new());
    };
    if event.fields.is_base64_encoded {
        return BASE64
            .decode(text.as_bytes())
            .map(Bytes::from)
            .map_err(|error| Invalid(format!("`body` is not base64: {error}")));
    }
    Ok(match text {
        Cow::Borrowed(_) => share(&text, event.bytes),
        Cow::Owned(text) => text.into(),
    })
}

/// Returns the URI: with scheme and host, where a usable host is known.
fn uri(
    path: String,
    query: Option<String>,
    headers: &HeaderMap,
    domain_name: &Text<'_>,
) -> Result<Uri, Invalid> {
    let mut target = path;
    if let Some(query) = query {
        target.push('?');
        target.push_str(&query);
    }
    let target = PathAndQuery::from_maybe_shared(Bytes::from(target))
        .map_err(|error| Invalid(format!("path and query do not form a URI: {error}")))?;
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let domain_name = domain_name.as_deref().map(str::as_bytes);
    let authority = host
        .and_then(authority)
        .or_else(|| domain_name.and_then(authority));
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target);
    if let Some(authority) = authority {
        parts.authority = Some(authority);
        parts.scheme = Some(scheme(headers));
    }
    Uri::from_parts(parts).map_err(|error| Invalid(format!("the URI is invalid: {error}")))
}

/// Returns a host with an optional port. User information does not belong into a `host` header
/// (RFC 9110, section 7.2), and would let `good@evil` pass for the host `evil`.
fn authority(host: &[u8]) -> Option<Authority> {
    let authority = Authority::try_from(host).ok()?;
    (!host.contains(&b'@')).then_some(authority)
}

/// Returns the scheme that the client used. Every front door on AWS tells it; what does not is a
/// local tool.
fn scheme(headers: &HeaderMap) -> Scheme {
    const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    match headers.get(FORWARDED_PROTO) {
        Some(proto) if proto.as_bytes().eq_ignore_ascii_case(b"https") => Scheme::HTTPS,
        _ => Scheme::HTTP,
    }
}
