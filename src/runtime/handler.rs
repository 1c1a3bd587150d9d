//! What may serve invocations: async closures and functions, and tower services.

use std::future::poll_fn;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::error::RunError;
use super::exchange::Exchange;
use crate::body::writer::{ResponseWriter, Written};
use crate::error::{Error, Failure, into_failure};
use crate::event::{LambdaEvent, decode};
use crate::response::IntoResponse;

/// What serves invocations: an async function, an async closure, or a tower service.
///
/// * `async fn(LambdaEvent<T>) -> Result<R, E>` or `async |event: LambdaEvent<T>| …`, where `T` implements
///   [`serde::Deserialize`] or is [`Bytes`], `R` is a [response](IntoResponse) and `E` is any error. A
///   closure may borrow and change its own state: one invocation is served at a time.
/// * `tower::Service<LambdaEvent<T>, Response = R, Error = E>`, so that `.layer(…)` works, and so does
///   `service_fn`.
///
/// Nothing has to be `Send`, `'static` or `Unpin`: handler and stream are polled on the caller's task.
///
/// The parameter `M` is there so that functions and services can both be accepted; it is always inferred.
/// This trait is not meant to be implemented elsewhere: implement `tower::Service`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot serve invocations",
    label = "not a handler",
    note = "a handler is `async fn(LambdaEvent<T>) -> Result<R, E>` (an async closure needs the type of its event written out), where `T: Deserialize`, `R: IntoResponse` and `E: Into<lambda_stream::Error>`, or a `tower::Service` of that shape"
)]
pub trait Handler<M> {
    /// Serves one invocation.
    #[doc(hidden)]
    fn serve(
        &mut self,
        event: LambdaEvent<Bytes>,
        exchange: Exchange<'_>,
    ) -> impl Future<Output = Result<(), RunError>>;
}

/// Marks handlers that are functions or closures.
#[derive(Debug)]
pub struct FromFn<T, R, E, M>(PhantomData<(T, R, E, M)>);

/// Marks handlers that are tower services.
#[derive(Debug)]
pub struct FromService<T, M>(PhantomData<(T, M)>);

impl<F, T, R, E, M> Handler<FromFn<T, R, E, M>> for F
where
    F: AsyncFnMut(LambdaEvent<T>) -> Result<R, E>,
    T: DeserializeOwned + 'static,
    R: IntoResponse<M>,
    E: Into<Error>,
{
    async fn serve(
        &mut self,
        event: LambdaEvent<Bytes>,
        exchange: Exchange<'_>,
    ) -> Result<(), RunError> {
        let call = async {
            let event = decoded(event)?;
            self(event).await.map_err(into_failure)
        };
        exchange.stream(call).await
    }
}

impl<S, T, M> Handler<FromService<T, M>> for S
where
    S: Service<LambdaEvent<T>>,
    S::Response: IntoResponse<M>,
    S::Error: Into<Error>,
    T: DeserializeOwned + 'static,
{
    async fn serve(
        &mut self,
        event: LambdaEvent<Bytes>,
        exchange: Exchange<'_>,
    ) -> Result<(), RunError> {
        let call = async {
            let event = decoded(event)?;
            poll_fn(|cx| self.poll_ready(cx))
                .await
                .map_err(into_failure)?;
            Service::call(self, event).await.map_err(into_failure)
        };
        exchange.stream(call).await
    }
}

/// A function that writes its response.
pub(crate) struct Writes<F>(pub(crate) F);

/// Marks handlers that write their response.
#[derive(Debug)]
pub struct FromWriter<T, E>(PhantomData<(T, E)>);

impl<F, T, E> Handler<FromWriter<T, E>> for Writes<F>
where
    F: AsyncFnMut(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
    T: DeserializeOwned + 'static,
    E: Into<Error>,
{
    async fn serve(
        &mut self,
        event: LambdaEvent<Bytes>,
        exchange: Exchange<'_>,
    ) -> Result<(), RunError> {
        let (written, writer) = Written::new();
        let call = async {
            let event = decoded(event)?;
            (self.0)(event, writer).await.map_err(into_failure)
        };
        exchange.write(written, call).await
    }
}

fn decoded<T: DeserializeOwned + 'static>(
    event: LambdaEvent<Bytes>,
) -> Result<LambdaEvent<T>, Failure> {
    let (payload, context) = event.into_parts();
    Ok(LambdaEvent::new(decode(payload)?, context))
}
