//! The JSON document of a response, for front doors that do not stream.
//!
//! Sources: AWS, "Set up Lambda proxy integrations in API Gateway" (1.0), "Create AWS Lambda proxy
//! integrations for HTTP APIs" and "Invoking Lambda function URLs" (2.0), "Lambda functions as
//! targets" (ALB).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, SET_COOKIE};
use http_body::Body;
use http_body_util::BodyExt;
use serde::Serialize;

use super::event::{FrontDoor, HttpEvent};
use super::response::Answer;
use crate::error::{Error, Failure, into_failure};
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::limits::{ALB_RESPONSE_LIMIT, BUFFERED_RESPONSE_LIMIT};
use lambda_stream_wire::prelude::Prelude;

/// The form of the document, which depends on the front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentForm {
    /// Each header with a list of values, cookies among them.
    MultiValue { limit: usize },
    /// Each header once, cookies in a list of their own.
    Cookies,
    /// Each header once.
    SingleValue,
}

impl DocumentForm {
    /// Returns the form for the front door that sent this event.
    pub(super) fn of(event: &HttpEvent<'_>) -> Self {
        match event.door {
            FrontDoor::RestApi => Self::MultiValue {
                limit: BUFFERED_RESPONSE_LIMIT,
            },
            FrontDoor::HttpApi | FrontDoor::FunctionUrl => Self::Cookies,
            // A load balancer wants the answer in the form of the question.
            FrontDoor::Alb if event.fields.multi_value_headers.is_empty() => Self::SingleValue,
            FrontDoor::Alb => Self::MultiValue {
                limit: ALB_RESPONSE_LIMIT,
            },
        }
    }

    fn limit(self) -> usize {
        match self {
            Self::MultiValue { limit } => limit,
            Self::Cookies => BUFFERED_RESPONSE_LIMIT,
            Self::SingleValue => ALB_RESPONSE_LIMIT,
        }
    }
}

/// Returns the document of a response.
///
/// # Errors
///
/// The error of the body; `Function.InvalidHead`; `Function.ResponseSizeTooLarge`.
pub(super) async fn document<B>(answer: Answer<B>, form: DocumentForm) -> Result<Bytes, Failure>
where
    B: Body<Error: Into<Error>>,
{
    let (head, body) = answer.into_parts(false);
    let body = if head.is_bodyless() {
        Vec::new()
    } else {
        collect(body, form.limit()).await?
    };
    let prelude = head.checked_prelude().map_err(invalid_head)?;
    let mut document = Document::new(&prelude, form)?;
    (document.body, document.is_base64_encoded) = if is_text(head.headers()) {
        match String::from_utf8(body) {
            Ok(text) => (text, false),
            Err(error) => (STANDARD.encode(error.as_bytes()), true),
        }
    } else {
        (STANDARD.encode(body), true)
    };
    // Room for the usual head, so that writing a text without escapes allocates once.
    let mut json = Vec::with_capacity(document.body.len() + 512);
    serde_json::to_writer(&mut json, &document).map_err(into_failure)?;
    if json.len() > form.limit() {
        return Err(too_large(json.len(), form.limit()));
    }
    Ok(json.into())
}

/// Headers by name, in an order that does not change from run to run.
type Headers<'a, V> = BTreeMap<&'a str, V>;

/// The fields of a document; those that its form does not have are left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers<'a, Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<Headers<'a, Vec<&'a str>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<&'a str>,
    body: String,
    is_base64_encoded: bool,
}

impl<'a> Document<'a> {
    /// Creates a document without a body.
    fn new(prelude: &'a Prelude<'_>, form: DocumentForm) -> Result<Self, Failure> {
        let names = prelude.names();
        let mut headers: Headers<'a, Vec<&'a str>> = names
            .map(|name| (name.as_str(), prelude.values(name).collect()))
            .collect();
        let cookies: Vec<&str> = prelude.cookie_values().flatten().collect();
        let mut document = Self {
            status_code: prelude.status.as_u16(),
            ..Self::default()
        };
        if form.limit() == ALB_RESPONSE_LIMIT {
            document.status_description = Some(description(prelude.status));
        }
        match form {
            DocumentForm::MultiValue { .. } => {
                if !cookies.is_empty() {
                    headers.insert(SET_COOKIE.as_str(), cookies);
                }
                document.multi_value_headers = Some(headers);
            }
            DocumentForm::Cookies => {
                document.headers = Some(joined(headers));
                document.cookies = cookies;
            }
            DocumentForm::SingleValue => {
                let mut headers = joined(headers);
                match cookies[..] {
                    [] => {}
                    [cookie] => {
                        headers.insert(SET_COOKIE.as_str(), cookie.into());
                    }
                    _ => return Err(invalid_head(TOO_MANY_COOKIES)),
                }
                document.headers = Some(headers);
            }
        }
        Ok(document)
    }
}

const TOO_MANY_COOKIES: &str = "the load balancer sent its request without multi-value headers, \
     and its form of response has one place for `set-cookie`, but there are several cookies; switch \
     on `lambda.multi_value_headers.enabled` on the target group";

/// Joins repeated headers.
fn joined<'a>(headers: Headers<'a, Vec<&'a str>>) -> Headers<'a, Cow<'a, str>> {
    let join = |values: Vec<&'a str>| match values[..] {
        [value] => Cow::Borrowed(value),
        _ => Cow::Owned(values.join(", ")),
    };
    let headers = headers.into_iter();
    headers.map(|(name, values)| (name, join(values))).collect()
}

fn description(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("{} {reason}", status.as_u16())
        .trim_end()
        .to_owned()
}

/// Reads the whole body; no more of it once it is too large.
async fn collect<B>(body: B, limit: usize) -> Result<Vec<u8>, Failure>
where
    B: Body<Error: Into<Error>>,
{
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(into_failure)?;
        match frame.into_data() {
            Ok(mut data) => {
                let size = bytes.len() + data.remaining();
                if size > limit {
                    return Err(too_large(size, limit));
                }
                while data.has_remaining() {
                    let chunk = data.chunk();
                    let len = chunk.len();
                    bytes.extend_from_slice(chunk);
                    data.advance(len);
                }
            }
            Err(_) => tracing::warn!("the trailers of a response body were dropped"),
        }
    }
    Ok(bytes)
}

/// Whether the body is declared to be text, or not declared at all.
fn is_text(headers: &HeaderMap) -> bool {
    let is_encoded = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_encoded {
        return false;
    }
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let content_type = String::from_utf8_lossy(content_type.as_bytes()).to_ascii_lowercase();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/json"
                | "application/x-ndjson"
                | "application/ndjson"
                | "application/xml"
                | "application/javascript"
                | "application/x-javascript"
                | "application/graphql"
                | "application/yaml"
                | "application/x-www-form-urlencoded"
        )
}

fn invalid_head(text: impl std::fmt::Display) -> Failure {
    Failure::new(kind::INVALID_HEAD, text.to_string())
}

fn too_large(size: usize, limit: usize) -> Failure {
    Failure::new(
        kind::RESPONSE_SIZE_TOO_LARGE,
        format!(
            "a buffered response has at most {limit} bytes, and this one has {size} or more; stream \
             it through a Function URL or a REST API, or make it smaller"
        ),
    )
}
