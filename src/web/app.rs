//! A web app as a handler.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{Method, Request};
use pin_project_lite::pin_project;

use super::body::RequestBody;
use super::buffered;
use super::event::Decoded;
use super::path::PathRules;
use super::request::from_decoded;
use super::response::Answer;
use super::service::HttpService;
use crate::error::Failure;
use crate::event::LambdaEvent;
use crate::response::{Document, IntoResponse, Response};
use crate::runtime::{Handler, Reply};

/// A web app with options; [`run`](super::run) is the one without.
///
/// It is a [`Handler`], so it goes wherever one does:
///
/// ```no_run
/// # async fn hello(_: http::Request<lambda_stream::web::RequestBody>) -> Result<http::Response<String>, lambda_stream::Error> { Ok(http::Response::default()) }
/// # async fn f() -> Result<(), lambda_stream::RunError> {
/// use lambda_stream::Runtime;
/// use lambda_stream::web::App;
///
/// Runtime::new()
///     .run_with_setup(async || Ok::<_, lambda_stream::Error>(App::new(hello).base_path("/v1")))
///     .await
/// # }
/// ```
///
/// # Paths
///
/// The app sees the same path behind each front door:
///
/// * The **stage** of API Gateway is left out. A request to `…amazonaws.com/prod/users` has the path
///   `/users`, whether it is a REST API (which leaves the stage out itself) or an HTTP API (which does not).
///   [`keep_stage`](Self::keep_stage) gives the path as the client asked for it.
/// * The **base path** of a custom domain is part of the path, as API Gateway sends it, unless
///   [`base_path`](Self::base_path) names it: then it is left out where a path begins with it.
/// * Percent-encoding is kept as it came. What no URI can have, such as spaces and letters outside ASCII,
///   is percent-encoded.
#[derive(Debug, Clone)]
#[must_use = "an app does nothing until a runtime runs it"]
pub struct App<S> {
    service: S,
    paths: PathRules,
    is_buffered: bool,
}

impl<S> App<S> {
    /// An app that streams, with the path rules above.
    pub fn new<M>(service: S) -> Self
    where
        S: HttpService<M>,
    {
        Self {
            service,
            paths: PathRules::default(),
            is_buffered: false,
        }
    }

    /// Leaves this prefix of the path out, such as `/v1` for a custom domain that maps `/v1` to this API.
    ///
    /// Whole segments are compared: `/v1` does not match `/v10`. A path without it is left as it is. The
    /// stage goes first, then this.
    pub fn base_path(mut self, prefix: impl AsRef<str>) -> Self {
        self.paths.set_base_path(prefix.as_ref());
        self
    }

    /// Gives the app the path as the client asked for it, with the stage of API Gateway.
    pub fn keep_stage(mut self) -> Self {
        self.paths.keeps_stage = true;
        self
    }

    /// Sends each response as one JSON document, when it is complete: for ALB, HTTP APIs, and integrations
    /// in `BUFFERED` mode, which do not read streams.
    ///
    /// * The document has the form that the event's front door reads. Cookies and repeated headers go where
    ///   it wants them; an ALB without multi-value headers has no place for a second cookie, which is the
    ///   failure `Function.InvalidHead`.
    /// * The body is a string if it is UTF-8 and its content type is one of text (`text/…`, JSON, XML,
    ///   JavaScript, forms, or none) and there is no content encoding; otherwise base64.
    /// * A document of more than 6 MB (1 MB for ALB) is the failure `Function.ResponseSizeTooLarge`, as soon
    ///   as the body has grown too large.
    /// * An error of the body is a failed invocation: nothing was sent.
    pub fn buffered(mut self) -> Self {
        self.is_buffered = true;
        self
    }
}

impl<S, M> Handler<(M,)> for App<S>
where
    S: HttpService<M>,
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
        let (event, context) = event.into_parts();
        let decoded = Decoded::from_json(&event)?;
        let form = self.is_buffered.then(|| buffered::Form::of(&decoded.event));
        let request = from_decoded(decoded, context, &self.paths)?;
        let answer = ask(&mut self.service, request).await?;
        Ok(Reply::new(match form {
            None => answer.into_response().map(AppPayload::streamed),
            Some(form) => {
                let document = buffered::document(answer.response, form, answer.is_head).await;
                Response::document(document).map(AppPayload::buffered)
            }
        }))
    }
}

pin_project! {
    /// The payload of an app: a stream, or one document.
    #[project = AppPayloadProjection]
    enum AppPayload<S> {
        Streamed { #[pin] stream: S },
        Buffered { document: Document },
    }
}

impl<S> AppPayload<S> {
    fn streamed(stream: S) -> Self {
        Self::Streamed { stream }
    }

    fn buffered(document: Document) -> Self {
        Self::Buffered { document }
    }
}

impl<S> Stream for AppPayload<S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.project() {
            AppPayloadProjection::Streamed { stream } => stream.poll_next(cx),
            AppPayloadProjection::Buffered { document } => Pin::new(document).poll_next(cx),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Streamed { stream } => stream.size_hint(),
            Self::Buffered { document } => document.size_hint(),
        }
    }
}

async fn ask<S, M>(
    service: &mut S,
    request: Request<RequestBody>,
) -> Result<Answer<S::Body>, Failure>
where
    S: HttpService<M>,
{
    let is_head = *request.method() == Method::HEAD;
    let response = service.answer(request).await?;
    Ok(Answer { response, is_head })
}
