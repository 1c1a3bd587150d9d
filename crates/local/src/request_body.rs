//! Reads a client's request body, as far as an event may be long.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use lambda_stream_wire::limits::EVENT_LIMIT;

/// How much of a body that is too large is read to be thrown away.
///
/// A client that is still sending when the connection closes may never see the answer: the system
/// resets the connection.
const DISCARDED: usize = 64 * 1024 * 1024;

pub(super) enum BodyError {
    /// Larger than an event may be: by how it was announced, or more than was read.
    TooLarge(Option<String>),
    /// The client broke off.
    Broken,
}

pub(super) async fn read(headers: &HeaderMap, mut body: Incoming) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|size| size > EVENT_LIMIT as u64) {
        // A client that asks first has not sent anything yet.
        if !headers.contains_key(EXPECT) {
            discard(&mut body).await;
        }
        return Err(BodyError::TooLarge(announced.map(|size| size.to_string())));
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if read.len() + data.len() > EVENT_LIMIT {
            discard(&mut body).await;
            return Err(BodyError::TooLarge(None));
        }
        if read.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

async fn discard(body: &mut Incoming) {
    let mut discarded = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARDED {
            return;
        }
    }
}
