//! `POST …/response`: the program's answer on its way to the client.

use std::rc::Rc;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambda_stream_wire::{Failure, api};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{ClientLeft, Reply, refusal};
use crate::connection::Connection;
use crate::invocation::{
    Answer, Answering, Delivered, Environment, Fault, RuntimeResponse, truncated,
};
use crate::limits::UNWANTED_REST;
use crate::serve::reply;

/// Takes a response and answers once it has been delivered.
pub(super) async fn take(
    environment: &Rc<Environment>,
    connection: &Rc<Connection>,
    id: &str,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Reply, ClientLeft> {
    let streaming = match headers.get(api::RESPONSE_MODE) {
        None => false,
        Some(mode) if mode == api::STREAMING => true,
        Some(mode) => return Ok(refusal::unknown_mode(mode)),
    };
    let nonce = headers.get(api::INVOCATION_ID).map(HeaderValue::as_bytes);
    let begun = match environment.begin_answer(id, nonce, connection) {
        Ok(begun) => begun,
        Err(refused) => return Ok(refusal::refused(refused)),
    };
    let (sender, delivered) = oneshot::channel();
    let response = RuntimeResponse {
        streaming,
        content_type: headers.get(CONTENT_TYPE).cloned(),
        body,
        delivered: sender,
        cut: begun.cut,
    };
    match begun.answer.send(Answer::Response(response)) {
        Ok(()) => wait(delivered, begun.answering).await,
        // The client left while the function worked. A body of known length is taken, so that a
        // runtime that does not stream sees nothing unusual.
        Err(Answer::Response(mut response)) if response.body.size_hint().exact().is_some() => {
            drain(&mut response.body).await;
            Ok(reply::accepted())
        }
        Err(_) => Err(ClientLeft),
    }
}

/// Waits until the response is with the client. `_answering` lives that long.
async fn wait(
    delivered: oneshot::Receiver<Delivered>,
    _answering: Answering,
) -> Result<Reply, ClientLeft> {
    match delivered.await {
        Ok(Delivered::Read) => Ok(reply::accepted()),
        Ok(Delivered::TooLarge) => Ok(refusal::response_too_large()),
        Ok(Delivered::Rest(mut body, report)) => {
            let Ok(fault) = timeout(UNWANTED_REST, drain(&mut body)).await else {
                report.complete();
                return Err(ClientLeft);
            };
            match fault {
                Some(fault) => report.failed(&fault),
                None => report.complete(),
            }
            Ok(reply::accepted())
        }
        Err(_) => Err(ClientLeft),
    }
}

/// Reads a body to its end, and returns the fault that it ended in.
async fn drain(body: &mut Incoming) -> Option<Fault> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return Failure::from_trailers(&trailers).map(Fault::from);
                }
            }
            Err(error) => return Some(truncated(&error)),
        }
    }
}
