//! One invocation's life: handler, first poll, response.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use super::client::Client;
use super::deadline::{is_past, timer};
use super::error::RunError;
use super::handler::Handler;
use crate::error::{Failure, contain};
use crate::event::LambdaEvent;
use crate::response::Frames;

/// Serves one invocation. `Ok` means that the next one can be asked for, whatever became of this one.
pub(super) async fn serve<H, M>(
    client: &mut Client,
    handler: &mut H,
    event: LambdaEvent<Bytes>,
    margin: Option<Duration>,
) -> Result<(), RunError>
where
    H: Handler<M>,
{
    let context = event.context.clone();
    let mut deadline = pin!(margin.and_then(|margin| timer(&context, margin)));
    let response = match handle(handler, event, deadline.as_mut()).await {
        Ok(response) => response,
        Err(failure) => return client.fail(&context, &failure).await,
    };
    let mut frames = pin!(Frames::from_response(response));
    let content_type = frames.content_type();
    if let Err(failure) = poll_fn(|cx| Poll::Ready(frames.as_mut().start(cx))).await {
        return client.fail(&context, &failure).await;
    }
    client
        .respond(&context, content_type, frames, deadline)
        .await
}

/// Calls the handler; its error, its panic and its deadline are the same kind of failure.
async fn handle<H, M>(
    handler: &mut H,
    event: LambdaEvent<Bytes>,
    mut deadline: Pin<&mut Option<Sleep>>,
) -> Result<crate::Response<H::Payload>, Failure>
where
    H: Handler<M>,
{
    let mut call = pin!(Some(handler.call(event)));
    let result = poll_fn(|cx| {
        let Some(future) = call.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        match contain(|| future.poll(cx)) {
            Err(panic) => return Poll::Ready(Err(panic)),
            Ok(Poll::Ready(result)) => return Poll::Ready(result),
            Ok(Poll::Pending) => {}
        }
        if is_past(deadline.as_mut(), cx) {
            return Poll::Ready(Err(Failure::deadline()));
        }
        Poll::Pending
    })
    .await;
    // Dropping a future runs code of the user's too.
    match contain(|| call.set(None)) {
        Ok(()) => result,
        Err(panic) => result.and(Err(panic)),
    }
}
