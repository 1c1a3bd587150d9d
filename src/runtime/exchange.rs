//! One invocation's life: handler, first poll, response.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures_core::Stream;

use super::client::Client;
use super::deadline::Timer;
use super::error::RunError;
#[cfg(feature = "testing")]
use super::recorder::{Recorded, Recorder};
use crate::body::writer::Written;
use crate::error::{DeadlineExceeded, Failure, contain, contain_async};
use crate::event::Context;
use crate::response::{Frames, IntoResponse, Response, SizeLimit};

/// The runtime's side of one invocation; a handler uses it up by answering.
///
/// `Ok` means that the next invocation can be asked for, whatever became of this one.
pub struct Exchange<'a> {
    pub(super) client: &'a mut Client,
    pub(super) context: &'a Context,
    pub(super) timer: Pin<&'a mut Timer>,
    pub(super) limit: SizeLimit,
    /// Notes each chunk on its way, where a handler is measured.
    #[cfg(feature = "testing")]
    pub(crate) recorder: Option<&'a Recorder>,
}

impl<'a> Exchange<'a> {
    /// Calls the handler, and streams the response that it returns.
    pub(crate) async fn stream<F, R, M>(mut self, call: F) -> Result<(), RunError>
    where
        F: Future<Output = Result<R, Failure>>,
        R: IntoResponse<M>,
    {
        match self.call(call).await {
            Ok(response) => {
                let response = self.recorded(response.into_response());
                self.send(pin!(Frames::from_response(response))).await
            }
            Err(failure) => self.client.fail(self.context, &failure).await,
        }
    }

    /// Calls the handler, and sends the JSON document that it returns, whole.
    #[cfg(feature = "web")]
    pub(crate) async fn document<F>(mut self, call: F) -> Result<(), RunError>
    where
        F: Future<Output = Result<Bytes, Failure>>,
    {
        let limited = self.call(call).await.and_then(|document| {
            self.limit.take(&document)?;
            Ok(document)
        });
        match limited {
            Ok(document) => {
                #[cfg(feature = "testing")]
                if let Some(recorder) = self.recorder {
                    recorder.given(&document);
                }
                self.client.respond_whole(self.context, document).await
            }
            Err(failure) => self.client.fail(self.context, &failure).await,
        }
    }

    /// Calls a handler that writes its response, and streams what it writes.
    pub(super) async fn write<F>(mut self, mut written: Written, call: F) -> Result<(), RunError>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        // A limit is kept chunk by chunk.
        if self.limit.is_none() {
            written.share();
        }
        let mut call = pin!(Some(call));
        let head = poll_fn(|cx| {
            let head = written.poll_head(call.as_mut(), cx);
            if head.is_pending() && self.timer.as_mut().is_past(cx) {
                return Poll::Ready(Err(DeadlineExceeded::new().into()));
            }
            head
        })
        .await;
        let form = match head {
            Ok(form) => form,
            Err(failure) => {
                let _ = contain(|| call.set(None));
                return self.client.fail(self.context, &failure).await;
            }
        };
        let body = written.body(call.as_mut());
        let response = self.recorded(Response::new(form, body));
        self.send(pin!(Frames::from_response(response))).await?;
        // What the handler does after the end of the response. If the response failed, the handler is gone.
        if let Some(rest) = call.as_mut().as_pin_mut() {
            if let Err(failure) = contain_async(rest).await.and_then(|result| result) {
                self.client
                    .report
                    .failed(self.context.request_id(), &failure);
            }
        }
        let _ = contain(|| call.set(None));
        Ok(())
    }

    /// The same response, each of whose chunks is noted if this handler is measured.
    #[cfg(feature = "testing")]
    fn recorded<S>(&self, response: Response<S>) -> Response<Recorded<'a, S>> {
        response.map(|payload| Recorded::new(payload, self.recorder))
    }

    #[cfg(not(feature = "testing"))]
    fn recorded<S>(&self, response: Response<S>) -> Response<S> {
        response
    }

    /// Sends a response, unless its first poll fails.
    async fn send<S>(&mut self, mut frames: Pin<&mut Frames<S>>) -> Result<(), RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        frames.as_mut().limit(self.limit);
        let content_type = frames.content_type();
        if let Err(failure) = poll_fn(|cx| Poll::Ready(frames.as_mut().start(cx))).await {
            return self.client.fail(self.context, &failure).await;
        }
        let timer = self.timer.as_mut();
        self.client
            .respond(self.context, content_type, frames, timer)
            .await
    }

    /// Awaits a call of the handler; its error, its panic and its deadline are the same kind of failure.
    async fn call<T>(
        &mut self,
        call: impl Future<Output = Result<T, Failure>>,
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
            if self.timer.as_mut().is_past(cx) {
                return Poll::Ready(Err(DeadlineExceeded::new().into()));
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
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
