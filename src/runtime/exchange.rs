//! One invocation's life: handler, first poll, response.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::time::Sleep;

use super::client::Client;
use super::deadline::is_past;
use super::error::RunError;
use crate::error::{Failure, contain};
use crate::event::Context;
use crate::response::{Frames, IntoResponse};

/// The runtime's side of one invocation; a handler uses it up by answering.
///
/// `Ok` means that the next invocation can be asked for, whatever became of this one.
pub struct Exchange<'a> {
    pub(super) client: &'a mut Client,
    pub(super) context: &'a Context,
    pub(super) deadline: Pin<&'a mut Option<Sleep>>,
}

impl Exchange<'_> {
    /// Calls the handler, and streams the response that it returns.
    pub(super) async fn stream<F, R, M>(mut self, call: F) -> Result<(), RunError>
    where
        F: Future<Output = Result<R, Failure>>,
        R: IntoResponse<M>,
    {
        match self.call(call).await {
            Ok(response) => self.send(pin!(Frames::new(response))).await,
            Err(failure) => self.client.fail(self.context, &failure).await,
        }
    }

    /// Sends a response, unless its first poll fails.
    async fn send<S>(self, mut frames: Pin<&mut Frames<S>>) -> Result<(), RunError>
    where
        S: futures_core::Stream<Item = Result<bytes::Bytes, Failure>>,
    {
        let content_type = frames.content_type();
        if let Err(failure) = poll_fn(|cx| Poll::Ready(frames.as_mut().start(cx))).await {
            return self.client.fail(self.context, &failure).await;
        }
        self.client
            .respond(self.context, content_type, frames, self.deadline)
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
            if is_past(self.deadline.as_mut(), cx) {
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
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
