//! The options of a runtime, and its loop.

use std::time::Duration;

use lambda_stream_wire::api;
use serde::de::DeserializeOwned;

use super::after_response::AfterResponse;
use super::client::Client;
use super::concurrency::{concurrency, not_shared};
use super::endpoint::{Endpoint, RUNTIME_API};
use super::error::RunError;
use super::handler::{Handler, Writing};
#[cfg(feature = "testing")]
use super::in_memory::InMemory;
use super::snap_start::SnapStart;
use super::telemetry::Report;
use super::workers::Workers;
use crate::body::writer::ResponseWriter;
use crate::error::{Error, contain_async, into_failure};
use crate::event::{Context, Environment, LambdaEvent};
use crate::response::SizeLimit;

/// How long before its deadline a response is ended, unless it is set.
const DEADLINE_MARGIN: Duration = Duration::from_millis(50);

/// The runtime with options; [`run`](crate::run) is the one without.
///
/// ```no_run
/// # use lambda_stream::{Error, Json, LambdaEvent};
/// # async fn handler(_: LambdaEvent<()>) -> Result<Json<u8>, Error> { Ok(Json(1)) }
/// # async fn f() -> Result<(), lambda_stream::RunError> {
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
    #[cfg(feature = "testing")]
    in_memory: Option<InMemory>,
    #[cfg(feature = "local")]
    local_addr: Option<String>,
    #[cfg(feature = "local")]
    local_timeout: Option<Duration>,
    deadline_margin: Option<Duration>,
    response_limit: SizeLimit,
    after_response: Option<AfterResponse>,
    max_concurrency: Option<u16>,
    pub(super) head_first: Option<Duration>,
    pub(super) snap_start: SnapStart,
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
            #[cfg(feature = "testing")]
            in_memory: None,
            #[cfg(feature = "local")]
            local_addr: None,
            #[cfg(feature = "local")]
            local_timeout: None,
            deadline_margin: Some(DEADLINE_MARGIN),
            response_limit: SizeLimit::NONE,
            after_response: None,
            max_concurrency: None,
            head_first: None,
            snap_start: SnapStart::default(),
        }
    }

    /// Sets where the Runtime API is, as `host:port`, in place of `AWS_LAMBDA_RUNTIME_API`.
    pub fn runtime_api(mut self, address: impl Into<String>) -> Self {
        self.runtime_api = Some(address.into());
        self
    }

    /// Sets a Runtime API in this process, in place of one that listens somewhere.
    #[cfg(feature = "testing")]
    pub(crate) fn in_memory(mut self, in_memory: InMemory) -> Self {
        self.in_memory = Some(in_memory);
        self
    }

    /// Sets where the local Lambda listens, in place of `LAMBDA_STREAM_LOCAL_ADDR` and
    /// `127.0.0.1:7000`.
    ///
    /// Port 0 takes any free port. Without effect on AWS.
    #[cfg(feature = "local")]
    pub fn local_addr(mut self, address: impl Into<String>) -> Self {
        self.local_addr = Some(address.into());
        self
    }

    /// Sets the function's timeout in the local Lambda, in place of `LAMBDA_STREAM_LOCAL_TIMEOUT`
    /// (in seconds) and of 15 minutes, which is the most.
    ///
    /// It makes the deadline of each invocation, so a handler can be tried with the timeout that it
    /// has on AWS. Without effect there.
    #[cfg(feature = "local")]
    pub fn local_timeout(mut self, timeout: Duration) -> Self {
        self.local_timeout = Some(timeout);
        self
    }

    /// Sets how long before its deadline an invocation is ended, with a failure of the type
    /// `Function.DeadlineExceeded`; 50 ms if it is not set, and never earlier than halfway to the
    /// deadline.
    ///
    /// The service kills the sandbox at the deadline: the client sees a cut response, the error is
    /// a `Sandbox.Timeout`, and the next invocation is a cold start. Ending a little earlier
    /// tells the client and keeps the sandbox. A deadline that had passed before the invocation
    /// arrived is ignored, because some local tools send a constant.
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

    /// Writes the head of a response on its own, and the payload this long after it.
    ///
    /// Without this, a first chunk that is ready leaves in one write with its head, which is
    /// fastest. Users of AWS's Node.js runtime report that a Function URL then now and then
    /// delivers neither until more comes, and that a pause before the first chunk helps most of
    /// the time (aws-lambda-nodejs-runtime-interface-client, issue 94). Zero gives the head a
    /// write of its own without a pause. Measure before you keep it: each response pays the
    /// pause.
    ///
    /// Without effect on responses without a head, such as [`Raw`](crate::Raw). An early failure
    /// of the stream is a plain error as ever, because the stream is polled before the head is
    /// sent.
    ///
    /// ```no_run
    /// # use lambda_stream::{Error, Json, LambdaEvent};
    /// # async fn handler(_: LambdaEvent<()>) -> Result<Json<u8>, Error> { Ok(Json(1)) }
    /// # async fn f() -> Result<(), lambda_stream::RunError> {
    /// use std::time::Duration;
    ///
    /// lambda_stream::Runtime::new()
    ///     .head_first(Duration::from_millis(20))
    ///     .run(handler)
    ///     .await
    /// # }
    /// ```
    pub fn head_first(mut self, pause: Duration) -> Self {
        self.head_first = Some(pause);
        self
    }

    /// Ends a response with the failure `Function.ResponseSizeTooLarge` before its payload becomes
    /// larger than this many bytes; there is no limit if it is not set.
    ///
    /// The service cuts a response at its own limit: the client sees a broken transfer that may end
    /// inside of a row. With a limit on this side the response ends after its last whole chunk,
    /// and trailers say why. Nothing of the chunk that would have passed the limit is sent; if
    /// that is the first one, nothing at all is sent, and the invocation fails as a whole. The
    /// head is not counted.
    ///
    /// It is off by default, because what the service allows is a soft limit: AWS raises it account
    /// by account, and the library cannot know. [`RESPONSE_LIMIT`](crate::body::RESPONSE_LIMIT)
    /// is the limit of an account whose limit has not been raised. To limit one response only,
    /// or to match on the error, see
    /// [`ChunkStreamExt::limit`](crate::body::ChunkStreamExt::limit).
    ///
    /// ```no_run
    /// # use lambda_stream::{Error, Json, LambdaEvent};
    /// # async fn handler(_: LambdaEvent<()>) -> Result<Json<u8>, Error> { Ok(Json(1)) }
    /// # async fn f() -> Result<(), lambda_stream::RunError> {
    /// use lambda_stream::body::RESPONSE_LIMIT;
    /// use lambda_stream::Runtime;
    ///
    /// Runtime::new().response_limit(RESPONSE_LIMIT).run(handler).await
    /// # }
    /// ```
    pub fn response_limit(mut self, bytes: u64) -> Self {
        self.response_limit = SizeLimit::new(bytes);
        self
    }

    /// Runs this after each response, before the next invocation is asked for: to flush telemetry,
    /// which the service may otherwise freeze together with the sandbox.
    ///
    /// The client has its whole response by then, and does not wait. It runs within the span of the
    /// invocation and also after a failed one. It is billed, and ends like a handler at the
    /// deadline; its panic is logged. The event that is emitted at the end of each invocation
    /// tells how long it took, as `after_response_ms`. What was to be flushed of that event
    /// itself, and of the span, is flushed after the next invocation.
    ///
    /// ```no_run
    /// # use lambda_stream::{Error, Json, LambdaEvent};
    /// # async fn handler(_: LambdaEvent<()>) -> Result<Json<u8>, Error> { Ok(Json(1)) }
    /// # #[derive(Clone)] struct Exporter;
    /// # impl Exporter { async fn flush(&self) {} }
    /// # async fn f(exporter: Exporter) -> Result<(), lambda_stream::RunError> {
    /// lambda_stream::Runtime::new()
    ///     .after_response(move |_context| {
    ///         let exporter = exporter.clone();
    ///         async move { exporter.flush().await }
    ///     })
    ///     .run(handler)
    ///     .await
    /// # }
    /// ```
    pub fn after_response<F, U>(mut self, run: F) -> Self
    where
        F: Fn(Context) -> U + Send + Sync + 'static,
        U: Future<Output = ()> + Send + 'static,
    {
        self.after_response = Some(AfterResponse::new(run));
        self
    }

    /// Sets how many invocations are served at once, in place of `AWS_LAMBDA_MAX_CONCURRENCY`; one,
    /// if neither is set.
    ///
    /// The service sets the variable on Lambda Managed Instances, so a program needs this option
    /// only in tests and to try it locally. Each of the invocations has a worker with its own
    /// connection to the Runtime API, and all of them are polled in the task of the caller:
    /// nothing is spawned, and nothing has to be `Send`. So a handler that blocks the thread,
    /// or computes for long, holds up the others.
    ///
    /// * A failure, a panic, a deadline, a refused response and a lost connection are matters of
    ///   one invocation; the others go on. So does a slow reader.
    /// * A worker that cannot reach the Runtime API for about five seconds is replaced after a
    ///   pause of a second. Only when none of them can does the runtime end.
    /// * Where an answer of the Runtime API says that this sandbox cannot serve anything any more,
    ///   the invocations that are being served are ended first, without asking for others.
    ///
    /// A handler that cannot be shared, which is one in [`Sequential`](crate::Sequential), fails at
    /// start where this is more than 1. So does a concurrency of 0.
    ///
    /// ```no_run
    /// use std::cell::Cell;
    ///
    /// use lambda_stream::{Error, LambdaEvent, Raw, Runtime};
    ///
    /// # async fn f() -> Result<(), lambda_stream::RunError> {
    /// let served = Cell::new(0);
    /// Runtime::new()
    ///     .max_concurrency(8)
    ///     .run(async |_: LambdaEvent<()>| {
    ///         served.set(served.get() + 1);
    ///         Ok::<_, Error>(Raw(tokio_stream::once(Ok::<_, Error>(served.get().to_string()))))
    ///     })
    ///     .await
    /// # }
    /// ```
    pub fn max_concurrency(mut self, invocations: u16) -> Self {
        self.max_concurrency = Some(invocations);
        self
    }

    /// Runs this before SnapStart takes its snapshot of the sandbox; without effect elsewhere.
    ///
    /// The snapshot has all that the set-up made, and every restored sandbox starts from it. What
    /// must not be in it is undone here: connections are closed, secrets dropped, caches filled. Of
    /// several hooks the last one runs first, as in AWS's own runtimes. The connection to the
    /// Runtime API is the library's matter, and is made anew.
    ///
    /// A hook that fails or panics is reported with `POST …/init/error`, and ends the program as a
    /// set-up that fails does. All hooks together have the time of the initialization.
    ///
    /// ```no_run
    /// # use lambda_stream::{Error, Json, LambdaEvent};
    /// # async fn handler(_: LambdaEvent<()>) -> Result<Json<u8>, Error> { Ok(Json(1)) }
    /// # #[derive(Clone)] struct Pool;
    /// # impl Pool {
    /// #     async fn close(&self) -> Result<(), Error> { Ok(()) }
    /// #     async fn connect(&self) -> Result<(), Error> { Ok(()) }
    /// # }
    /// # async fn f(pool: Pool) -> Result<(), lambda_stream::RunError> {
    /// let reopened = pool.clone();
    /// lambda_stream::Runtime::new()
    ///     .before_snapshot(move || {
    ///         let pool = pool.clone();
    ///         async move { pool.close().await }
    ///     })
    ///     .after_restore(move || {
    ///         let pool = reopened.clone();
    ///         async move { pool.connect().await }
    ///     })
    ///     .run(handler)
    ///     .await
    /// # }
    /// ```
    pub fn before_snapshot<F, U, E>(mut self, run: F) -> Self
    where
        F: Fn() -> U + Send + Sync + 'static,
        U: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.snap_start.before_snapshot(run);
        self
    }

    /// Runs this in each sandbox that SnapStart has restored, before its first invocation; without
    /// effect elsewhere.
    ///
    /// What has to differ between sandboxes is made here: connections, ids, seeds of random
    /// numbers, credentials. Several hooks run in the order in which they were registered. One
    /// that fails or panics is reported with `POST …/restore/error`, and ends the program. The
    /// service gives all of them 10 seconds (AWS, runtime hooks for Lambda SnapStart).
    ///
    /// [`before_snapshot`](Self::before_snapshot) has an example.
    pub fn after_restore<F, U, E>(mut self, run: F) -> Self
    where
        F: Fn() -> U + Send + Sync + 'static,
        U: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.snap_start.after_restore(run);
        self
    }

    /// Serves invocations with this handler; see [`run`](crate::run).
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run).
    pub async fn run<H, M>(self, handler: H) -> Result<(), RunError>
    where
        H: Handler<M>,
    {
        self.run_with_setup(async || Ok::<_, Error>(handler)).await
    }

    /// Serves invocations with a handler that writes its response; see
    /// [`run_with_writer`](crate::run_with_writer).
    ///
    /// # Errors
    ///
    /// As [`run`](crate::run).
    pub async fn run_with_writer<F, T, E>(self, handler: F) -> Result<(), RunError>
    where
        F: AsyncFn(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
        T: DeserializeOwned + 'static,
        E: Into<Error>,
    {
        self.run(Writing(handler)).await
    }

    /// Sets the program up, and serves invocations with the handler that the set-up returns.
    ///
    /// What fails here is reported with `POST …/init/error`, so that it stands in the logs as what
    /// it is and not as a process that exited.
    ///
    /// ```no_run
    /// use lambda_stream::{Error, LambdaEvent, Raw, Runtime};
    ///
    /// # async fn connect() -> Result<String, Error> { Ok("connected".to_owned()) }
    /// # async fn f() -> Result<(), lambda_stream::RunError> {
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
    /// When the set-up fails ([`is_setup`](RunError::is_setup), whose source is the failure), and
    /// otherwise as [`run`](crate::run).
    pub async fn run_with_setup<S, H, M, E>(self, setup: S) -> Result<(), RunError>
    where
        S: AsyncFnOnce() -> Result<H, E>,
        H: Handler<M>,
        E: Into<Error>,
    {
        let stopped = self.serve_all(setup).await;
        Report::ended(&stopped);
        stopped
    }

    async fn serve_all<S, H, M, E>(self, setup: S) -> Result<(), RunError>
    where
        S: AsyncFnOnce() -> Result<H, E>,
        H: Handler<M>,
        E: Into<Error>,
    {
        Report::aborting_panics();
        let count = self.concurrency()?;
        let place = self.place(count)?;
        let mut client = Client::new(place.endpoint.clone(), place.report());
        client.head_first = self.head_first;
        let ready = contain_async(async { setup().await.map_err(into_failure) }).await;
        let handler = match ready.and_then(|ready| ready) {
            Ok(handler) => handler,
            Err(failure) => return Err(client.fail_setup(api::INIT_ERROR, failure).await),
        };
        let Ok(workers) = handler.into_workers(count) else {
            let error = not_shared(count);
            client.fail_init(&into_failure(error.to_string())).await;
            return Err(error);
        };
        let common = self.workers(count);
        self.snap_start
            .pause(&common.environment, &mut client)
            .await?;
        common.run(client, workers).await
    }

    /// Returns what this many workers have in common.
    pub(super) fn workers(&self, count: usize) -> Workers {
        Workers::new(
            count,
            Environment::from_env(),
            self.deadline_margin,
            self.response_limit,
            self.after_response.clone(),
        )
    }

    /// Returns how many invocations are served at once.
    pub(super) fn concurrency(&self) -> Result<usize, RunError> {
        concurrency(self.max_concurrency)
    }

    /// Returns where invocations come from.
    pub(super) fn place(&self, concurrency: usize) -> Result<Place, RunError> {
        #[cfg(feature = "testing")]
        if let Some(in_memory) = &self.in_memory {
            return Ok(Place {
                endpoint: Endpoint::in_memory(in_memory.clone()),
                #[cfg(feature = "local")]
                local: None,
            });
        }
        let endpoint = match &self.runtime_api {
            Some(address) => Some(Endpoint::parse("Runtime::runtime_api", address)?),
            None => Endpoint::from_env()?,
        };
        match endpoint {
            Some(endpoint) => Ok(Place {
                endpoint,
                #[cfg(feature = "local")]
                local: None,
            }),
            None => self.local_place(concurrency),
        }
    }

    #[cfg(feature = "local")]
    fn local_place(&self, concurrency: usize) -> Result<Place, RunError> {
        use std::env::{self, VarError};
        use std::io::Write;

        use lambda_stream_local::{ADDRESS_VARIABLE, DEFAULT_ADDRESS, Server};

        let address = match &self.local_addr {
            Some(address) => address.clone(),
            None => match env::var(ADDRESS_VARIABLE) {
                Ok(address) => address,
                Err(VarError::NotPresent) => DEFAULT_ADDRESS.to_owned(),
                Err(VarError::NotUnicode(value)) => {
                    return Err(RunError::invalid(format!(
                        "{ADDRESS_VARIABLE} is {value:?}, which is not UTF-8"
                    )));
                }
            },
        };
        let mut options = Server::builder()
            .from_env()
            .address(address)
            .concurrency(concurrency)
            .terminal();
        if let Some(timeout) = self.local_timeout {
            options = options.timeout(timeout);
        }
        let server = options
            .start()
            .map_err(|error| RunError::configuration("the local Lambda did not start", error))?;
        // A closed stderr is not a reason to stop.
        let _ = std::io::stderr().write_all(server.banner().as_bytes());
        Ok(Place {
            endpoint: Endpoint::parse(RUNTIME_API, &server.runtime_api().to_string())?,
            local: Some(server),
        })
    }

    #[cfg(not(feature = "local"))]
    #[allow(clippy::unused_self, reason = "used with the feature `local`")]
    fn local_place(&self, _: usize) -> Result<Place, RunError> {
        Err(RunError::invalid(format!(
            "{RUNTIME_API} is not set, so this is not AWS Lambda; deploy the program, or enable the cargo \
             feature `local` of lambda-stream to run it here"
        )))
    }
}

/// Where invocations come from: the Runtime API, and the local Lambda if that is what serves it.
pub(super) struct Place {
    pub(super) endpoint: Endpoint,
    #[cfg(feature = "local")]
    local: Option<lambda_stream_local::Server>,
}

impl Place {
    pub(super) fn report(&self) -> Report {
        Report {
            #[cfg(feature = "local")]
            shown_locally: self.local.is_some(),
            #[cfg(not(feature = "local"))]
            shown_locally: false,
        }
    }
}
