//! Web apps: the same app behind a Function URL, API Gateway and a load balancer.
//!
//! [`run`] serves any tower service of the `http` crate's types, such as an axum `Router`, and any async
//! function from request to response. What a route streams is streamed; what it returns whole arrives
//! whole. Nothing is configured per route.
//!
//! ```no_run
//! # #[cfg(feature = "axum")] mod app {
//! use axum::{Router, routing::get};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), lambda_stream::Error> {
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
//! The event does not tell whether its front door streams, so that is chosen: by [`run_buffered`], or by
//! [`App::buffered`].
//!
//! # The request
//!
//! | Part | From |
//! |---|---|
//! | method, headers, body | the event; the body is decoded if it is base64 |
//! | path | the event, without stage; see [`App`] for what can be set |
//! | query | 2.0 and ALB: as the client sent it. 1.0: API Gateway decodes it, so it is encoded again |
//! | cookies | the `cookie` header, also where the event lists them |
//! | scheme and host of the URI | `x-forwarded-proto` and `host`, or the event's domain name |
//! | extensions | [`Original`], [`RequestContext`], [`Claims`] if there are any, and [`Context`](crate::Context) |
//!
//! With the cargo feature `axum` these four are extractors.
//!
//! # The response
//!
//! As everywhere in this library: the head leaves as soon as it is known, an error of the body becomes
//! trailers, the body's own trailers are dropped with a log line, and 204, 304 and empty bodies end at
//! once. The body of the answer to a HEAD request is dropped without being polled.

mod app;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod buffered;
mod claims;
mod event;
mod headers;
mod http_service;
mod origin;
mod path;
mod query;
mod request;
mod response;
mod service;

pub use self::app::App;
pub use self::body::RequestBody;
pub use self::claims::Claims;
pub use self::event::FrontDoor;
pub use self::http_service::HttpService;
pub use self::origin::{Event, Original, RequestContext};
pub use self::request::request;
pub use self::service::Refuse;
pub use aws_lambda_events;

use crate::error::Error;
use crate::runtime::Runtime;

/// Serves a web app behind front doors that stream; see the [module](self).
///
/// The same as `Runtime::new().run(App::new(service))`.
///
/// # Errors, panics, cancel safety
///
/// As [`lambda_stream::run`](crate::run).
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
/// async fn main() -> Result<(), Error> {
///     lambda_stream::web::run(hello).await
/// }
/// ```
pub async fn run<S, M>(service: S) -> Result<(), Error>
where
    S: HttpService<M>,
{
    Runtime::new().run(App::new(service)).await
}

/// Serves a web app behind front doors that do not stream: ALB, HTTP API, and `BUFFERED` mode.
///
/// The same as `Runtime::new().run(App::new(service).buffered())`; see [`App::buffered`].
///
/// # Errors, panics, cancel safety
///
/// As [`lambda_stream::run`](crate::run).
pub async fn run_buffered<S, M>(service: S) -> Result<(), Error>
where
    S: HttpService<M>,
{
    Runtime::new().run(App::new(service).buffered()).await
}
