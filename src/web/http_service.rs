//! What may answer HTTP requests: tower services and async functions.

use std::future::poll_fn;

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::RequestBody;
use crate::error::{Error, Failure, into_failure};
use crate::runtime::Shared;

/// What answers HTTP requests: a tower service, or an async function or closure.
///
/// * `tower::Service<http::Request<RequestBody>, Response = http::Response<B>>` that is `Clone`: an
///   axum `Router`, with any layers of `tower-http`, or `service_fn`. Each worker has one clone
///   (one in all, unless [many invocations](crate::Runtime::max_concurrency) are served at once),
///   and `poll_ready` is awaited before each request.
/// * `async fn(http::Request<RequestBody>) -> Result<http::Response<B>, E>`.
///
/// `B` is any [`http_body::Body`], and the errors are any error. Nothing has to be `Send` or
/// `'static`.
///
/// The parameter `M` tells functions from services and is always inferred. This trait is not meant
/// to be implemented elsewhere: implement `tower::Service`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer HTTP requests",
    label = "not a tower service of `http` types, nor a function from request to response",
    note = "an axum `Router<S>` that still needs its state becomes a service with `.with_state(state)`",
    note = "a function is `async fn(http::Request<lambda_stream::web::RequestBody>) -> Result<http::Response<B>, E>`, where `B: http_body::Body` and `E: Into<lambda_stream::Error>`",
    note = "a service is `tower::Service<http::Request<lambda_stream::web::RequestBody>, Response = http::Response<B>>`",
    note = "a function that takes a `LambdaEvent` runs with `lambda_stream::run`"
)]
pub trait HttpService<M>: Sized {
    /// The body of the responses.
    type Body: Body<Error: Into<Error>>;

    /// What answers one request at a time.
    #[doc(hidden)]
    type Worker: HttpWorker<M, Body = Self::Body>;

    /// Returns this many workers, each of which answers one request at a time.
    #[doc(hidden)]
    fn into_workers(self, count: usize) -> Vec<Self::Worker>;
}

/// What answers one request at a time.
#[doc(hidden)]
pub trait HttpWorker<M> {
    type Body: Body<Error: Into<Error>>;

    /// Answers one request.
    fn answer(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Failure>>;
}

/// Tell functions from services; always inferred.
mod private {
    use std::marker::PhantomData;

    #[derive(Debug)]
    pub struct FromHttpFn<B, E>(PhantomData<(B, E)>);

    #[derive(Debug)]
    pub struct FromHttpService<B>(PhantomData<B>);
}

impl<F, B, E> HttpService<private::FromHttpFn<B, E>> for F
where
    F: AsyncFn(Request<RequestBody>) -> Result<Response<B>, E>,
    B: Body<Error: Into<Error>>,
    E: Into<Error>,
{
    type Body = B;

    type Worker = Shared<F>;

    fn into_workers(self, count: usize) -> Vec<Shared<F>> {
        vec![Shared::new(self); count]
    }
}

impl<S, B> HttpService<private::FromHttpService<B>> for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<Error>> + Clone,
    B: Body<Error: Into<Error>>,
{
    type Body = B;

    type Worker = S;

    fn into_workers(self, count: usize) -> Vec<S> {
        vec![self; count]
    }
}

impl<F, B, E> HttpWorker<private::FromHttpFn<B, E>> for Shared<F>
where
    F: AsyncFn(Request<RequestBody>) -> Result<Response<B>, E>,
    B: Body<Error: Into<Error>>,
    E: Into<Error>,
{
    type Body = B;

    async fn answer(&mut self, request: Request<RequestBody>) -> Result<Response<B>, Failure> {
        (self.0)(request).await.map_err(into_failure)
    }
}

impl<S, B> HttpWorker<private::FromHttpService<B>> for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<Error>>,
    B: Body<Error: Into<Error>>,
{
    type Body = B;

    async fn answer(&mut self, request: Request<RequestBody>) -> Result<Response<B>, Failure> {
        poll_fn(|cx| self.poll_ready(cx))
            .await
            .map_err(into_failure)?;
        self.call(request).await.map_err(into_failure)
    }
}
