//! Reads a client's request body, as far as an event may be long.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambda_stream_wire::limits::EVENT_LIMIT;
use tokio::time::timeout;

use crate::invocation::{Budget, Event};
use crate::limits::BODY_TIMEOUT;

/// How much of a body that is too large is read to be thrown away.
///
/// A client that is still sending when the connection closes may never see the answer: the system
/// resets the connection.
const DISCARDED: usize = 64 * 1024 * 1024;

/// Why there is no event.
pub(super) enum BodyError {
    /// Larger than an event may be: by how it was announced, or more than was read.
    TooLarge(Option<u64>),
    /// The client broke off.
    Broken,
    /// The client sent nothing for too long.
    Slow,
    /// Other events take all the memory that there is for events.
    Exhausted,
}

pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    budget: &Budget,
) -> Result<Event, BodyError> {
    let announced = body.size_hint().exact();
    let mut reservation = budget.reserve();
    let expects = headers.contains_key(EXPECT);
    let refusal = match announced {
        Some(size) if size > EVENT_LIMIT as u64 => Some(BodyError::TooLarge(announced)),
        Some(size) => reservation
            .resize(usize::try_from(size).unwrap_or(usize::MAX))
            .err()
            .map(|_| BodyError::Exhausted),
        None => None,
    };
    if let Some(refusal) = refusal {
        // A client that asks first has not sent anything yet.
        if !expects {
            discard(&mut body).await;
        }
        return Err(refusal);
    }
    let mut read = BytesMut::new();
    while let Some(data) = next(&mut body).await? {
        let len = read.len() + data.len();
        if len > EVENT_LIMIT {
            discard(&mut body).await;
            return Err(BodyError::TooLarge(None));
        }
        if announced.is_none() && reservation.resize(len).is_err() {
            discard(&mut body).await;
            return Err(BodyError::Exhausted);
        }
        if read.is_empty() && body.is_end_stream() {
            return Ok(Event::new(data, reservation));
        }
        if read.is_empty() {
            // Grown once where the length is known.
            read.reserve(announced.map_or(len, |size| usize::try_from(size).unwrap_or(len)));
        }
        read.extend_from_slice(&data);
    }
    Ok(Event::new(read.freeze(), reservation))
}

/// Returns the next data of the body; `None` at its end.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    loop {
        let Ok(frame) = timeout(BODY_TIMEOUT, body.frame()).await else {
            return Err(BodyError::Slow);
        };
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn discard(body: &mut Incoming) {
    let mut discarded = 0_usize;
    while let Ok(Some(data)) = next(body).await {
        discarded += data.len();
        if discarded > DISCARDED {
            return;
        }
    }
}
