//! Answers to calls that the Runtime API refuses.
//!
//! Names of the error types: AWS, source of the Runtime Interface Emulator.

use http::header::{CONNECTION, HeaderValue};
use http::{Method, StatusCode};
use lambda_stream_wire::api;
use lambda_stream_wire::failure::kind;

use super::Reply;
use crate::invocation::{Refusal, buffered_too_large};
use crate::serve::reply;

pub(super) fn refused(refusal: Refusal) -> Reply {
    let (status, error_type, message) = match refusal {
        Refusal::UnknownId => (
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            reply::UNKNOWN_ID,
        ),
        Refusal::AlreadyAnswered => (
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "the response to this invocation has begun already",
        ),
        Refusal::Unanswered => (
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "the last invocation has to be answered before the next one is asked for",
        ),
        Refusal::Expired => (
            StatusCode::GONE,
            "InvokeTimeout",
            "the invocation is over: it ran into its timeout, its client left before the answer, or \
             another attempt answers it",
        ),
        Refusal::AlreadyRunning => (
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "a program that has asked for an invocation cannot fail to be set up; report the error of \
             the invocation instead",
        ),
    };
    reply::error(status, error_type, message)
}

pub(super) fn unknown_call(method: &Method, path: &str) -> Reply {
    reply::error(
        StatusCode::NOT_FOUND,
        "NotFound",
        format_args!(
            "the local Runtime API has no {method} {path}; a client's address is the other one"
        ),
    )
}

pub(super) fn foreign(why: &str) -> Reply {
    let mut reply = reply::error(StatusCode::FORBIDDEN, "AccessDenied", why);
    let close = HeaderValue::from_static("close");
    reply.headers_mut().insert(CONNECTION, close);
    reply
}

pub(super) fn unknown_mode(mode: &HeaderValue) -> Reply {
    reply::error(
        StatusCode::BAD_REQUEST,
        "InvalidFunctionResponseMode",
        format_args!(
            "the response mode is {mode:?}, and `{}` is the only one there is",
            api::STREAMING
        ),
    )
}

pub(super) fn response_too_large() -> Reply {
    reply::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        kind::RESPONSE_SIZE_TOO_LARGE,
        buffered_too_large(),
    )
}

pub(super) fn unreadable() -> Reply {
    reply::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        "the error document could not be read, or it is larger than 6 MB",
    )
}
