//! The head of a client's response: read from the program's body, cleaned for the client's hop.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use hyper::body::Incoming;
use lambda_stream_wire::api::HTTP_INTEGRATION;
use lambda_stream_wire::decoder::{Decoded, Decoder};
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::prelude::EXCLUDED_HEADERS;

use super::api_gateway;
use super::buffered;
use super::collect::{self, Unusable};
use super::door::Door;
use crate::header::connection_tokens;
use crate::invocation::{Delivered, Fault};

/// What stands before the names of headers that the service keeps for itself. A Function URL does
/// so with a length that the function gave (reported by users on live AWS).
const REMAPPED: &str = "x-amzn-remapped-";

/// Reads as much of the body as the head takes: the head, and the payload that came with it.
pub(super) async fn read(
    body: &mut Incoming,
    streaming: bool,
    content_type: Option<HeaderValue>,
    door: &Door,
) -> Result<(Decoded, Bytes), Unusable> {
    let has_prelude = content_type.as_ref().is_some_and(is_http_integration);
    // A REST API looks for the prelude whatever the content type.
    if has_prelude || matches!(door, Door::ApiGateway(_)) {
        return prelude(body).await;
    }
    if streaming || *door == Door::Invoke {
        return Ok((buffered::raw(content_type), Bytes::new()));
    }
    let document = collect::document(body).await?;
    buffered::interpret(document, content_type).map_err(|problem| Unusable {
        fault: Fault::new(kind::INVALID_RESPONSE, problem),
        delivered: Some(Delivered::Read),
    })
}

pub(super) fn is_http_integration(content_type: &HeaderValue) -> bool {
    content_type
        .to_str()
        .ok()
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(HTTP_INTEGRATION))
}

/// Reads the prelude, and returns it with the payload that came in the same chunk.
async fn prelude(body: &mut Incoming) -> Result<(Decoded, Bytes), Unusable> {
    let mut decoder = Decoder::default();
    while let Some(data) = collect::data(body).await? {
        match decoder.push(&data) {
            Ok(Some(head)) => return Ok(head),
            Ok(None) => {}
            Err(problem) => {
                return Err(Unusable {
                    fault: Fault::new(kind::INVALID_RESPONSE, problem),
                    delivered: None,
                });
            }
        }
    }
    Err(Unusable {
        fault: Fault::new(kind::INVALID_RESPONSE, decoder.end()),
        delivered: Some(Delivered::Read),
    })
}

/// Returns the headers that the client is sent: cookies as `set-cookie`, and nothing that describes
/// the hop, which is hyper's to describe.
pub(super) fn headers(head: Decoded, door: &Door) -> HeaderMap {
    let mut headers = head.headers;
    let nominated: Vec<HeaderName> = connection_tokens(&headers)
        .filter_map(|token| token.parse().ok())
        .collect();
    match door {
        Door::ApiGateway(_) => {
            for name in api_gateway::REMAPPED {
                remap(&mut headers, name);
            }
        }
        Door::Invoke | Door::FunctionUrl(_) => remap(&mut headers, CONTENT_LENGTH.as_str()),
    }
    for name in nominated.iter().chain(&EXCLUDED_HEADERS) {
        headers.remove(name);
    }
    for cookie in head.cookies {
        headers.append(SET_COOKIE, cookie);
    }
    headers
}

/// Gives a header the name that the service gives it.
fn remap(headers: &mut HeaderMap, name: &str) {
    if let Some(value) = headers.remove(name) {
        if let Ok(name) = HeaderName::try_from(format!("{REMAPPED}{name}")) {
            headers.insert(name, value);
        }
    }
}
