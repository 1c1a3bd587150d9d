//! What serves invocations: async closures and functions, and tower services.

use std::future::{Ready, poll_fn, ready};
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use tower_service::Service;

use crate::body::writer::{self, ResponseWriter, Rest};
use crate::error::{Error, Failure, into_failure};
use crate::event::{LambdaEvent, decode};
use crate::response::{IntoResponse, Response};

/// What serves invocations: an async function, an async closure, or a tower service.
///
/// * `async fn(LambdaEvent<T>) -> Result<R, E>` or `async |event: LambdaEvent<T>| …`, where `T`
///   implements [`serde::Deserialize`] or is [`Bytes`], `R` is a [response](IntoResponse) and `E`
///   is any error. A closure may borrow what it uses.
/// * `tower::Service<LambdaEvent<T>, Response = R, Error = E>` that is `Clone`, so that `.layer(…)`
///   works, and so does `service_fn`.
/// * [`Sequential`](crate::Sequential), around a closure that changes its own state or a service
///   that is not `Clone`.
///
/// Nothing has to be `Send`, `'static` or `Unpin`: handler and stream are polled on the caller's
/// task.
///
/// # Many invocations at once
///
/// Where the service asks for it, [many invocations](crate::Runtime::max_concurrency) are served at
/// once. Functions and closures are called again while earlier calls are running (they are
/// [`AsyncFn`]), and of a service each worker has a clone. State that they share and change stands
/// in a [`Cell`](std::cell::Cell), a [`RefCell`](std::cell::RefCell) or a lock.
///
/// The parameter `M` tells functions and services apart, and is always inferred. This trait is not
/// meant to be implemented outside of this crate: implement `tower::Service`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot serve invocations",
    label = "not a handler",
    note = "a handler is `async fn(LambdaEvent<T>) -> Result<R, E>` (an async closure needs the type of its event written out), where `T: Deserialize`, `R: IntoResponse` and `E: Into<lambda_stream::Error>`, or a `tower::Service` of that shape",
    note = "a closure that changes what it has captured, or a service that is not `Clone`, serves one invocation at a time: `lambda_stream::Sequential(handler)`",
    note = "a web app, such as an axum `Router`, is served by `lambda_stream::web::run`"
)]
pub trait Handler<M>: Sized {
    /// What serves one invocation at a time. It has a name, because with an opaque type the future
    /// of `run` would not be `Send`; it owns the handler for the same reason.
    #[doc(hidden)]
    type Worker: HandlerMut<M>;

    /// Returns this many workers, or an error if there cannot be so many.
    #[doc(hidden)]
    fn into_workers(self, count: usize) -> Result<Vec<Self::Worker>, NotShared>;
}

/// What serves one invocation at a time: what
/// [`Sequential`](crate::Sequential) takes.
///
/// Every [`Handler`] that is a function, closure or service is one, and so are closures that change
/// their own state ([`AsyncFnMut`]) and services that are not `Clone`. This trait is not meant to
/// be implemented outside of this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot serve invocations",
    label = "not a handler",
    note = "a handler is `async fn(LambdaEvent<T>) -> Result<R, E>` (an async closure needs the type of its event written out), where `T: Deserialize`, `R: IntoResponse` and `E: Into<lambda_stream::Error>`, or a `tower::Service` of that shape"
)]
pub trait HandlerMut<M> {
    /// What invokes the handler, in OpenTelemetry's words for `faas.trigger`; `None` if unknown.
    #[doc(hidden)]
    const TRIGGER: Option<&'static str> = None;

    /// Serves one invocation.
    #[doc(hidden)]
    #[allow(clippy::type_complexity, reason = "the bounds are the type")]
    fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> impl Future<
        Output = Result<
            Reply<
                impl Stream<Item = Result<Bytes, Failure>>,
                impl Future<Output = Result<(), Failure>>,
            >,
            Failure,
        >,
    >;
}

/// A function that several workers call.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shared<F>(pub(crate) Arc<F>);

impl<F> Shared<F> {
    pub(crate) fn new(function: F) -> Self {
        Self(Arc::new(function))
    }
}

impl<F> Clone for Shared<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The handler cannot serve several invocations at once.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotShared;

/// What a handler returned: a response, and what is left to do after it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Reply<S, A> {
    pub(crate) response: Response<S>,
    /// Awaited once the response is over; its failure is logged.
    pub(crate) after: A,
}

impl<S> Reply<S, Ready<Result<(), Failure>>> {
    /// A response after which nothing is left to do.
    pub(crate) fn new(response: Response<S>) -> Self {
        Self {
            response,
            after: ready(Ok(())),
        }
    }
}

/// Markers that tell overlapping implementations apart; they are always inferred.
pub(crate) mod private {
    use std::marker::PhantomData;

    /// Marks handlers that are functions or closures.
    #[derive(Debug)]
    pub struct FromFn<T, R, E, M>(PhantomData<(T, R, E, M)>);

    /// Marks handlers that are tower services.
    #[derive(Debug)]
    pub struct FromService<T, M>(PhantomData<(T, M)>);

    /// Marks handlers that write their response.
    #[derive(Debug)]
    pub(crate) struct FromWriter<T, E>(PhantomData<(T, E)>);
}

use self::private::{FromFn, FromService, FromWriter};

impl<F, T, R, E, M> HandlerMut<FromFn<T, R, E, M>> for F
where
    F: AsyncFnMut(LambdaEvent<T>) -> Result<R, E>,
    T: DeserializeOwned + 'static,
    R: IntoResponse<M>,
    E: Into<Error>,
{
    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let response = self(decoded(event)?).await.map_err(into_failure)?;
        Ok(Reply::new(response.into_response()))
    }
}

impl<S, T, M> HandlerMut<FromService<T, M>> for S
where
    S: Service<LambdaEvent<T>>,
    S::Response: IntoResponse<M>,
    S::Error: Into<Error>,
    T: DeserializeOwned + 'static,
{
    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let event = decoded(event)?;
        poll_fn(|cx| self.poll_ready(cx))
            .await
            .map_err(into_failure)?;
        let response = Service::call(self, event).await.map_err(into_failure)?;
        Ok(Reply::new(response.into_response()))
    }
}

impl<F, T, R, E, M> Handler<FromFn<T, R, E, M>> for F
where
    F: AsyncFn(LambdaEvent<T>) -> Result<R, E>,
    T: DeserializeOwned + 'static,
    R: IntoResponse<M>,
    E: Into<Error>,
{
    type Worker = Shared<F>;

    fn into_workers(self, count: usize) -> Result<Vec<Shared<F>>, NotShared> {
        Ok(vec![Shared::new(self); count])
    }
}

impl<S, T, M> Handler<FromService<T, M>> for S
where
    S: Service<LambdaEvent<T>> + Clone,
    S::Response: IntoResponse<M>,
    S::Error: Into<Error>,
    T: DeserializeOwned + 'static,
{
    type Worker = S;

    fn into_workers(self, count: usize) -> Result<Vec<S>, NotShared> {
        Ok(vec![self; count])
    }
}

impl<F, T, E> Handler<FromWriter<T, E>> for Writing<F>
where
    F: AsyncFn(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
    T: DeserializeOwned + 'static,
    E: Into<Error>,
{
    type Worker = Writing<Shared<F>>;

    fn into_workers(self, count: usize) -> Result<Vec<Writing<Shared<F>>>, NotShared> {
        Ok(vec![Writing(Shared::new(self.0)); count])
    }
}

impl<F, T, R, E, M> HandlerMut<FromFn<T, R, E, M>> for Shared<F>
where
    F: AsyncFn(LambdaEvent<T>) -> Result<R, E>,
    T: DeserializeOwned + 'static,
    R: IntoResponse<M>,
    E: Into<Error>,
{
    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let response = (self.0)(decoded(event)?).await.map_err(into_failure)?;
        Ok(Reply::new(response.into_response()))
    }
}

/// A function that writes its response.
#[derive(Debug, Clone)]
pub(crate) struct Writing<F>(pub(crate) F);

impl<F, T, E> HandlerMut<FromWriter<T, E>> for Writing<Shared<F>>
where
    F: AsyncFn(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
    T: DeserializeOwned + 'static,
    E: Into<Error>,
{
    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let event = decoded(event)?;
        let write = |writer| async move { (self.0.0)(event, writer).await.map_err(into_failure) };
        let (response, rest) = writer::respond(write).await?;
        Ok(Reply {
            response,
            after: Rest::run(rest),
        })
    }
}

fn decoded<T: DeserializeOwned + 'static>(
    event: LambdaEvent<Bytes>,
) -> Result<LambdaEvent<T>, Failure> {
    let (payload, context) = event.into_parts();
    Ok(LambdaEvent::new(decode(payload)?, context))
}
