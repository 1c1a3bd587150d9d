//! A web app with its options.

use super::http_service::HttpService;
use super::path::PathRules;
use super::service::Refuse;
use crate::runtime::Handler;

/// A web app with options; [`run`](super::run) is the one without.
///
/// It is a [`Handler`], so it goes wherever one does:
///
/// ```no_run
/// # use http::{Request, Response};
/// # use lambda_stream::web::RequestBody;
/// # async fn hello(_: Request<RequestBody>) -> Result<Response<String>, lambda_stream::Error> {
/// #     Ok(Response::default())
/// # }
/// # async fn f() -> Result<(), lambda_stream::RunError> {
/// use lambda_stream::Runtime;
/// use lambda_stream::web::App;
///
/// Runtime::new().run(App::new(hello).base_path("/v1")).await
/// # }
/// ```
///
/// # Paths
///
/// The app sees the same path behind each front door:
///
/// * Behind API Gateway it is **the path that the route matched**: where the event names its route
///   and the parameters, they decide. So the stage is left out (a request to
///   `…amazonaws.com/prod/users` has the path `/users`), and the base path of a custom domain as
///   well, and a path that happens to begin with a segment called like the stage is kept.
/// * Where an event names no route (the `$default` route of an HTTP API, events written by hand),
///   the **stage** is left out where that front door puts it. A REST API does not on its own host.
///   [`keep_stage`](Self::keep_stage) gives the path as the client asked for it.
/// * A **base path** that is still part of the path is left out if [`base_path`](Self::base_path)
///   names it.
/// * **Percent-encoding** is as the client sent it. HTTP APIs decode paths, so there the path is
///   encoded again, once; an encoded slash cannot be told from a slash any more, and API Gateway
///   itself cuts a path at an encoded question mark. What a URI cannot have, such as spaces and
///   letters outside ASCII, is percent-encoded everywhere.
///
/// # Other events
///
/// A function that serves a web app may receive events that are not HTTP requests: a warm-up, a
/// schedule, a queue's messages. They go to the handler of [`other_events`](Self::other_events).
/// Without one, such an invocation fails with `Function.InvalidEvent` and a text that says what the
/// event looks like. Only the notice that a streamed response is complete
/// (`{"invokeCompletionStatus": …}`, which users report from API Gateway) is accepted silently:
/// nobody waits for its answer.
#[derive(Debug, Clone)]
#[must_use = "an app does nothing until a runtime runs it"]
pub struct App<S, O = Refuse> {
    pub(super) service: S,
    pub(super) paths: PathRules,
    pub(super) is_buffered: bool,
    /// Handles the events that are not HTTP requests.
    pub(super) other: O,
}

impl<S> App<S> {
    /// Creates an app that streams, with the path rules above.
    pub fn new<M>(service: S) -> Self
    where
        S: HttpService<M>,
    {
        Self {
            service,
            paths: PathRules::default(),
            is_buffered: false,
            other: Refuse,
        }
    }
}

impl<S, O> App<S, O> {
    /// Leaves this prefix of the path out, such as `/v1` for a custom domain that maps `/v1` to
    /// this API.
    ///
    /// Whole segments are compared: `/v1` does not match `/v10`. A path without it is left as it
    /// is, and so is one from which API Gateway's route has removed it.
    pub fn base_path(mut self, prefix: impl AsRef<str>) -> Self {
        self.paths.set_base_path(prefix.as_ref());
        self
    }

    /// Gives the app the path as the client asked for it, with the stage of API Gateway.
    pub fn keep_stage(mut self) -> Self {
        self.paths.keeps_stage = true;
        self
    }

    /// Sends each response as one JSON document, when it is complete: for ALB, HTTP APIs, and
    /// integrations in `BUFFERED` mode, which do not read streams.
    ///
    /// * The document has the form that the event's front door reads. Cookies and repeated headers
    ///   go where it wants them; an ALB without multi-value headers has no place for a second
    ///   cookie, which is the failure `Function.InvalidHead`.
    /// * The body is a string if it is UTF-8 and its content type is one of text (`text/…`, JSON,
    ///   XML, JavaScript, forms, or none) and there is no content encoding; otherwise base64.
    /// * A document of more than 6,291,556 bytes (1 MB for ALB) is the failure
    ///   `Function.ResponseSizeTooLarge`, as soon as the body has grown too large.
    /// * An error of the body is a failed invocation: nothing was sent.
    pub fn buffered(mut self) -> Self {
        self.is_buffered = true;
        self
    }

    /// Hands events that are not HTTP requests to this handler: warm-ups, schedules, messages of
    /// SQS or SNS, completion notices.
    ///
    /// The handler is any [`Handler`]; it decodes the event into the type that it takes. An event
    /// of an HTTP front door that is damaged does not come here, but fails its invocation.
    ///
    /// ```no_run
    /// # use http::{Request, Response};
    /// # use lambda_stream::web::RequestBody;
    /// # async fn hello(_: Request<RequestBody>) -> Result<Response<String>, lambda_stream::Error> {
    /// #     Ok(Response::default())
    /// # }
    /// # async fn f() -> Result<(), lambda_stream::RunError> {
    /// use lambda_stream::web::App;
    /// use lambda_stream::{Error, LambdaEvent, Raw, Runtime};
    /// use serde_json::Value;
    /// use tokio_stream::Once;
    ///
    /// type Answer = Raw<Once<Result<&'static str, Error>>>;
    ///
    /// async fn other(event: LambdaEvent<Value>) -> Result<Answer, Error> {
    ///     println!("not a request: {}", event.payload);
    ///     Ok(Raw(tokio_stream::once(Ok("null"))))
    /// }
    ///
    /// Runtime::new().run(App::new(hello).other_events(other)).await
    /// # }
    /// ```
    pub fn other_events<H, N>(self, handler: H) -> App<S, H>
    where
        H: Handler<N>,
    {
        App {
            service: self.service,
            paths: self.paths,
            is_buffered: self.is_buffered,
            other: handler,
        }
    }
}
