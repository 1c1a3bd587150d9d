//! The runtime: asks for invocations, calls the handler, and sends its response.

mod answer;
mod client;
mod config;
mod connection;
mod deadline;
mod error;
mod exchange;
mod handler;
mod http1;
mod pump;
#[cfg(feature = "testing")]
mod recorder;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use self::client::Client;
use self::config::Endpoint;
use self::deadline::Timer;
pub use self::error::RunError;
pub(crate) use self::exchange::Exchange;
#[cfg(not(feature = "testing"))]
use self::handler::Writes;
#[cfg(feature = "testing")]
pub(crate) use self::handler::Writes;
pub use self::handler::{FromFn, FromService, FromWriter, Handler};
#[cfg(feature = "testing")]
pub(crate) use self::recorder::Recorder;
use crate::body::writer::ResponseWriter;
use crate::error::{Error, contain_async, into_failure};
use crate::event::{Context, Environment, LambdaEvent};
use crate::report::Report;
use crate::response::SizeLimit;

/// How long before its deadline a response is ended, unless it is set.
const DEADLINE_MARGIN: Duration = Duration::from_millis(50);

/// Serves invocations with this handler, for as long as the service wants.
///
/// On AWS the Runtime API is where `AWS_LAMBDA_RUNTIME_API` says. Where that variable is not set, a local
/// Lambda is started in this process (cargo feature `local`, on by default), and it prints a `curl` line
/// to try. See [`Runtime`] for options, and [`Handler`] for what a handler can be.
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
/// It returns when it cannot go on; see [`RunError`]. Return that from `main`, so that the process exits
/// with a status other than zero and the service starts a new sandbox.
///
/// # Panics
///
/// When it is not polled inside a tokio runtime with I/O and time enabled. A panic of the handler or a
/// stream is contained and reported.
///
/// # Cancel safety
///
/// Dropping the future drops handler and stream at once and closes the connection; an invocation that was
/// being served is then a failed one for the service.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use futures_core::Stream;
/// use lambda_stream::{Error, Head, LambdaEvent};
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
/// async fn main() -> Result<(), Error> {
///     lambda_stream::run(handler).await
/// }
/// ```
pub async fn run<H, M>(handler: H) -> Result<(), Error>
where
    H: Handler<M>,
{
    Runtime::new().run(handler).await
}

/// Serves invocations with a handler that writes its response instead of returning it.
///
/// See [`writer`](crate::body::writer) for what it can do and for an example, and [`run`] for everything else.
///
/// # Errors
///
/// As [`run`].
pub async fn run_with_writer<F, T, E>(handler: F) -> Result<(), Error>
where
    F: AsyncFnMut(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
    T: DeserializeOwned + 'static,
    E: Into<Error>,
{
    Runtime::new().run_with_writer(handler).await
}

/// The runtime with options; [`run`] is the one without.
///
/// ```no_run
/// # async fn handler(_: lambda_stream::LambdaEvent<()>) -> Result<lambda_stream::Raw<tokio_stream::Empty<Result<bytes::Bytes, lambda_stream::Error>>>, lambda_stream::Error> { todo!() }
/// # async fn f() -> Result<(), lambda_stream::Error> {
/// use std::time::Duration;
///
/// lambda_stream::Runtime::new()
///     .deadline_margin(Duration::from_millis(200))
///     .run(handler)
///     .await
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a runtime does nothing until it is run"]
pub struct Runtime {
    runtime_api: Option<String>,
    #[cfg(feature = "local")]
    local_addr: Option<String>,
    deadline_margin: Option<Duration>,
    response_limit: SizeLimit,
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime {
    /// A runtime that finds everything in the environment.
    pub fn new() -> Self {
        Self {
            runtime_api: None,
            #[cfg(feature = "local")]
            local_addr: None,
            deadline_margin: Some(DEADLINE_MARGIN),
            response_limit: SizeLimit::NONE,
        }
    }

    /// Sets where the Runtime API is, as `host:port`, in place of `AWS_LAMBDA_RUNTIME_API`.
    pub fn runtime_api(mut self, address: impl Into<String>) -> Self {
        self.runtime_api = Some(address.into());
        self
    }

    /// Sets where the local Lambda listens, in place of `LAMBDA_STREAM_LOCAL_ADDR` and `127.0.0.1:7000`.
    ///
    /// Port 0 takes any free port. Without effect on AWS.
    #[cfg(feature = "local")]
    pub fn local_addr(mut self, address: impl Into<String>) -> Self {
        self.local_addr = Some(address.into());
        self
    }

    /// Sets how long before its deadline an invocation is ended, with a failure of the type
    /// `Function.DeadlineExceeded`; 50 ms if it is not set, and never earlier than halfway to the deadline.
    ///
    /// The service kills the sandbox at the deadline: the client sees a cut response, the error is a
    /// `Sandbox.Timeout`, and the next invocation is a cold start. Ending a little earlier tells the
    /// client and keeps the sandbox. A deadline that had passed before the invocation arrived is ignored,
    /// because some local tools send a constant.
    ///
    /// For a stream that has something to say at its end, see
    /// [`ChunkStreamExt::until_deadline`](crate::body::ChunkStreamExt::until_deadline).
    pub fn deadline_margin(mut self, margin: Duration) -> Self {
        self.deadline_margin = Some(margin);
        self
    }

    /// Lets the service kill the sandbox at the deadline, instead of ending the invocation before.
    pub fn without_deadline(mut self) -> Self {
        self.deadline_margin = None;
        self
    }

    /// Ends a response with the failure `Function.ResponseSizeTooLarge` before its payload becomes larger
    /// than this many bytes; there is no limit if it is not set.
    ///
    /// The service cuts a response at its own limit: the client sees a broken transfer that may end inside
    /// of a row. With a limit on this side the response ends after its last whole chunk, and trailers say
    /// why. Nothing of the chunk that would have passed the limit is sent; if that is the first one,
    /// nothing at all is sent, and the invocation fails as a whole. The head is not counted.
    ///
    /// It is off by default, because what the service allows is a soft limit: AWS raises it account by
    /// account, and the library cannot know. [`RESPONSE_LIMIT`](crate::RESPONSE_LIMIT) is the limit of an
    /// account that has asked for nothing. To limit one response only, or to match on the error, see
    /// [`ChunkStreamExt::limit`](crate::body::ChunkStreamExt::limit).
    ///
    /// ```no_run
    /// # async fn handler(_: lambda_stream::LambdaEvent<()>) -> Result<lambda_stream::Raw<tokio_stream::Empty<Result<bytes::Bytes, lambda_stream::Error>>>, lambda_stream::Error> { todo!() }
    /// # async fn f() -> Result<(), lambda_stream::Error> {
    /// use lambda_stream::{RESPONSE_LIMIT, Runtime};
    ///
    /// Runtime::new().response_limit(RESPONSE_LIMIT).run(handler).await
    /// # }
    /// ```
    pub fn response_limit(mut self, bytes: u64) -> Self {
        self.response_limit = SizeLimit::new(bytes);
        self
    }

    /// Serves invocations with this handler; see [`run`].
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub async fn run<H, M>(self, handler: H) -> Result<(), Error>
    where
        H: Handler<M>,
    {
        self.run_with_setup(async || Ok::<_, Error>(handler)).await
    }

    /// Serves invocations with a handler that writes its response; see [`run_with_writer`].
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub async fn run_with_writer<F, T, E>(self, handler: F) -> Result<(), Error>
    where
        F: AsyncFnMut(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
        T: DeserializeOwned + 'static,
        E: Into<Error>,
    {
        self.run(Writes(handler)).await
    }

    /// Sets the program up, and serves invocations with the handler that the set-up returns.
    ///
    /// What fails here is reported with `POST …/init/error`, so that it stands in the logs as what it is
    /// and not as a process that exited.
    ///
    /// ```no_run
    /// use lambda_stream::{Error, LambdaEvent, Raw, Runtime};
    ///
    /// # async fn connect() -> Result<String, Error> { todo!() }
    /// # async fn f() -> Result<(), Error> {
    /// Runtime::new()
    ///     .run_with_setup(async || {
    ///         let greeting = connect().await?;
    ///         Ok::<_, Error>(async move |event: LambdaEvent<String>| {
    ///             let text = format!("{greeting}, {}", event.payload);
    ///             Ok::<_, Error>(Raw(tokio_stream::once(Ok::<_, Error>(text))))
    ///         })
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The [`Failure`] of the set-up, and otherwise as [`run`].
    pub async fn run_with_setup<S, H, M, E>(self, setup: S) -> Result<(), Error>
    where
        S: AsyncFnOnce() -> Result<H, E>,
        H: Handler<M>,
        E: Into<Error>,
    {
        let place = self.place()?;
        let environment = Arc::new(Environment::from_env());
        let mut client = Client::new(place.endpoint.clone(), place.report());
        let ready = contain_async(async { setup().await.map_err(into_failure) }).await;
        let mut handler = match ready.and_then(|ready| ready) {
            Ok(handler) => handler,
            Err(failure) => {
                client.fail_init(&failure).await?;
                return Err(failure.into());
            }
        };
        loop {
            let (headers, event) = client.next().await?;
            let context = Context::from_headers(headers, Arc::clone(&environment))
                .map_err(RunError::refused)?;
            let timer = pin!(Timer::new(&context, self.deadline_margin));
            let exchange = Exchange {
                client: &mut client,
                context: &context,
                timer,
                limit: self.response_limit,
                #[cfg(feature = "testing")]
                recorder: None,
            };
            let event = LambdaEvent::new(event, context.clone());
            handler.serve(event, exchange).await?;
        }
    }

    /// Where invocations come from.
    fn place(&self) -> Result<Place, RunError> {
        let endpoint = match &self.runtime_api {
            Some(address) => Some(Endpoint::parse(address)?),
            None => Endpoint::from_env()?,
        };
        match endpoint {
            Some(endpoint) => Ok(Place {
                endpoint,
                #[cfg(feature = "local")]
                local: None,
            }),
            None => self.local_place(),
        }
    }

    #[cfg(feature = "local")]
    fn local_place(&self) -> Result<Place, RunError> {
        use std::io::Write;

        use crate::local::{ADDRESS_VARIABLE, DEFAULT_ADDRESS, Server};

        let address = match &self.local_addr {
            Some(address) => address.clone(),
            None => std::env::var(ADDRESS_VARIABLE).unwrap_or(DEFAULT_ADDRESS.to_owned()),
        };
        let server = Server::start_on_terminal(&address).map_err(RunError::configuration)?;
        // A closed stderr is no reason to stop.
        let _ = std::io::stderr().write_all(server.banner().as_bytes());
        Ok(Place {
            endpoint: Endpoint::parse(&server.runtime_api().to_string())?,
            local: Some(server),
        })
    }

    #[cfg(not(feature = "local"))]
    #[allow(clippy::unused_self)]
    fn local_place(&self) -> Result<Place, RunError> {
        Err(RunError::configuration(format_args!(
            "{} is not set, so this is not AWS Lambda; deploy the program, or switch on the cargo feature \
             `local` of lambda-stream to run it here",
            config::RUNTIME_API
        )))
    }
}

/// Where invocations come from: the Runtime API, and the local Lambda if that is what serves it.
struct Place {
    endpoint: Endpoint,
    #[cfg(feature = "local")]
    local: Option<crate::local::Server>,
}

impl Place {
    fn report(&self) -> Report {
        Report {
            #[cfg(feature = "local")]
            is_told_locally: self.local.is_some(),
            #[cfg(not(feature = "local"))]
            is_told_locally: false,
        }
    }
}
