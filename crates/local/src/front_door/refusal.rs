//! Answers to requests that do not become invocations.

use http::Response;
use http::StatusCode;
use http::header::{ALLOW, CONNECTION, HeaderValue};
use http::request::Parts;
use lambda_stream_wire::limits::EVENT_LIMIT;
use serde_json::json;

use super::answer::{Reply, ReplyBody};
use super::request_body::BodyError;
use super::{ERROR_TYPE, INVOKE};
use crate::reply;

/// A request that does not become an invocation: what its client and the terminal are told.
pub(super) struct Refusal {
    status: StatusCode,
    error_type: &'static str,
    message: String,
    /// A text for people instead of a document.
    text: Option<String>,
    /// Whether the rest of the request stays unread, so that the connection has to end.
    closes: bool,
}

impl Refusal {
    fn new(status: StatusCode, error_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error_type,
            message: message.into(),
            text: None,
            closes: false,
        }
    }

    /// A request that a web page of another site could have made.
    pub(super) fn foreign(message: String) -> Self {
        Self {
            closes: true,
            ..Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", message)
        }
    }

    pub(super) fn not_a_proxy() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "a Function URL is not a proxy: CONNECT does not reach it",
        )
    }

    /// `/invoke` with another method than POST.
    pub(super) fn not_a_post(request: &Parts) -> Self {
        let host = request
            .headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or(crate::DEFAULT_ADDRESS);
        let text = format!(
            "{INVOKE} takes the event as the body of a POST:\n  \
             curl -N --data @event.json http://{host}{INVOKE}\n\
             Any other path is a request to a Function URL.\n"
        );
        Self {
            text: Some(text),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the event is the body of a POST",
            )
        }
    }

    /// A request to a REST API that does not name a stage.
    pub(super) fn no_stage() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "ForbiddenException",
            "the path of a REST API begins with a stage: /_apigateway/<stage>/…, or /<stage>/… at \
             <name>.execute-api.localhost",
        )
    }

    /// An operation of Lambda's API other than the Invoke APIs.
    pub(super) fn unknown_operation(request: &Parts) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            format!(
                "the local Lambda has no {} {}; of Lambda's API it serves Invoke and \
                 InvokeWithResponseStream",
                request.method,
                request.uri.path()
            ),
        )
    }

    /// A request below the page's address that asks for nothing that there is.
    pub(super) fn not_on_page(status: StatusCode, message: impl Into<String>) -> Self {
        let error_type = match status {
            StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "UnsupportedMediaTypeException",
            StatusCode::CONFLICT => "ResourceConflictException",
            _ => "ResourceNotFoundException",
        };
        Self::new(status, error_type, message)
    }

    pub(super) fn invalid_content(message: String) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            message,
        )
    }

    pub(super) fn invalid_parameter(message: String) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            message,
        )
    }

    pub(super) fn request_too_large(message: String) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            message,
        )
    }

    pub(super) fn too_large(size: Option<u64>) -> Self {
        let size = size.map_or_else(|| "too many".to_owned(), |size| size.to_string());
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            format!("the event has {size} bytes, and Lambda takes at most {EVENT_LIMIT} (6 MB)"),
        )
    }

    pub(super) fn too_many(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            message,
        )
    }

    fn is_method_not_allowed(&self) -> bool {
        self.status == StatusCode::METHOD_NOT_ALLOWED && self.text.is_some()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn error_type(&self) -> &'static str {
        self.error_type
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn into_reply(self) -> Reply {
        let allows_post = self.is_method_not_allowed();
        let mut response: Response<_> = match self.text {
            Some(text) => reply::document_with(self.status, "text/plain", text),
            None => reply::error(self.status, self.error_type, &self.message),
        };
        if allows_post {
            let post = HeaderValue::from_static("POST");
            response.headers_mut().insert(ALLOW, post);
        }
        if self.closes {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response.map(ReplyBody::Full)
    }

    /// Returns the answer in the shape of Lambda's API.
    pub(super) fn into_api_reply(self) -> Reply {
        let error_type = match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => "RequestTooLargeException",
            _ => self.error_type,
        };
        let document = json!({"Type": "User", "message": self.message});
        let mut response =
            reply::document_with(self.status, "application/json", document.to_string());
        let headers = response.headers_mut();
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(ReplyBody::Full)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(size) => Self::too_large(size),
            BodyError::Broken => Self::new(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                "the request's body ended before its end",
            ),
            BodyError::Slow => Self {
                closes: true,
                ..Self::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "RequestTimeoutException",
                    "the request's body did not go on for 30 s",
                )
            },
            BodyError::Exhausted => Self::too_many(
                "the events that wait or are being worked on take all of the 64 MB that there are for \
                 them; try again when one of them has been answered",
            ),
        }
    }
}
