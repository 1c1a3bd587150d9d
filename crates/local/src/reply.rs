//! Short answers of either listener: status and a JSON document or a line of text.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

/// Why an answer to an invocation is refused that is not there.
pub(crate) const UNKNOWN_ID: &str = "no invocation with this request id waits for an answer";

/// An error of the server itself, in the form of the Runtime API: `{"errorMessage","errorType"}`.
pub(crate) fn error(
    status: StatusCode,
    error_type: &str,
    message: impl std::fmt::Display,
) -> Response<Full<Bytes>> {
    let document = json!({"errorMessage": message.to_string(), "errorType": error_type});
    document_with(status, "application/json", document.to_string())
}

/// What the Runtime API answers to a report it has taken.
pub(crate) fn accepted() -> Response<Full<Bytes>> {
    document_with(
        StatusCode::ACCEPTED,
        "application/json",
        r#"{"status":"OK"}"#,
    )
}

pub(crate) fn document_with(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
