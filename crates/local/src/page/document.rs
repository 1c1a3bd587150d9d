//! Records as JSON.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::id::epoch_ms;
use crate::record::{DoorName, Outcome, Phase, Prefix, Record, Records, State, Timeline};

/// Milliseconds, exact to a microsecond.
type Ms = f64;

fn ms(duration: Duration) -> Ms {
    // Exact for 285 years.
    duration.as_micros() as f64 / 1000.0
}

/// The invocations of a server, in short.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overview {
    /// When the server started, in milliseconds since 1970.
    server_started: u64,
    limits: Limits,
    /// The numbers of all invocations that are kept, the newest first.
    kept: Vec<u64>,
    /// The newest first; in an update those that have changed.
    invocations: Vec<Summary>,
}

/// How much is kept.
#[derive(Serialize)]
struct Limits {
    invocations: usize,
    bytes: usize,
}

/// An invocation in short.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    number: u64,
    request_id: String,
    door: DoorName,
    request: String,
    repeats: Option<u64>,
    /// In milliseconds since 1970.
    started: u64,
    state: &'static str,
    status: Option<u16>,
    chunks: u64,
    bytes: u64,
    taken_ms: Option<Ms>,
    first_byte_ms: Option<Ms>,
    /// Up to now where it has not ended.
    duration_ms: Ms,
    error: Option<Error>,
}

#[derive(Serialize)]
struct Error {
    #[serde(rename = "type")]
    error_type: String,
    message: String,
}

/// How far someone knows an invocation.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    stride: u64,
    marks: usize,
    payload: usize,
    lines: u64,
}

/// An invocation in full, or what has changed since a cursor.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    event: Kept,
    head: Option<Head>,
    /// Whether the client gets the head as a part of the payload, as an SDK does.
    head_in_payload: bool,
    timeline: Marks,
    payload: Payload,
    trailers: Vec<(String, String)>,
    /// The error document.
    error_document: Option<String>,
    log: Log,
}

#[derive(Serialize)]
struct Kept {
    bytes: u64,
    kept: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    at_ms: Ms,
    status: u16,
    reason: Option<&'static str>,
    headers: Vec<(String, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    /// The index of the first mark here; marks from there on are replaced.
    from: usize,
    /// Time in milliseconds, bytes and chunks.
    marks: Vec<(Ms, u64, u64)>,
    /// How many bursts of chunks share a mark.
    bursts_per_mark: u64,
    longest_gap: Option<Gap>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gap {
    at_ms: Ms,
    length_ms: Ms,
}

#[derive(Serialize)]
struct Payload {
    bytes: u64,
    kept: usize,
    /// The offset of the first byte here.
    from: usize,
    base64: String,
}

#[derive(Serialize)]
struct Log {
    /// Whether the output of the program is seen here; unknown while none has the invocation.
    captured: Option<bool>,
    dropped: u64,
    /// The index of the first line here.
    from: u64,
    lines: Vec<(Ms, String)>,
}

impl Overview {
    /// Returns what has changed since a version of the records; 0 stands for everything.
    pub(super) fn since(records: &Records, version: u64) -> Self {
        let bounds = records.bounds();
        let newest_first: Vec<_> = records.all().into_iter().rev().collect();
        let changed = newest_first.iter().filter(|it| it.version() > version);
        Self {
            server_started: epoch_ms(records.started()),
            limits: Limits {
                invocations: bounds.invocations,
                bytes: bounds.bytes,
            },
            kept: newest_first.iter().map(|it| it.number).collect(),
            invocations: changed.map(|it| Summary::of(it, &it.state())).collect(),
        }
    }
}

impl Summary {
    fn of(record: &Record, state: &State) -> Self {
        let end = state.end.as_ref();
        Self {
            number: record.number,
            request_id: record.id.clone(),
            door: record.door,
            request: record.request.clone(),
            repeats: record.repeats,
            started: epoch_ms(record.started),
            state: match (end.map(|end| &end.outcome), state.phase) {
                (Some(Outcome::Complete), _) => "complete",
                (Some(Outcome::Failed { .. }), _) => "failed",
                (Some(Outcome::Left { stalled: false }), _) => "left",
                (Some(Outcome::Left { stalled: true }), _) => "stalled",
                (None, Phase::Waiting) => "waiting",
                (None, Phase::Working) => "working",
                (None, Phase::Responding) => "responding",
            },
            status: state.status.map(|status| status.as_u16()),
            chunks: state.timeline.chunks(),
            bytes: state.timeline.bytes(),
            taken_ms: state.taken.map(ms),
            first_byte_ms: state.timeline.first().map(ms),
            duration_ms: ms(end.map_or_else(|| record.elapsed(), |end| end.at)),
            error: match end.map(|end| &end.outcome) {
                Some(Outcome::Failed {
                    error_type,
                    message,
                    ..
                }) => Some(Error {
                    error_type: error_type.clone(),
                    message: message.clone(),
                }),
                _ => None,
            },
        }
    }
}

impl Detail {
    /// Returns what is new since a cursor, and moves it; a new cursor stands for everything.
    pub(super) fn since(record: &Record, cursor: &mut Cursor) -> Self {
        let state = record.state();
        let document = match state.end.as_ref().map(|end| &end.outcome) {
            Some(Outcome::Failed { document, .. }) => Some(document.clone()),
            _ => None,
        };
        Self {
            summary: Summary::of(record, &state),
            event: Kept {
                bytes: state.event.total(),
                kept: state.event.kept().len(),
            },
            head: state.head.as_ref().map(|head| Head {
                at_ms: ms(head.at),
                status: head.status.as_u16(),
                reason: head.status.canonical_reason(),
                headers: head.headers.clone(),
            }),
            head_in_payload: state.head_in_payload,
            timeline: Marks::since(&state.timeline, cursor),
            payload: Payload::since(&state.payload, cursor),
            trailers: state.trailers.clone(),
            error_document: document,
            log: Log::since(&state, cursor),
        }
    }
}

impl Marks {
    fn since(timeline: &Timeline, cursor: &mut Cursor) -> Self {
        if cursor.stride != timeline.stride() {
            cursor.stride = timeline.stride();
            cursor.marks = 0;
        }
        // The last one may have grown.
        let from = cursor.marks.min(timeline.marks().len()).saturating_sub(1);
        cursor.marks = timeline.marks().len();
        let marks = timeline.marks()[from..].iter();
        Self {
            from,
            marks: marks.map(|it| (ms(it.at), it.bytes, it.chunks)).collect(),
            bursts_per_mark: timeline.stride(),
            longest_gap: timeline.longest_gap().map(|gap| Gap {
                at_ms: ms(gap.begin),
                length_ms: ms(gap.length),
            }),
        }
    }
}

impl Payload {
    fn since(payload: &Prefix, cursor: &mut Cursor) -> Self {
        let from = cursor.payload.min(payload.kept().len());
        cursor.payload = payload.kept().len();
        Self {
            bytes: payload.total(),
            kept: payload.kept().len(),
            from,
            base64: STANDARD.encode(&payload.kept()[from..]),
        }
    }
}

impl Log {
    fn since(state: &State, cursor: &mut Cursor) -> Self {
        let from = cursor.lines.max(state.log.dropped());
        let lines = state.log.from(from);
        cursor.lines = state.log.written();
        Self {
            captured: state.log_captured,
            dropped: state.log.dropped(),
            from,
            lines: lines.map(|(at, line)| (ms(at), line.to_owned())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::{Value, json};

    use super::*;
    use crate::record::{Bounds, Opening, Recording};

    fn begin() -> (Recording, Rc<Record>, Rc<Records>) {
        let records = Records::new(Bounds {
            invocations: 10,
            bytes: 100,
        });
        let recording = records.begin(Opening {
            id: "an-id",
            door: DoorName::FunctionUrl,
            request: "GET /",
            event: b"{}",
            repeats: None,
        });
        let record = records.find("1").unwrap();
        (recording, record, records)
    }

    fn detail(record: &Record, cursor: &mut Cursor) -> Value {
        serde_json::to_value(Detail::since(record, cursor)).unwrap()
    }

    #[test]
    fn update_has_only_what_is_new() {
        let (mut recording, record, _) = begin();
        let program = recording.share();
        program.taken(true);
        program.log("one");
        recording.chunk(b"ab");
        recording.pause();
        let mut cursor = Cursor::default();
        let whole = detail(&record, &mut cursor);
        assert_eq!(
            whole["payload"],
            json!({"bytes": 2, "kept": 2, "from": 0, "base64": "YWI="})
        );
        assert_eq!(whole["log"]["lines"][0][1], "one");
        program.log("two");
        recording.chunk(b"c");
        recording.pause();
        let update = detail(&record, &mut cursor);
        assert_eq!(
            update["payload"],
            json!({"bytes": 3, "kept": 3, "from": 2, "base64": "Yw=="})
        );
        assert_eq!(
            (&update["log"]["from"], &update["log"]["lines"][0][1]),
            (&json!(1), &json!("two"))
        );
        // The last mark of the first update is sent again.
        assert_eq!(update["timeline"]["from"], 0);
        assert_eq!(update["timeline"]["marks"][1][1], 1);
        let nothing = detail(&record, &mut cursor);
        assert_eq!(nothing["payload"]["base64"], "");
        assert_eq!(nothing["timeline"]["from"], 1);
    }

    #[test]
    fn state_follows_the_invocation() {
        let (mut recording, record, records) = begin();
        let state = || detail(&record, &mut Cursor::default())["state"].clone();
        assert_eq!(state(), "waiting");
        recording.taken(false);
        assert_eq!(state(), "working");
        recording.status(http::StatusCode::OK);
        assert_eq!(state(), "responding");
        recording.end(Outcome::Left { stalled: false });
        assert_eq!(state(), "left");
        let version = records.version();
        let overview = serde_json::to_value(Overview::since(&records, version)).unwrap();
        assert_eq!(
            (&overview["kept"], &overview["invocations"]),
            (&json!([1]), &json!([]))
        );
    }
}
