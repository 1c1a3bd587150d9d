//! The calls of the Runtime API, as the one who serves them sees them.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use super::reply;
use crate::id::{epoch_ms, trace_id};
use crate::limits::LONGEST_TIMEOUT;
use lambda_stream_wire::{api, limits};

/// Returns the ARN of a function; the account is the one of AWS's documentation.
pub(crate) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:012345678912:function:{name}")
}

/// What a path of the Runtime API asks for.
#[derive(Debug)]
pub enum Call<'a> {
    Next,
    Response(&'a str),
    Error(&'a str),
    InitError,
}

impl<'a> Call<'a> {
    pub fn of(method: &Method, path: &'a str) -> Option<Self> {
        let path = path.strip_prefix(api::VERSION)?;
        if *method == Method::GET {
            return (path == api::NEXT).then_some(Self::Next);
        }
        if *method != Method::POST {
            return None;
        }
        if path == api::INIT_ERROR {
            return Some(Self::InitError);
        }
        let invocation = path.strip_prefix(api::INVOCATION)?;
        invocation
            .strip_suffix(api::RESPONSE)
            .map(Self::Response)
            .or_else(|| invocation.strip_suffix(api::ERROR).map(Self::Error))
    }
}

/// Returns the answer that hands out an event.
pub fn invocation(id: &str, event: Bytes, timeout: Duration) -> Response<Full<Bytes>> {
    let now = SystemTime::now();
    let deadline = epoch_ms(now + timeout.min(LONGEST_TIMEOUT));
    let mut response = reply::document_with(StatusCode::OK, "application/json", event);
    let headers = response.headers_mut();
    for (name, value) in [
        (api::REQUEST_ID, id),
        (api::DEADLINE_MS, &deadline.to_string()),
        (api::FUNCTION_ARN, &function_arn("local")),
        (api::TRACE_ID, &trace_id(now)),
    ] {
        // All four are made here, of printable ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Reads the type and the document of an error; `None` when the program broke off or sent more than
/// an event may have.
pub async fn reported(headers: &HeaderMap, body: Incoming) -> Option<(String, Bytes)> {
    let document = Limited::new(body, limits::EVENT_LIMIT)
        .collect()
        .await
        .ok()?
        .to_bytes();
    let error_type = headers
        .get(api::ERROR_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_else(|| "Runtime.Unknown".to_owned());
    Some((error_type, document))
}
