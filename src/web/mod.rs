//! Web apps: the same app behind a Function URL, API Gateway and a load balancer.
//!
//! [`run`] serves any tower service of the `http` crate's types, such as an axum `Router`, and any
//! async function from request to response. What a route streams is streamed; what it returns whole
//! arrives whole. Nothing is configured per route.
//!
//! ```no_run
//! # #[cfg(feature = "axum")] mod app {
//! use axum::{Router, routing::get};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), lambda_stream::RunError> {
//!     let app = Router::new().route("/", get(async || "hello"));
//!     lambda_stream::web::run(app).await
//! }
//! # }
//! ```
//!
//! # Front doors
//!
//! | Front door | Event | Streams | How to run |
//! |---|---|---|---|
//! | Function URL, `InvokeMode: RESPONSE_STREAM` | 2.0 | yes | [`run`] |
//! | API Gateway REST API, `responseTransferMode: STREAM` | 1.0 | yes | [`run`] |
//! | Function URL, `InvokeMode: BUFFERED` | 2.0 | no | [`run_buffered`] |
//! | API Gateway REST API without streaming | 1.0 | no | [`run_buffered`] |
//! | API Gateway HTTP API | 2.0 or 1.0 | no | [`run_buffered`] |
//! | Application Load Balancer | ALB, single or multi-value | no | [`run_buffered`] |
//!
//! An event does not tell whether its front door streams, so the program chooses: with
//! [`run_buffered`] or [`App::buffered`]. WebSocket APIs and VPC Lattice are not supported. Events
//! that are not HTTP requests go to [`App::other_events`].
//!
//! # The request
//!
//! | Part | From |
//! |---|---|
//! | method, headers, body | the event; the body is decoded if it is base64 |
//! | path | what the route of API Gateway matched, or the event's path without its stage; see [`App`] |
//! | query | 2.0 and ALB: as the client sent it. 1.0: API Gateway decodes it, so it is encoded again |
//! | cookies | the `cookie` header, also where the event lists them |
//! | `x-amzn-trace-id` | [`Context::trace_id`], which has parent and sampling in addition to the root; the header of the event where there is none |
//! | scheme and host of the URI | `x-forwarded-proto` and `host`, or the event's domain name |
//! | extensions | [`Original`], [`RequestContext`], [`Claims`] if there are any, and [`Context`] |
//!
//! With the cargo feature `axum` the last four are extractors, and `Streamed` makes a response of
//! axum from any [response](crate::IntoResponse) of this library, such as server-sent events or
//! rows.
//!
//! A request is made from the fields that it needs, and an event is parsed once. A field that is
//! missing, `null` or of an unexpected type fails a request only if the request cannot be made
//! without it; the failure names the field. The whole event, in the types of [`aws_lambda_events`],
//! is decoded on demand by [`Original::event`].
//!
//! Two things are lost before the function is called: format 1.0 and ALB list the parameters of a
//! query, where `?name` cannot be told from `?name=` (the app sees `?name=`), and header names that
//! HTTP does not allow are left out with a line in the log.
//!
//! # The response
//!
//! As everywhere in this library: the head leaves as soon as it is known, an error of the body
//! becomes trailers, the body's own trailers are dropped with a log line, and 204, 304 and empty
//! bodies end at once. The body of the answer to a HEAD request is dropped without being polled.
//!
//! **`content-length`** does not reach a client of a streamed response. Lambda's front doors set
//! the framing of a connection themselves, and AWS passes on a length that a function sets as
//! `x-amzn-remapped-content-length`. So a length that the app has set is sent under that name where
//! the client would otherwise not learn it: with streamed responses (a download that shows its
//! progress reads it there) and with answers to HEAD. A front door that buffers counts the bytes of
//! a body itself.
//!
//! **`content-encoding`** behind a streaming Function URL is unreliable: users report that gzip is
//! undone on the way and the header removed, and that CloudFront in front of it then fails now and
//! then. Do not compress there (no `CompressionLayer`); let CloudFront compress at the edge.
//! Nothing of the kind is known of API Gateway, which does not compress streams itself, or of
//! buffered responses.
//!
//! # Limits
//!
//! | What | Limit |
//! |---|---|
//! | a request, body included | the event's 6 MB, of which base64 takes a quarter |
//! | different header names of a request | 24,576, and what the front door allows |
//! | head of a streamed response | 16 KB |
//! | streamed response | 200 MB, see [`Runtime::response_limit`] |
//! | buffered response, as JSON | 6,291,556 bytes; 1 MB behind a load balancer |
//!
//! # Failures
//!
//! | What happens | What the client gets | Reported type |
//! |---|---|---|
//! | the event is not an HTTP request, and there is no [handler](App::other_events) for it | – | `Function.InvalidEvent` |
//! | a field that the request needs is damaged | 502 or 500 of the front door | `Function.InvalidEvent` |
//! | the service returns an error, or panics | 502 or 500 of the front door | that error's, `Function.Panic` |
//! | the body fails before its first chunk | 502 or 500 of the front door | that error's |
//! | the body fails later | a response that is cut off | that error's |
//! | a header cannot be sent, or there are too many | 502 or 500 of the front door | `Function.InvalidHead` |
//! | a buffered response is too large | 502 or 500 of the front door | `Function.ResponseSizeTooLarge` |
//!
//! To answer errors with a status of your own, turn them into responses in the app, as axum does.
//!
//! [`Context`]: crate::Context
//! [`Context::trace_id`]: crate::Context::trace_id
//! [`Runtime::response_limit`]: crate::Runtime::response_limit

mod app;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "axum")]
mod axum_response;
mod body;
mod buffered;
mod claims;
mod event;
mod headers;
mod http_service;
mod origin;
mod path;
mod payload;
mod query;
mod request;
mod response;
mod service;

pub use self::app::App;
#[cfg(feature = "axum")]
pub use self::axum_response::Streamed;
pub use self::body::RequestBody;
pub use self::claims::Claims;
pub use self::event::FrontDoor;
pub use self::http_service::HttpService;
pub use self::origin::{Event, Original, RequestContext};
pub use self::request::request;
pub use self::service::Refuse;
pub use aws_lambda_events;

use crate::runtime::{RunError, Runtime};

/// Serves a web app behind front doors that stream; see the [module](self).
///
/// The same as `Runtime::new().run(App::new(service))`.
///
/// # Errors
///
/// With panics and cancel safety, as [`lambda_stream::run`](crate::run).
///
/// ```no_run
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use lambda_stream::{Error, web::RequestBody};
///
/// async fn hello(request: Request<RequestBody>) -> Result<Response<Full<&'static [u8]>>, Error> {
///     Ok(Response::new(Full::new(b"hello")))
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), lambda_stream::RunError> {
///     lambda_stream::web::run(hello).await
/// }
/// ```
pub async fn run<S, M>(service: S) -> Result<(), RunError>
where
    S: HttpService<M>,
{
    Runtime::new().run(App::new(service)).await
}

/// Serves a web app behind front doors that do not stream: ALB, HTTP API, and `BUFFERED` mode.
///
/// The same as `Runtime::new().run(App::new(service).buffered())`; see [`App::buffered`].
///
/// # Errors
///
/// With panics and cancel safety, as [`lambda_stream::run`](crate::run).
pub async fn run_buffered<S, M>(service: S) -> Result<(), RunError>
where
    S: HttpService<M>,
{
    Runtime::new().run(App::new(service).buffered()).await
}
