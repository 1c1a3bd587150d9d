//! Server-sent events: a client reads what was written.

use std::time::Duration;

use lambda_stream::format::Sse;
use lambda_stream::format::sse::{Event, EventError};
use proptest::prelude::*;

use crate::support::event_source::{self, Dispatched, Received};
use crate::support::rows::{Source, drain};

/// A field that a program sets on an event.
#[derive(Debug, Clone)]
enum Field {
    Data(String),
    Event(String),
    Id(String),
    Retry(u64),
    Comment(String),
}

impl Field {
    fn set(&self, event: Event) -> Event {
        match self {
            Self::Data(text) => event.data(text),
            Self::Event(name) => event.event(name),
            Self::Id(id) => event.id(id),
            Self::Retry(ms) => event.retry(Duration::from_millis(*ms)),
            Self::Comment(text) => event.comment(text),
        }
    }
}

/// Generates text with many line breaks, colons, spaces and NULs.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            3 => "\\PC{0,8}",
            3 => prop::sample::select(vec!["\r", "\n", "\r\n", ":", " ", "\u{feff}", "\0", "data: ", "\u{2028}", "\u{85}"])
                .prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ],
        0..12,
    )
    .prop_map(|pieces| pieces.concat())
}

fn one_line() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\r', '\n', '\0'], "-"))
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        4 => text().prop_map(Field::Data),
        1 => one_line().prop_map(Field::Event),
        1 => one_line().prop_map(Field::Id),
        1 => any::<u64>().prop_map(Field::Retry),
        1 => text().prop_map(Field::Comment),
    ]
}

/// Normalizes line breaks as the standard does.
fn as_read(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Returns what a client should receive, derived from the fields and not from bytes.
fn expected(events: &[Vec<Field>]) -> Received {
    let mut received = Received::default();
    for fields in events {
        let (mut name, mut data) = (String::new(), Vec::new());
        for field in fields {
            match field {
                Field::Data(text) => data.push(as_read(text)),
                Field::Event(event) => name.clone_from(event),
                Field::Id(id) => received.last_event_id.clone_from(id),
                Field::Retry(ms) => received.reconnection_ms = Some(u128::from(*ms)),
                Field::Comment(text) => received
                    .comments
                    .extend(as_read(text).split('\n').map(|line| format!(" {line}"))),
            }
        }
        if !data.is_empty() {
            received.events.push(Dispatched {
                event: if name.is_empty() {
                    "message".to_owned()
                } else {
                    name
                },
                data: data.join("\n"),
                last_event_id: received.last_event_id.clone(),
            });
        }
    }
    received
}

proptest! {
    #[test]
    fn client_reads_what_was_set(
        events in prop::collection::vec(prop::collection::vec(field(), 0..6), 0..6)
    ) {
        let built = events.iter().map(|fields| {
            Ok(fields.iter().fold(Event::new(), |event, field| field.set(event)))
        });
        let (source, is_dropped) = Source::new(built);
        let outcome = drain(Sse::new(source), &is_dropped);
        prop_assert_eq!(outcome.error.as_deref(), None);
        prop_assert_eq!(outcome.chunks.len(), events.len());
        for chunk in &outcome.chunks {
            prop_assert!(chunk.ends_with('\n'));
        }
        prop_assert_eq!(event_source::read(outcome.text().as_bytes()), expected(&events));
    }

    #[test]
    fn json_data_round_trips(value in ".*", key in text(), number in any::<i64>()) {
        let value = serde_json::json!({ key: [value, number] });
        let (source, is_dropped) = Source::new([Ok(Event::new().json_data(&value))]);
        let read = event_source::read(drain(Sse::new(source), &is_dropped).text().as_bytes());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&read.events[0].data).unwrap(), value);
    }
}

#[test]
fn invalid_event_names_the_field() {
    let (source, is_dropped) = Source::new([
        Ok(Event::new().data("a")),
        Ok(Event::new().data("never seen").id("two\nlines")),
        Ok(Event::new().data("nor this")),
    ]);
    let outcome = drain(Sse::new(source), &is_dropped);
    assert_eq!(outcome.chunks, ["data: a\n\n"]);
    assert_eq!(
        outcome.error.as_deref(),
        Some(
            r#"the `id` of a server-sent event must not contain a line break or a NUL: "two\nlines""#
        )
    );
}

#[test]
fn error_follows_its_ending_event() {
    let (source, is_dropped) = Source::new([Ok(Event::new().data("a")), Err("no tokens left")]);
    let stream = Sse::new(source).ending_with(|error| Event::new().event("failure").data(error));
    let outcome = drain(stream, &is_dropped);
    assert_eq!(
        outcome.chunks,
        ["data: a\n\n", "event: failure\ndata: no tokens left\n\n"]
    );
    assert_eq!(outcome.error.as_deref(), Some("no tokens left"));
}

#[test]
fn invalid_event_has_an_ending() {
    let (source, is_dropped) = Source::new([Ok(Event::new().event("\n"))]);
    let stream = Sse::new(source).ending_with(|error| {
        Event::new().data(error.downcast_ref::<EventError>().unwrap().field())
    });
    let outcome = drain(stream, &is_dropped);
    assert_eq!(outcome.chunks, ["data: event\n\n"]);
    assert!(outcome.error.is_some());
}

#[test]
fn invalid_ending_keeps_the_error() {
    let (source, is_dropped) = Source::new([Err("no tokens left")]);
    let stream = Sse::new(source).ending_with(|_| Event::new().event("\n").data("x"));
    let outcome = drain(stream, &is_dropped);
    assert!(outcome.chunks.is_empty());
    assert_eq!(outcome.error.as_deref(), Some("no tokens left"));
}

#[test]
fn successful_stream_has_no_ending() {
    let (source, is_dropped) = Source::new([Ok(Event::new().data("a"))]);
    let stream = Sse::new(source).ending_with(|_| panic!("nothing failed"));
    assert_eq!(drain(stream, &is_dropped).chunks, ["data: a\n\n"]);
}

#[test]
fn drop_reaches_the_events() {
    let (source, is_dropped) = Source::new([Ok(Event::new().data("a"))]);
    drop(Sse::new(source).keep_alive(Duration::from_secs(1)));
    assert!(*is_dropped.borrow());
}
