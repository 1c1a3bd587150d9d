//! The head of a client's response: read from the program's body, cleaned for the client's hop.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambda_stream_wire::Failure;
use lambda_stream_wire::api::HTTP_INTEGRATION;
use lambda_stream_wire::decoder::{Decoded, Decoder};
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::limits::BUFFERED_RESPONSE_LIMIT;
use lambda_stream_wire::prelude::KEPT_OUT;

use super::buffered;
use super::door::Door;
use crate::header::connection_tokens;
use crate::invocation::{Delivered, Fault, buffered_too_large, truncated};

/// What a Function URL calls a length that the function gave (reported by users on live AWS).
const REMAPPED_LENGTH: HeaderName = HeaderName::from_static("x-amzn-remapped-content-length");

/// Why a response has no head.
pub(super) struct HeadError {
    /// What the client is told.
    pub(super) fault: Fault,
    /// What the program is told: nothing when more of the body would follow.
    pub(super) delivered: Option<Delivered>,
}

/// Reads as much of the body as the head takes: the head, and the payload that came with it.
pub(super) async fn read(
    body: &mut Incoming,
    streaming: bool,
    content_type: Option<HeaderValue>,
    door: Door,
) -> Result<(Decoded, Bytes), HeadError> {
    if content_type.as_ref().is_some_and(is_http_integration) {
        return prelude(body).await;
    }
    if streaming || door == Door::Invoke {
        return Ok((buffered::raw(content_type), Bytes::new()));
    }
    let document = collect(body).await?;
    buffered::interpret(document, content_type).map_err(|problem| HeadError {
        fault: Fault::new(kind::INVALID_RESPONSE, problem),
        delivered: Some(Delivered::Read),
    })
}

fn is_http_integration(content_type: &HeaderValue) -> bool {
    content_type
        .to_str()
        .ok()
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(HTTP_INTEGRATION))
}

/// The next data of the body; `None` at its end.
async fn data(body: &mut Incoming) -> Result<Option<Bytes>, HeadError> {
    match body.frame().await {
        None => Ok(None),
        Some(Ok(frame)) => match frame.into_data() {
            Ok(data) => Ok(Some(data)),
            Err(frame) => match frame
                .into_trailers()
                .ok()
                .as_ref()
                .and_then(Failure::from_trailers)
            {
                Some(failure) => Err(HeadError {
                    fault: failure.into(),
                    delivered: Some(Delivered::Read),
                }),
                None => Ok(None),
            },
        },
        Some(Err(error)) => Err(HeadError {
            fault: truncated(&error),
            delivered: None,
        }),
    }
}

async fn prelude(body: &mut Incoming) -> Result<(Decoded, Bytes), HeadError> {
    let mut decoder = Decoder::default();
    while let Some(data) = data(body).await? {
        match decoder.push(&data) {
            Ok(Some(head)) => return Ok(head),
            Ok(None) => {}
            Err(problem) => {
                return Err(HeadError {
                    fault: Fault::new(kind::INVALID_RESPONSE, problem),
                    delivered: None,
                });
            }
        }
    }
    Err(HeadError {
        fault: Fault::new(kind::INVALID_RESPONSE, decoder.end()),
        delivered: Some(Delivered::Read),
    })
}

async fn collect(body: &mut Incoming) -> Result<Bytes, HeadError> {
    let mut document = BytesMut::new();
    while let Some(data) = data(body).await? {
        if document.len() + data.len() > BUFFERED_RESPONSE_LIMIT {
            return Err(HeadError {
                fault: Fault::new(kind::RESPONSE_SIZE_TOO_LARGE, buffered_too_large()),
                delivered: Some(Delivered::TooLarge),
            });
        }
        document.extend_from_slice(&data);
    }
    Ok(document.freeze())
}

/// The headers that the client is sent: cookies as `set-cookie`, and nothing that describes the hop, which
/// is hyper's to describe.
pub(super) fn headers(head: Decoded) -> HeaderMap {
    let mut headers = head.headers;
    let nominated: Vec<HeaderName> = connection_tokens(&headers)
        .filter_map(|token| token.parse().ok())
        .collect();
    if let Some(length) = headers.remove(CONTENT_LENGTH) {
        headers.insert(REMAPPED_LENGTH, length);
    }
    for name in nominated.iter().chain(&KEPT_OUT) {
        headers.remove(name);
    }
    for cookie in head.cookies {
        headers.append(SET_COOKIE, cookie);
    }
    headers
}
