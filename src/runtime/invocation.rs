//! One invocation's life: handler, first poll, response, and what is left to do after it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures_core::Stream;
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::limits::BUFFERED_RESPONSE_LIMIT;

use super::client::Client;
use super::error::RunError;
use super::handler::{HandlerMut, Reply};
use super::timer::Timer;
use crate::error::{DeadlineExceeded, Failure, contain, contain_async};
use crate::event::LambdaEvent;
use crate::response::{Form, Frames, SizeLimit};

/// Serves one invocation. `Ok` means that the next one can be asked for, whatever became of this one.
pub(super) async fn serve<H, M>(
    handler: &mut H,
    event: LambdaEvent<Bytes>,
    client: &mut Client,
    mut timer: Pin<&mut Timer>,
    limit: SizeLimit,
) -> Result<(), RunError>
where
    H: HandlerMut<M>,
{
    let context = event.context.clone();
    let Reply { response, after } = match within_deadline(handler.call(event), timer.as_mut()).await
    {
        Ok(reply) => reply,
        Err(failure) => return client.fail(&context, &failure).await,
    };
    match response.form {
        Form::Buffered(content_type) => {
            let collected = collect(response.payload, limit);
            match within_deadline(collected, timer.as_mut()).await {
                Ok(document) => {
                    client
                        .respond_buffered(&context, content_type, document)
                        .await?;
                }
                Err(failure) => client.fail(&context, &failure).await?,
            }
        }
        _ => {
            let frames = Frames::from_response(response, limit);
            let content_type = frames.content_type();
            let mut frames = pin!(Some(frames));
            let started = poll_fn(|cx| match frames.as_mut().as_pin_mut() {
                Some(frames) => Poll::Ready(frames.start(cx)),
                None => Poll::Pending,
            });
            match started.await {
                Ok(()) => {
                    client
                        .respond(&context, frames, timer.as_mut(), content_type)
                        .await?;
                }
                Err(failure) => client.fail(&context, &failure).await?,
            }
        }
    }
    if let Err(failure) = contain_async(after).await.and_then(|result| result) {
        client
            .report
            .invocation_failed(context.request_id(), &failure);
    }
    Ok(())
}

/// Collects a payload that is not streamed.
async fn collect<S>(payload: S, mut limit: SizeLimit) -> Result<Bytes, Failure>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    let mut payload = pin!(payload);
    let mut document = Vec::new();
    while let Some(chunk) = poll_fn(|cx| payload.as_mut().poll_next(cx)).await {
        let chunk = chunk?;
        limit.take(&chunk)?;
        let size = document.len() + chunk.len();
        if size > BUFFERED_RESPONSE_LIMIT {
            return Err(Failure::new(
                kind::RESPONSE_SIZE_TOO_LARGE,
                format!(
                    "a response that is not streamed has at most {BUFFERED_RESPONSE_LIMIT} bytes, and \
                     this one has {size} or more; stream it, or make it smaller"
                ),
            ));
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document.into())
}

/// Awaits user code; its error, its panic and its deadline are the same kind of failure.
async fn within_deadline<T>(
    call: impl Future<Output = Result<T, Failure>>,
    mut timer: Pin<&mut Timer>,
) -> Result<T, Failure> {
    let mut call = pin!(Some(call));
    let result = poll_fn(|cx| {
        let Some(future) = call.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        match contain(|| future.poll(cx)) {
            Err(panic) => return Poll::Ready(Err(panic)),
            Ok(Poll::Ready(result)) => return Poll::Ready(result),
            Ok(Poll::Pending) => {}
        }
        if timer.as_mut().poll_elapsed(cx) {
            return Poll::Ready(Err(DeadlineExceeded::new().into()));
        }
        Poll::Pending
    })
    .await;
    // Dropping a future runs user code, too.
    match contain(|| call.set(None)) {
        Ok(()) => result,
        Err(panic) => result.and(Err(panic)),
    }
}
