//! One invocation's life: handler, first poll, response, and what is left to do after it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::limits::BUFFERED_RESPONSE_LIMIT;
use tracing::Instrument;

use super::after_response::AfterResponse;
use super::client::Client;
use super::error::RunError;
use super::handler::{HandlerMut, Reply};
use super::telemetry::{Ending, Record, invocation_span};
use super::timer::Timer;
use crate::error::{DeadlineExceeded, Failure, contain, contain_async};
use crate::event::{Context, LambdaEvent};
use crate::response::{Form, Frames, Response, SizeLimit};

/// Serves one invocation. `Ok` means that the next one can be asked for, whatever became of this
/// one.
///
/// Everything that is polled here, and dropped, is so within the span of the invocation: the
/// handler, its stream, and what runs after the response.
pub(super) async fn serve<H, M>(
    handler: &mut H,
    event: LambdaEvent<Bytes>,
    client: &mut Client,
    timer: Pin<&mut Timer>,
    limit: SizeLimit,
    after_response: Option<&AfterResponse>,
) -> Result<(), RunError>
where
    H: HandlerMut<M>,
{
    let span = invocation_span(&event.context, H::TRIGGER);
    let invocation = Invocation {
        context: event.context.clone(),
        client,
        timer,
        limit,
        after_response,
        record: Record::start(&span),
    };
    invocation.serve(handler, event).instrument(span).await
}

/// An invocation that is being served.
struct Invocation<'a> {
    context: Context,
    client: &'a mut Client,
    timer: Pin<&'a mut Timer>,
    limit: SizeLimit,
    after_response: Option<&'a AfterResponse>,
    record: Record,
}

impl Invocation<'_> {
    async fn serve<H, M>(
        mut self,
        handler: &mut H,
        event: LambdaEvent<Bytes>,
    ) -> Result<(), RunError>
    where
        H: HandlerMut<M>,
    {
        let (ended, after) = match within_deadline(handler.call(event), self.timer.as_mut()).await {
            Ok(Reply { response, after }) => (self.send(response).await, Some(after)),
            Err(failure) => (self.fail(&failure).await, None),
        };
        self.record.end(&ended);
        if let (Some(after), Ok(_)) = (after, &ended) {
            let result = contain_async(after).await.and_then(|result| result);
            self.report_late(result);
        }
        if let Some(hook) = self.after_response {
            let run = async {
                hook.run(self.context.clone()).await;
                Ok(())
            };
            let result = within_deadline(run, self.timer.as_mut()).await;
            self.report_late(result);
        }
        if let Some(headers) = self.context.into_headers() {
            self.client.reuse(headers);
        }
        ended.map(|_| ())
    }

    /// Reports a failure after the response.
    fn report_late(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            let id = self.context.request_id();
            self.client.report.invocation_failed(id, &failure);
        }
    }

    async fn send<S>(&mut self, response: Response<S>) -> Result<Ending, RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        match &response.form {
            Form::Buffered(content_type) => {
                let content_type = content_type.clone();
                self.send_document(response, content_type).await
            }
            _ => self.stream(response).await,
        }
    }

    async fn send_document<S>(
        &mut self,
        response: Response<S>,
        content_type: HeaderValue,
    ) -> Result<Ending, RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let payload = self.record.count(response).payload;
        let collected = collect(payload, self.limit);
        match within_deadline(collected, self.timer.as_mut()).await {
            Ok(document) => {
                self.client
                    .respond_buffered(&self.context, content_type, document)
                    .await
            }
            Err(failure) => self.fail(&failure).await,
        }
    }

    async fn stream<S>(&mut self, response: Response<S>) -> Result<Ending, RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let sent = {
            let response = self.record.count(response);
            let frames = Frames::from_response(response, self.limit);
            let content_type = frames.content_type();
            let mut frames = pin!(Some(frames));
            let started = poll_fn(|cx| match frames.as_mut().as_pin_mut() {
                Some(frames) => Poll::Ready(frames.start(cx)),
                None => Poll::Pending,
            });
            match started.await {
                Ok(()) => {
                    let (context, timer) = (&self.context, self.timer.as_mut());
                    let respond = self.client.respond(context, frames, timer, content_type);
                    Ok(respond.await?)
                }
                Err(failure) => Err(failure),
            }
        };
        match sent {
            Ok((ending, failure)) => {
                if let Some(failure) = failure {
                    self.record.fail(&failure);
                }
                Ok(ending)
            }
            Err(failure) => self.fail(&failure).await,
        }
    }

    /// Reports a failure before the head.
    async fn fail(&mut self, failure: &Failure) -> Result<Ending, RunError> {
        self.record.fail(failure);
        self.client.fail(&self.context, failure).await
    }
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
