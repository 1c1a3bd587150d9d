//! Errors as the provider words them.

use std::fmt;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error in the provider's JSON: a response of its own, or an event in the middle of one.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    /// `message`, `type`, `param` and `code`.
    pub error: Value,
    pub retry_after: Option<HeaderValue>,
}

impl ApiError {
    pub fn new(status: StatusCode, kind: &str, code: &str, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self {
            status,
            error: json!({ "message": message, "type": kind, "param": null, "code": code }),
            retry_after: None,
        }
    }

    /// The request is at fault.
    pub fn invalid(status: StatusCode, message: impl fmt::Display) -> Self {
        Self::new(status, "invalid_request_error", "invalid_request", message)
    }

    /// The upstream is at fault.
    pub fn upstream(code: &str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "upstream_error", code, message)
    }

    /// Too little time is left.
    pub fn timeout(code: &str, message: impl fmt::Display) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "upstream_error", code, message)
    }

    pub fn message(&self) -> &str {
        self.error["message"].as_str().unwrap_or("the model failed")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error }).to_string();
        let head = [(CONTENT_TYPE, "application/json")];
        let mut response = (self.status, head, body).into_response();
        if let Some(value) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        response
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ApiError {}
