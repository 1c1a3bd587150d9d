//! From a request to a response, whichever the protocol.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, TryFutureExt, TryStreamExt, stream};
use lambda_stream::body::ChunkStreamExt;
use lambda_stream::format::Sse;
use lambda_stream::format::sse::Event;
use lambda_stream::web::Streamed;
use lambda_stream::{Context, Error, Failure};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::Gateway;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::protocol::Protocol;
use crate::upstream::Chunk;
use crate::usage::Meter;

/// Part of an answer.
enum Part {
    Chunk(Chunk),
    /// The upstream says that the answer is complete.
    End,
    /// The answer is cut, because the invocation's time is nearly up.
    Deadline,
}

/// Answers a request with a stream, or with a status if it fails before the first token.
pub async fn answer<P: Protocol>(
    gateway: &Gateway,
    context: &Context,
    caller: &Caller,
    protocol: P,
    request: Value,
) -> Result<Response, ApiError> {
    let mut meter = Meter::new(caller, &request);
    let parts = gateway
        .upstream
        .clone()
        .ask(request)
        .try_flatten_stream()
        .map_ok(Part::Chunk)
        .chain(stream::once(async { Ok(Part::End) }))
        .until_deadline(context, gateway.config.margin)
        .closing_with(Part::Deadline)
        .map_err(into_api_error);
    let mut parts = Box::pin(parts);
    let opening = opening(&mut parts, gateway.config.patience).await;
    let opening = opening.inspect_err(|_| meter.end("failed before the first token"))?;
    let parts = stream::iter(opening).map(Ok).chain(parts);
    let response = Sse::new(events(parts, protocol, meter))
        .keep_alive(gateway.config.heartbeat)
        .head(P::head);
    Ok(Streamed::new(response).into_response())
}

/// Returns the parts up to the first token, or those that there are when patience ends.
async fn opening(
    parts: &mut (impl Stream<Item = Result<Part, ApiError>> + Unpin),
    patience: Duration,
) -> Result<Vec<Part>, ApiError> {
    let end = Instant::now() + patience;
    let mut opening = Vec::new();
    while let Ok(Some(part)) = timeout_at(end, parts.next()).await {
        let part = part?;
        let is_last = match &part {
            Part::Chunk(chunk) => chunk.is_token(),
            Part::End => true,
            Part::Deadline => {
                return Err(ApiError::timeout("deadline", "the model took too long"));
            }
        };
        opening.push(part);
        if is_last {
            break;
        }
    }
    Ok(opening)
}

/// Returns the events of an answer.
///
/// A failure becomes the protocol's own event and then the stream's error, so that the invocation
/// fails as well. `Sse::ending_with` does this where the last event depends on nothing but the
/// error; those of the Responses API are numbered.
fn events<P: Protocol>(
    parts: impl Stream<Item = Result<Part, ApiError>>,
    mut protocol: P,
    mut meter: Meter,
) -> impl Stream<Item = Result<Event, Error>> {
    parts.flat_map(move |part| {
        let (events, failure) = match part {
            Ok(Part::Chunk(chunk)) => {
                meter.count(&chunk);
                (protocol.chunk(chunk), None)
            }
            Ok(Part::End) => {
                meter.end("complete");
                (protocol.end(false, meter.tokens()), None)
            }
            Ok(Part::Deadline) => {
                meter.end("cut at the deadline");
                (protocol.end(true, meter.tokens()), None)
            }
            Err(error) => {
                meter.end("failed");
                let failure = Failure::new("UpstreamFailed", error.message());
                (protocol.failure(&error), Some(Err(failure.into())))
            }
        };
        stream::iter(events.into_iter().map(Ok).chain(failure))
    })
}

fn into_api_error(error: Error) -> ApiError {
    match error.downcast() {
        Ok(error) => *error,
        Err(other) => ApiError::upstream("unknown", other),
    }
}
