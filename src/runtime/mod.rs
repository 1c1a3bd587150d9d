//! The runtime: asks for invocations, calls the handler, and sends its response.

mod after_response;
mod answer;
mod check;
mod client;
mod concurrency;
mod connection;
mod dispatcher;
mod endpoint;
mod error;
mod handler;
#[cfg(feature = "testing")]
mod in_memory;
mod invocation;
mod join;
mod options;
mod outbox;
mod sequential;
mod snap_start;
mod socket;
mod telemetry;
mod threads;
mod timer;
mod workers;

use serde::de::DeserializeOwned;

pub use self::check::check_handler;
pub use self::error::RunError;
#[cfg(feature = "web")]
pub(crate) use self::handler::Shared;
#[cfg(feature = "testing")]
pub(crate) use self::handler::Writing;
pub use self::handler::{Handler, HandlerMut};
#[cfg(any(feature = "testing", feature = "web"))]
pub(crate) use self::handler::{NotShared, Reply};
#[cfg(feature = "testing")]
pub(crate) use self::in_memory::InMemory;
pub use self::options::Runtime;
pub use self::sequential::Sequential;
#[cfg(feature = "logging")]
pub(crate) use self::telemetry::TARGET;
use crate::body::writer::ResponseWriter;
use crate::error::Error;
use crate::event::LambdaEvent;

/// Serves invocations with this handler, for as long as the service wants.
///
/// On AWS the Runtime API is where `AWS_LAMBDA_RUNTIME_API` says. Where that variable is not set, a
/// local Lambda is started in this process (cargo feature `local`, on by default), and it prints a
/// `curl` line to try. See [`Runtime`] for options, and [`Handler`] for what a handler can be.
///
/// # Outcomes
///
/// | What happens | What the service gets |
/// |---|---|
/// | the handler fails or panics, or the event cannot be decoded | `POST …/error` |
/// | the first poll of the stream fails or panics, or the head cannot be sent | `POST …/error`; nothing else was sent |
/// | the stream fails or panics later | trailers after the last good chunk |
/// | the deadline comes close | the same, with the type `Function.DeadlineExceeded` |
/// | the response becomes larger than its [limit](Runtime::response_limit) | the same, with the type `Function.ResponseSizeTooLarge` |
/// | the Runtime API refuses the response, or the connection is lost | the stream is dropped at once, and the next invocation is served |
/// | the stream is empty, or the status has no body | the head, and the end |
///
/// A stream is not polled again after its end, its error or its panic.
///
/// # Errors
///
/// It returns when it cannot go on; see [`RunError`]. Return that from `main`, so that the process
/// exits with a status other than zero and the service starts a new sandbox.
///
/// # Panics
///
/// When it is not polled inside a tokio runtime with I/O and time enabled. A panic of the handler
/// or a stream is contained and reported.
///
/// # Cancel safety
///
/// Dropping the future drops handler and stream at once and closes the connection; an invocation
/// that was being served is then a failed one for the service.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use futures_core::Stream;
/// use lambda_stream::{Error, Head, LambdaEvent, RunError};
/// use serde_json::Value;
/// use tokio_stream::StreamExt;
///
/// async fn handler(
///     event: LambdaEvent<Value>,
/// ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
///     let numbers = tokio_stream::iter(1..=3)
///         .map(|n| Ok(Bytes::from(format!("Number: {n}\n"))))
///         .throttle(Duration::from_secs(1));
///     Ok((Head::new(418).header("content-type", "text/plain"), numbers))
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), RunError> {
///     lambda_stream::run(handler).await
/// }
/// ```
pub async fn run<H, M>(handler: H) -> Result<(), RunError>
where
    H: Handler<M>,
{
    Runtime::new().run(handler).await
}

/// Serves invocations with a handler that writes its response instead of returning it.
///
/// The function is called again while earlier calls are running, where
/// [many invocations](Runtime::max_concurrency) are served at once: state that it changes stands in
/// a [`Cell`](std::cell::Cell), a [`RefCell`](std::cell::RefCell) or a lock.
///
/// See [`writer`](crate::body::writer) for what it can do and for an example, and [`run`] for
/// everything else.
///
/// # Errors
///
/// As [`run`].
pub async fn run_with_writer<F, T, E>(handler: F) -> Result<(), RunError>
where
    F: AsyncFn(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
    T: DeserializeOwned + 'static,
    E: Into<Error>,
{
    Runtime::new().run_with_writer(handler).await
}
