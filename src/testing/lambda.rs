//! A function that runs inside a test.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper_util::rt::TokioIo;
use lambda_stream_wire::failure::kind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use tokio::time::Instant;

use super::invocation::Invocation;
use super::outcome::{Chunk, Outcome};
use super::recorder::{Recorder, Recording};
use super::runtime_api::{End, Event, LONGEST_TIMEOUT, Observer, RuntimeApi, Start};
use crate::body::writer::ResponseWriter;
use crate::error::{Error, Failure};
use crate::event::LambdaEvent;
use crate::runtime::{Handler, InMemory, Runtime, Writing};

/// A function that runs inside a test, without AWS, a port or a thread.
///
/// The handler is served by the same runtime as on AWS, over HTTP through a pipe in memory. Runtime
/// and Runtime API make progress while a method of this type or of an [`Invocation`] is awaited, in
/// the task that awaits it. So nothing has to be `Send`, a handler may borrow from the test, and no
/// two functions share anything.
///
/// Invocations are served one after the other, as in a sandbox: the same handler serves all of
/// them, and keeps its state in between.
///
/// # Example
///
/// ```
/// use std::cell::Cell;
///
/// use lambda_stream::testing::Lambda;
/// use lambda_stream::{Error, Json, LambdaEvent};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let visits = Cell::new(0);
/// let mut lambda = Lambda::new(async |event: LambdaEvent<Value>| {
///     visits.set(visits.get() + 1);
///     Ok::<_, Error>(Json(json!({"name": event.payload["name"], "visit": visits.get()})))
/// });
///
/// lambda.invoke(json!({"name": "Ada"})).await;
/// let outcome = lambda.invoke(json!({"name": "Ada"})).await;
/// assert_eq!(outcome.json::<Value>()?, json!({"name": "Ada", "visit": 2}));
/// assert_eq!(visits.get(), 2);
/// # Ok(())
/// # }
/// ```
pub struct Lambda<'h> {
    /// Runtime and Runtime API. Ends if the runtime does.
    function: Pin<Box<dyn Future<Output = Failure> + 'h>>,
    events: mpsc::UnboundedSender<Event>,
    sightings: mpsc::Receiver<Sighting>,
    timeout: Duration,
    /// Number of the events that were sent.
    sent: u64,
    stopped: Option<Failure>,
}

impl<'h> Lambda<'h> {
    /// A function with this handler: anything that [`Runtime::run`] takes, such as an async
    /// function, an async closure or a tower service. A web app is wrapped in `web::App::new`.
    pub fn new<H, M>(handler: H) -> Self
    where
        H: Handler<M> + 'h,
        M: 'h,
    {
        Self::with_runtime(Runtime::new(), handler)
    }

    /// A function with a handler that writes its response, as
    /// [`run_with_writer`](crate::run_with_writer) takes it.
    ///
    /// ```
    /// use lambda_stream::body::writer::ResponseWriter;
    /// use lambda_stream::testing::Lambda;
    /// use lambda_stream::{Error, Head, LambdaEvent};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut lambda = Lambda::with_writer(
    ///     async |event: LambdaEvent<u32>, response: ResponseWriter| {
    ///         let mut body = response.send_head(Head::ok())?;
    ///         for row in 0..event.payload {
    ///             body.send_chunk(format!("row {row}\n")).await?;
    ///         }
    ///         body.finish().await?;
    ///         Ok::<_, Error>(())
    ///     },
    /// );
    /// assert_eq!(lambda.invoke(2).await.text(), "row 0\nrow 1\n");
    /// # }
    /// ```
    pub fn with_writer<F, T, E>(handler: F) -> Self
    where
        F: AsyncFn(LambdaEvent<T>, ResponseWriter) -> Result<(), E> + 'h,
        T: DeserializeOwned + 'static,
        E: Into<Error> + 'h,
    {
        Self::new(Writing(handler))
    }

    /// A function with the options of this runtime, such as its
    /// [`response_limit`](Runtime::response_limit). Where it would find its Runtime API has no
    /// effect.
    pub fn with_runtime<H, M>(runtime: Runtime, handler: H) -> Self
    where
        H: Handler<M> + 'h,
        M: 'h,
    {
        let recorder = Arc::new(Recorder::default());
        let (events, event) = mpsc::unbounded_channel();
        let (sighted, sightings) = mpsc::channel(1);
        let (in_memory, mut connections) = InMemory::new();
        let runtime = runtime.in_memory(in_memory).max_concurrency(1);
        let handler = Recording::new(handler, Arc::clone(&recorder));
        let runtime_api = RuntimeApi::new(Relay {
            events: RefCell::new(event),
            sighted,
            recorder,
            number: Cell::new(0),
            handed_out: Cell::new(None),
            received: RefCell::default(),
        });
        let function = async move {
            let mut runtime = pin!(runtime.run(handler));
            // A handler that has used up the cooperative budget of the task keeps nobody from
            // reading what it has sent.
            let mut runtime_api = pin!(unconstrained(async move {
                while let Some(connection) = connections.recv().await {
                    runtime_api.serve(TokioIo::new(connection)).await;
                }
            }));
            let stopped = poll_fn(|cx| {
                let stopped = runtime.as_mut().poll(cx);
                let _ = runtime_api.as_mut().poll(cx);
                stopped
            });
            let why = stopped
                .await
                .map_or_else(|error| error.to_string(), |()| "it returned".into());
            Failure::new(kind::EXIT_ERROR, format!("the runtime stopped: {why}"))
        };
        Self {
            function: Box::pin(function),
            events,
            sightings,
            timeout: LONGEST_TIMEOUT,
            sent: 0,
            stopped: None,
        }
    }

    /// Sets the timeout of the function, which makes each invocation's deadline; 15 minutes if it
    /// is not set, and never more, as on AWS.
    ///
    /// The runtime ends an invocation shortly before its deadline with the failure
    /// `Function.DeadlineExceeded`. A handler that blocks its thread cannot be ended.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Invokes the function with this event, and waits until it has done everything that belongs to
    /// the invocation.
    ///
    /// # Errors
    ///
    /// None of its own: what an invocation fails with is part of the [`Outcome`]. An event that
    /// cannot be serialized as JSON is an outcome with the failure `Function.InvalidEvent`.
    ///
    /// # Panics
    ///
    /// When it is not polled inside a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the invocation stands still until the next one is awaited, which
    /// waits for its end.
    pub async fn invoke(&mut self, event: impl Serialize) -> Outcome {
        self.invoke_streaming(event).finish().await
    }

    /// Invokes the function with this event, and returns at once; the [`Invocation`] gives each
    /// chunk when it arrives.
    ///
    /// # Errors, panics, cancel safety
    ///
    /// As [`invoke`](Self::invoke).
    pub fn invoke_streaming(&mut self, event: impl Serialize) -> Invocation<'_, 'h> {
        let event = match serde_json::to_vec(&event) {
            Ok(json) => Event {
                json: json.into(),
                timeout: self.timeout,
            },
            Err(error) => {
                let message = format!("the event cannot be serialized: {error}");
                return Invocation::failed(self, Failure::new(kind::INVALID_EVENT, message));
            }
        };
        self.sent += 1;
        // The receiver lives as long as the function, whose end the invocation reports.
        let _ = self.events.send(event);
        Invocation::new(self, self.sent)
    }

    /// Invokes a web app with this request, as a Function URL does.
    ///
    /// It is [`invoke`](Self::invoke) with [`function_url_event`](super::function_url_event).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::Full;
    /// use lambda_stream::Error;
    /// use lambda_stream::testing::Lambda;
    /// use lambda_stream::web::{App, RequestBody};
    ///
    /// async fn hello(
    ///     request: http::Request<RequestBody>,
    /// ) -> Result<http::Response<Full<Bytes>>, Error> {
    ///     Ok(http::Response::new(Full::from(format!("you asked for {}", request.uri().path()))))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let mut lambda = Lambda::new(App::new(hello));
    /// let outcome = lambda.http(http::Request::get("/docs?page=2").body("")?).await;
    /// assert_eq!(outcome.head().map(|head| head.status().as_u16()), Some(200));
    /// assert_eq!(outcome.text(), "you asked for /docs");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "web")]
    pub async fn http<B: Into<Bytes>>(&mut self, request: http::Request<B>) -> Outcome {
        self.invoke(super::function_url_event(request)).await
    }

    /// Runs the function until there is something to see. Returns `Err` if it has stopped.
    pub(super) async fn observe(&mut self) -> Result<Sighting, Failure> {
        let mut sighting = pin!(unconstrained(self.sightings.recv()));
        let function = &mut self.function;
        let stopped = &mut self.stopped;
        poll_fn(|cx| {
            if let Poll::Ready(Some(sighting)) = sighting.as_mut().poll(cx) {
                return Poll::Ready(Ok(sighting));
            }
            if stopped.is_none() {
                if let Poll::Ready(failure) = function.as_mut().poll(cx) {
                    *stopped = Some(failure);
                }
            }
            match (sighting.as_mut().poll(cx), &*stopped) {
                (Poll::Ready(Some(sighting)), _) => Poll::Ready(Ok(sighting)),
                (_, Some(failure)) => Poll::Ready(Err(failure.clone())),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

impl fmt::Debug for Lambda<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda")
            .field("timeout", &self.timeout)
            .field("sent", &self.sent)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

/// Something that the Runtime API has seen of an invocation.
#[derive(Debug)]
pub(super) struct Sighting {
    /// The number of the invocation, counted from 1.
    pub(super) invocation: u64,
    /// Time since its event was handed out.
    pub(super) elapsed: Duration,
    pub(super) what: Seen,
}

#[derive(Debug)]
pub(super) enum Seen {
    Start(Start),
    Chunk(Chunk),
    End(End),
    /// The function asks for the next event; what it failed with since the end.
    Idle(Option<Failure>),
}

/// Hands out the events of a [`Lambda`], and passes on what is seen of them.
///
/// There is room for one sighting: as long as nobody takes it, the function is held back.
struct Relay {
    events: RefCell<mpsc::UnboundedReceiver<Event>>,
    sighted: mpsc::Sender<Sighting>,
    recorder: Arc<Recorder>,
    number: Cell<u64>,
    handed_out: Cell<Option<Instant>>,
    received: RefCell<Received>,
}

/// The payload so far.
#[derive(Default)]
struct Received {
    bytes: u64,
    /// What is not part of a complete chunk yet.
    rest: BytesMut,
}

impl Relay {
    async fn send(&self, elapsed: Duration, what: Seen) {
        let sighting = Sighting {
            invocation: self.number.get(),
            elapsed,
            what,
        };
        // The receiver is dropped together with the function.
        let _ = self.sighted.send(sighting).await;
    }

    fn elapsed(&self) -> Duration {
        self.handed_out
            .get()
            .map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Returns the chunks of the handler's stream that are complete with this data.
    fn complete_chunks(&self, data: &[u8]) -> Vec<Bytes> {
        let received = &mut *self.received.borrow_mut();
        let mut cut = received.bytes - received.rest.len() as u64;
        received.bytes += data.len() as u64;
        received.rest.extend_from_slice(data);
        let mut chunks = Vec::new();
        self.recorder.complete(received.bytes, |end, _| {
            let len = usize::try_from(end.saturating_sub(cut)).unwrap_or(usize::MAX);
            let len = len.min(received.rest.len());
            chunks.push(received.rest.split_to(len).freeze());
            cut = end;
        });
        chunks
    }
}

impl Observer for Relay {
    async fn next(&self) -> Event {
        let late_failure = self.recorder.take_late_failure();
        self.send(self.elapsed(), Seen::Idle(late_failure)).await;
        let event = poll_fn(|cx| self.events.borrow_mut().poll_recv(cx)).await;
        let Some(event) = event else {
            // Nobody is left to invoke the function, so nobody polls this.
            return std::future::pending().await;
        };
        self.number.set(self.number.get() + 1);
        self.recorder.begin();
        self.received.take();
        self.handed_out.set(Some(Instant::now()));
        event
    }

    async fn start(&self, start: Start) {
        self.send(self.elapsed(), Seen::Start(start)).await;
    }

    async fn payload(&self, data: Bytes) {
        let elapsed = self.elapsed();
        for bytes in self.complete_chunks(&data) {
            self.send(elapsed, Seen::Chunk(Chunk::new(bytes, elapsed)))
                .await;
        }
    }

    async fn end(&self, end: End) {
        let elapsed = self.elapsed();
        let rest = std::mem::take(&mut self.received.borrow_mut().rest).freeze();
        if !rest.is_empty() {
            self.send(elapsed, Seen::Chunk(Chunk::new(rest, elapsed)))
                .await;
        }
        self.send(elapsed, Seen::End(end)).await;
    }
}
