//! One invocation that is kept.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use lambda_stream_wire::decoder::{Decoded, Decoder};
use serde::Serialize;

use super::end::cut;
use super::{Bounds, End, LogLines, Opening, Prefix, Timeline};

/// Longest method and path that are kept, in bytes.
const REQUEST_LIMIT: usize = 2 * 1024;

/// The door that an invocation came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DoorName {
    FunctionUrl,
    ApiGateway,
    /// `POST /invoke`.
    Invoke,
    /// `Invoke` of Lambda's API.
    InvokeApi,
    /// `InvokeWithResponseStream` of Lambda's API.
    StreamingInvokeApi,
}

/// Where an invocation stands until it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No program has taken it.
    Waiting,
    /// A program works on it, and has sent nothing.
    Working,
    /// The response has begun.
    Responding,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) at: Duration,
    pub(crate) status: StatusCode,
    /// Names and values, cookies among them.
    pub(crate) headers: Vec<(String, String)>,
}

/// What is known of an invocation up to now.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// When a program took it, since it began.
    pub(crate) taken: Option<Duration>,
    /// Whether the output of the program that took it is seen here.
    pub(crate) log_captured: Option<bool>,
    pub(crate) event: Prefix,
    /// The status that the client was sent.
    pub(crate) status: Option<StatusCode>,
    pub(crate) head: Option<Head>,
    /// Whether the client gets the head as a part of the payload, as an SDK does.
    pub(crate) head_in_payload: bool,
    /// Takes the prelude out of a payload that the client gets with it.
    pub(super) decoder: Option<Decoder>,
    pub(crate) timeline: Timeline,
    /// The payload without its prelude.
    pub(crate) payload: Prefix,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) log: LogLines,
    pub(crate) end: Option<End>,
}

/// One invocation that is kept.
#[derive(Debug)]
pub(crate) struct Record {
    /// Counts the invocations of a server.
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) door: DoorName,
    /// Method and path, as the terminal shows them.
    pub(crate) request: String,
    /// The invocation whose event was sent again.
    pub(crate) repeats: Option<u64>,
    pub(crate) started: SystemTime,
    begun: Instant,
    /// The version of all records in which this one changed last.
    version: Cell<u64>,
    /// Whether it is no longer kept, although it has not ended.
    forgotten: Cell<bool>,
    state: RefCell<State>,
}

impl Record {
    pub(super) fn new(number: u64, opening: Opening<'_>, bounds: Bounds) -> Self {
        let mut event = Prefix::new(bounds.bytes);
        event.push(opening.event);
        event.finish();
        Self {
            number,
            id: opening.id.to_owned(),
            door: opening.door,
            request: cut(opening.request, REQUEST_LIMIT),
            repeats: opening.repeats,
            started: SystemTime::now(),
            begun: Instant::now(),
            version: Cell::new(0),
            forgotten: Cell::new(false),
            state: RefCell::new(State {
                phase: Phase::Waiting,
                taken: None,
                log_captured: None,
                event,
                status: None,
                head: None,
                head_in_payload: false,
                decoder: None,
                timeline: Timeline::new(),
                payload: Prefix::new(bounds.bytes),
                trailers: Vec::new(),
                log: LogLines::new(bounds.bytes),
                end: None,
            }),
        }
    }

    /// Returns what is known of it. The borrow must not live across an await.
    pub(crate) fn state(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    /// Returns how long ago it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    pub(super) fn set_version(&self, version: u64) {
        self.version.set(version);
    }

    /// Returns the state to change it; `None` once the record is no longer kept.
    pub(super) fn change(&self) -> Option<RefMut<'_, State>> {
        (!self.forgotten.get()).then(|| self.state.borrow_mut())
    }

    /// Frees what it holds: it is no longer kept.
    pub(super) fn forget(&self) {
        self.forgotten.set(true);
        let mut state = self.state.borrow_mut();
        state.event = Prefix::new(0);
        state.payload = Prefix::new(0);
        state.log = LogLines::new(0);
        state.timeline = Timeline::new();
        state.head = None;
        state.trailers.clear();
    }
}

impl State {
    pub(super) fn set_head(&mut self, at: Duration, head: &Decoded) {
        let cookies = head.cookies.iter().map(|cookie| (&SET_COOKIE, cookie));
        self.phase = Phase::Responding;
        self.head = Some(Head {
            at,
            status: head.status,
            headers: texts(head.headers.iter().chain(cookies)),
        });
    }

    pub(super) fn set_trailers(&mut self, trailers: &HeaderMap) {
        self.trailers = texts(trailers.iter());
    }

    /// Keeps a chunk, as far as there is room, and returns whether there is more.
    pub(super) fn keep(&mut self, at: Duration, chunk: &[u8]) -> bool {
        let Some(decoder) = &mut self.decoder else {
            self.payload.push(chunk);
            return !self.payload.is_full();
        };
        match decoder.push(chunk) {
            Ok(None) => return true,
            Ok(Some((head, payload))) => {
                self.set_head(at, &head);
                self.payload.push(&payload);
            }
            // The payload has no prelude, whatever its type says; what came before is not shown.
            Err(_) => self.payload.push(chunk),
        }
        self.decoder = None;
        !self.payload.is_full()
    }
}

fn texts<'a>(
    headers: impl Iterator<Item = (&'a http::HeaderName, &'a HeaderValue)>,
) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}
