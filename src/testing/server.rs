//! The reader's side: a Runtime API that hands out one event again and again, and reads the responses.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::error::MeasureError;
use super::recorder::Recorder;
use super::report::Report;
use crate::error::Failure;
use lambda_stream_local::serve::{
    Call, Thread, Watch, Watched, accept_each, invocation, listener, reply, reported, request_id,
};
use lambda_stream_wire::api;
use lambda_stream_wire::decoder::Decoder;
use lambda_stream_wire::failure::kind;

type Reply = Response<Full<Bytes>>;

/// What comes of a measurement.
pub(super) type Outcome = Result<Report, MeasureError>;

/// What is to be asked for.
pub(super) struct Plan {
    pub(super) event: Bytes,
    pub(super) timeout: Duration,
    pub(super) warm_up: u64,
    pub(super) invocations: u64,
}

/// A running Runtime API; dropping it stops it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// Tells once that everything was read, or what failed.
    pub(super) outcome: oneshot::Receiver<Outcome>,
    _thread: Thread,
}

impl Server {
    pub(super) fn start(plan: Plan, recorder: Arc<Recorder>) -> io::Result<Self> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        let (done, outcome) = oneshot::channel();
        let thread = Thread::start("measure", move || {
            let listener = listener(socket)?;
            let reader = Rc::new(Reader {
                plan,
                recorder,
                state: RefCell::default(),
                done: Cell::new(Some(done)),
            });
            tokio::task::spawn_local(accept_each(listener, move |stream, _| {
                Rc::clone(&reader).serve(stream)
            }));
            Ok(())
        })?;
        Ok(Self {
            address,
            outcome,
            _thread: thread,
        })
    }
}

/// When something last happened on a connection.
#[derive(Default)]
struct Clock {
    /// When the writing of an event began; it is set by the first write after it was cleared.
    handed: Cell<Option<Instant>>,
    /// When the socket was last read.
    received: Cell<Option<Instant>>,
}

impl Watch for Clock {
    fn received(&self) {
        self.received.set(Some(Instant::now()));
    }

    fn sending(&self) {
        if self.handed.get().is_none() {
            self.handed.set(Some(Instant::now()));
        }
    }
}

impl Clock {
    fn clear(&self) {
        self.handed.set(None);
    }

    fn handed(&self) -> Instant {
        self.handed.get().unwrap_or_else(Instant::now)
    }

    /// When what was read last had arrived. That is earlier than now: its frames were decoded since.
    fn received(&self) -> Instant {
        self.received.get().unwrap_or_else(Instant::now)
    }
}

#[derive(Default)]
struct State {
    /// How many events were handed out.
    handed: u64,
    /// The id of the invocation that has no complete answer yet.
    in_flight: Option<String>,
    bytes: u64,
    elapsed: Duration,
    time_to_first_byte: Vec<Duration>,
    chunk_latency: Vec<Duration>,
}

struct Reader {
    plan: Plan,
    recorder: Arc<Recorder>,
    /// Everything happens on one thread, and no borrow of this lives across an await.
    state: RefCell<State>,
    done: Cell<Option<oneshot::Sender<Outcome>>>,
}

impl Reader {
    /// Serves one connection to its end.
    async fn serve(self: Rc<Self>, stream: TcpStream) {
        let (io, clock) = Watched::<Clock>::new(stream);
        let service = service_fn(|request| {
            let (reader, clock) = (Rc::clone(&self), Rc::clone(&clock));
            async move { Ok::<_, Infallible>(reader.answer(request, &clock).await) }
        });
        // A connection that ended early is noticed when the next event is asked for.
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }

    async fn answer(&self, request: Request<Incoming>, clock: &Clock) -> Reply {
        let (parts, body) = request.into_parts();
        match Call::of(&parts.method, parts.uri.path()) {
            Some(Call::Next) => self.next(clock).await,
            Some(Call::Response(id) | Call::Error(id)) if !self.is_in_flight(id) => reply::error(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                reply::UNKNOWN_ID,
            ),
            Some(Call::Response(_)) => {
                if let Err(failure) = self.response(&parts.headers, body, clock).await {
                    self.failed(failure);
                }
                reply::accepted()
            }
            Some(Call::Error(_)) => {
                let (error_type, document) =
                    reported(&parts.headers, body).await.unwrap_or_default();
                self.failed(Failure::from_json(&error_type, &document));
                reply::accepted()
            }
            Some(Call::InitError) | None => reply::error(
                StatusCode::NOT_FOUND,
                "NotFound",
                format_args!("{} {} is not measured", parts.method, parts.uri.path()),
            ),
        }
    }

    /// Hands the event out, if it is to be handed out again.
    async fn next(&self, clock: &Clock) -> Reply {
        if let Some(id) = self.begin() {
            clock.clear();
            return invocation(&id, self.plan.event.clone(), self.plan.timeout);
        }
        // The runtime is dropped while it waits for this.
        pending().await
    }

    /// The id of the next invocation, if there is to be one.
    fn begin(&self) -> Option<String> {
        let mut state = self.state.borrow_mut();
        if state.in_flight.is_some() {
            drop(state);
            self.failed(Failure::new(
                kind::EXIT_ERROR,
                "the connection was lost before the response ended",
            ));
            return None;
        }
        if state.handed == self.plan.warm_up.saturating_add(self.plan.invocations) {
            let state = std::mem::take(&mut *state);
            self.finish(Ok(Report {
                invocations: self.plan.invocations,
                bytes: state.bytes,
                elapsed: state.elapsed,
                time_to_first_byte: state.time_to_first_byte.into(),
                chunk_latency: state.chunk_latency.into(),
            }));
            return None;
        }
        state.handed += 1;
        self.recorder.begin();
        let id = request_id();
        state.in_flight = Some(id.clone());
        Some(id)
    }

    fn is_in_flight(&self, id: &str) -> bool {
        self.state.borrow().in_flight.as_deref() == Some(id)
    }

    /// Reads a response to its end.
    async fn response(
        &self,
        headers: &HeaderMap,
        mut body: Incoming,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let is_raw = headers
            .get(CONTENT_TYPE)
            .is_none_or(|value| value != api::HTTP_INTEGRATION);
        let mut decoder = (!is_raw).then(Decoder::default);
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Failure::new(
                    kind::TRUNCATED_RESPONSE,
                    format!("the response stopped before its end: {error}"),
                )
            })?;
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    match Failure::from_trailers(&trailers) {
                        Some(failure) => return Err(failure),
                        None => continue,
                    }
                }
            };
            let payload = match &mut decoder {
                None => data.len(),
                Some(prelude) => match prelude.push(&data).map_err(invalid)? {
                    None => continue,
                    Some((_, payload)) => {
                        decoder = None;
                        payload.len()
                    }
                },
            };
            if payload > 0 {
                self.payload(bytes == 0, bytes + payload as u64, clock);
                bytes += payload as u64;
            }
        }
        if let Some(prelude) = decoder {
            return Err(invalid(prelude.end()));
        }
        let mut state = self.state.borrow_mut();
        state.in_flight = None;
        if state.handed > self.plan.warm_up {
            state.bytes += bytes;
            state.elapsed += clock.received().saturating_duration_since(clock.handed());
        }
        Ok(())
    }

    /// So many bytes of payload were read by now.
    fn payload(&self, is_first: bool, bytes: u64, clock: &Clock) {
        let now = clock.received();
        let mut state = self.state.borrow_mut();
        let is_counted = state.handed > self.plan.warm_up;
        if is_counted && is_first {
            let since = now.saturating_duration_since(clock.handed());
            state.time_to_first_byte.push(since);
        }
        self.recorder.complete(bytes, |given| {
            if is_counted {
                state
                    .chunk_latency
                    .push(now.saturating_duration_since(given));
            }
        });
    }

    fn failed(&self, failure: Failure) {
        let handed = self.state.borrow().handed;
        let invocation = match handed.checked_sub(self.plan.warm_up) {
            Some(number) if number > 0 => format!("invocation {number}"),
            _ => format!("warm-up invocation {handed}"),
        };
        self.finish(Err(MeasureError::failed(&invocation, failure)));
    }

    fn finish(&self, outcome: Outcome) {
        if let Some(done) = self.done.take() {
            // Nobody waits when the measurement was dropped meanwhile.
            let _ = done.send(outcome);
        }
    }
}

fn invalid(error: impl std::fmt::Display) -> Failure {
    Failure::new(kind::INVALID_RESPONSE, error.to_string())
}
