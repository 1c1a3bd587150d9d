//! Writes to the record of one invocation.

use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use http::header::HeaderMap;
use lambda_stream_wire::decoder::{Decoded, Decoder};

use super::{End, Mark, Outcome, Phase, Record, Records, State};

/// Number of chunks after which the time is looked at again, although no pause came in between.
const BURST_CHUNKS: u64 = 64;

/// Number of bytes after which the time is looked at again.
const BURST_BYTES: u64 = 64 * 1024;

/// Chunks that came without a pause and are not in the record yet. Reading the clock for each of
/// them would cost more than passing a small chunk on.
#[derive(Debug, Default)]
struct Burst {
    /// When the first of them came.
    at: Duration,
    chunks: u64,
    bytes: u64,
    /// Bytes that were not kept, because there was no room.
    skipped: u64,
}

/// Writes to the record of one invocation; does nothing where recording is off.
#[derive(Debug)]
pub(crate) struct Recording {
    target: Option<(Rc<Records>, Rc<Record>)>,
    burst: Burst,
    /// Whether there is room for more of the payload.
    keeps: bool,
}

impl Recording {
    pub(super) fn new(records: Rc<Records>, record: Rc<Record>) -> Self {
        Self {
            target: Some((records, record)),
            burst: Burst::default(),
            keeps: true,
        }
    }

    /// Returns a recording that does nothing.
    pub(crate) fn off() -> Self {
        Self {
            target: None,
            burst: Burst::default(),
            keeps: false,
        }
    }

    /// Returns another writer to the same record, for the side of the program.
    pub(crate) fn share(&self) -> Self {
        Self {
            target: self.target.clone(),
            burst: Burst::default(),
            keeps: false,
        }
    }

    /// Returns the number and the request id of the invocation.
    pub(crate) fn key(&self) -> Option<(u64, &str)> {
        let (_, record) = self.target.as_ref()?;
        Some((record.number, &record.id))
    }

    /// A program took the invocation; `captured` says whether its output is seen here.
    pub(crate) fn taken(&self, captured: bool) {
        self.change(|at, state| {
            state.phase = Phase::Working;
            state.taken = Some(at);
            state.log_captured = Some(captured);
        });
    }

    /// The program had not seen it, and it waits again.
    pub(crate) fn put_back(&self) {
        self.change(|_, state| {
            state.phase = Phase::Waiting;
            state.taken = None;
        });
    }

    /// The program wrote a line.
    pub(crate) fn log(&self, line: &str) {
        self.change(|at, state| state.log.push(at, line));
    }

    /// The client is sent this status.
    pub(crate) fn status(&self, status: StatusCode) {
        self.change(|_, state| {
            state.phase = Phase::Responding;
            state.status = Some(status);
        });
    }

    /// The response has this head.
    pub(crate) fn head(&self, head: &Decoded) {
        self.change(|at, state| state.set_head(at, head));
    }

    /// The client is passed a payload that begins with a prelude.
    pub(crate) fn expect_prelude(&self) {
        self.change(|_, state| {
            state.head_in_payload = true;
            state.decoder = Some(Decoder::default());
        });
    }

    /// The client is sent a chunk.
    pub(crate) fn chunk(&mut self, chunk: &[u8]) {
        let Some((_, record)) = &self.target else {
            return;
        };
        if self.burst.chunks == 0 {
            self.burst.at = record.elapsed();
        }
        self.burst.chunks += 1;
        self.burst.bytes += chunk.len() as u64;
        if self.keeps {
            let kept = record.change().map(|mut it| it.keep(self.burst.at, chunk));
            self.keeps = kept.unwrap_or(false);
        } else {
            self.burst.skipped += chunk.len() as u64;
        }
        if self.burst.chunks >= BURST_CHUNKS || self.burst.bytes >= BURST_BYTES {
            self.pause();
        }
    }

    /// No further chunk is there for now.
    pub(crate) fn pause(&mut self) {
        if self.burst.chunks == 0 {
            return;
        }
        let burst = std::mem::take(&mut self.burst);
        self.change(|now, state| {
            state.payload.skip(burst.skipped);
            let mark = Mark {
                at: burst.at,
                bytes: burst.bytes,
                chunks: burst.chunks,
            };
            state.timeline.push(mark, now);
        });
    }

    /// The program ended its response with these trailers.
    pub(crate) fn trailers(&self, trailers: &HeaderMap) {
        self.change(|_, state| state.set_trailers(trailers));
    }

    /// The invocation ended. Only the first end counts.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.pause();
        self.change(|at, state| {
            if state.end.is_none() {
                state.end = Some(End { at, outcome });
            }
            state.payload.finish();
            state.timeline.finish();
            state.decoder = None;
        });
    }

    fn change(&self, change: impl FnOnce(Duration, &mut State)) {
        let Some((records, record)) = &self.target else {
            return;
        };
        if let Some(mut state) = record.change() {
            change(record.elapsed(), &mut state);
            drop(state);
            records.touch(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderValue, SET_COOKIE};

    use super::*;
    use crate::invocation::Fault;
    use crate::record::{Bounds, DoorName, Opening};

    fn begin(bytes: usize) -> (Recording, Rc<Record>) {
        let invocations = 1;
        let records = Records::new(Bounds { invocations, bytes });
        let recording = records.begin(Opening {
            id: "an-id",
            door: DoorName::FunctionUrl,
            request: "GET /",
            event: b"{}",
            repeats: None,
        });
        let record = records.find("an-id").unwrap();
        (recording, record)
    }

    #[test]
    fn payload_is_kept_up_to_the_bound() {
        let (mut recording, record) = begin(10);
        for _ in 0..200 {
            recording.chunk(b"abcd");
        }
        recording.end(Outcome::Complete);
        let state = record.state();
        assert_eq!(state.payload.kept(), b"abcdabcdab");
        assert_eq!(state.payload.total(), 800);
        assert_eq!(state.timeline.chunks(), 200);
        assert_eq!(state.timeline.bytes(), 800);
    }

    #[test]
    fn chunks_between_two_pauses_share_a_mark() {
        let (mut recording, record) = begin(10);
        recording.chunk(b"ab");
        recording.chunk(b"c");
        recording.pause();
        recording.chunk(b"d");
        recording.pause();
        let state = record.state();
        let marks: Vec<_> = state.timeline.marks().iter().collect();
        assert_eq!(marks.len(), 2);
        assert_eq!((marks[0].chunks, marks[0].bytes), (2, 3));
        assert_eq!((marks[1].chunks, marks[1].bytes), (1, 1));
    }

    #[test]
    fn prelude_in_the_payload_becomes_the_head() {
        let (mut recording, record) = begin(100);
        recording.status(StatusCode::OK);
        recording.expect_prelude();
        recording.chunk(br#"{"statusCode":201,"cookies":["a=1"]}"#);
        recording.chunk(&[0; 8]);
        recording.chunk(b"hi");
        recording.pause();
        let state = record.state();
        let head = state.head.as_ref().unwrap();
        assert_eq!(head.status, StatusCode::CREATED);
        assert_eq!(
            head.headers,
            [(SET_COOKIE.to_string(), HeaderValue::from_static("a=1"))]
                .map(|(name, value)| (name, value.to_str().unwrap().to_owned()))
        );
        assert_eq!(state.payload.kept(), b"hi");
    }

    #[test]
    fn first_end_counts() {
        let (mut recording, record) = begin(10);
        recording.end(Outcome::failed(&Fault::new("Quota", "none left")));
        recording.end(Outcome::Complete);
        let state = record.state();
        let outcome = &state.end.as_ref().unwrap().outcome;
        assert!(
            matches!(outcome, Outcome::Failed { error_type, message, .. }
                if error_type == "Function.Quota" && message == "none left"),
            "{outcome:?}"
        );
    }

    #[test]
    fn lines_after_the_end_are_kept() {
        let (mut recording, record) = begin(100);
        let program = recording.share();
        program.taken(true);
        recording.end(Outcome::Complete);
        program.log("late");
        assert_eq!(record.state().log.written(), 1);
    }
}
