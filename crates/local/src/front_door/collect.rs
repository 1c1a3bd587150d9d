//! Reads what has to be whole before it can be passed on.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::limits::BUFFERED_RESPONSE_LIMIT;

use crate::invocation::{Delivered, Fault, buffered_too_large, truncated};

/// Why a response cannot be passed on.
pub(super) struct Unusable {
    /// What the client is told.
    pub(super) fault: Fault,
    /// What the program is told: nothing when more of the body would follow.
    pub(super) delivered: Option<Delivered>,
}

/// Returns the next data of a body; `None` at its end.
pub(super) async fn data(body: &mut Incoming) -> Result<Option<Bytes>, Unusable> {
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
                Some(failure) => Err(Unusable {
                    fault: failure.into(),
                    delivered: Some(Delivered::Read),
                }),
                None => Ok(None),
            },
        },
        Some(Err(error)) => Err(Unusable {
            fault: truncated(&error),
            delivered: None,
        }),
    }
}

/// Returns a whole body, as far as a buffered response may be long.
pub(super) async fn document(body: &mut Incoming) -> Result<Bytes, Unusable> {
    let mut document = BytesMut::new();
    while let Some(data) = data(body).await? {
        if document.len() + data.len() > BUFFERED_RESPONSE_LIMIT {
            return Err(Unusable {
                fault: Fault::new(kind::RESPONSE_SIZE_TOO_LARGE, buffered_too_large()),
                delivered: Some(Delivered::TooLarge),
            });
        }
        document.extend_from_slice(&data);
    }
    Ok(document.freeze())
}
