//! Rows as NDJSON, as a JSON array and as CSV: a parser reads what was written.

use std::collections::BTreeMap;

use lambda_stream::format::{JsonArray, Ndjson, RowError};
use proptest::prelude::*;
use serde::{Deserialize, Serialize, Serializer};

use crate::support::rows::{Source, drain};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u64,
    name: String,
    note: Option<String>,
}

/// A row that fails in the middle of its serialization when it has no value.
#[derive(Serialize)]
struct Fragile {
    before: u64,
    #[serde(serialize_with = "fail_if_none")]
    value: Option<u64>,
}

fn fail_if_none<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.serialize_u64(*value),
        None => Err(serde::ser::Error::custom("no value")),
    }
}

fn fragile<const N: usize>(values: [Option<u64>; N]) -> [Result<Fragile, &'static str>; N] {
    values.map(|value| Ok(Fragile { before: 1, value }))
}

/// Generates text with many characters that formats treat specially.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            "\\PC{0,8}",
            prop::sample::select(vec![
                "\r", "\n", "\r\n", "\"", ",", "\\", "\0", "\u{2028}", "\u{feff}"
            ])
            .prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
        ],
        0..8,
    )
    .prop_map(|pieces| pieces.concat())
}

fn row() -> impl Strategy<Value = Row> {
    // CSV does not distinguish an empty text from a missing one.
    let note = prop::option::of(text().prop_filter("none", |text| !text.is_empty()));
    (any::<u64>(), text(), note).prop_map(|(id, name, note)| Row { id, name, note })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..20)
}

proptest! {
    #[test]
    fn ndjson_lines_parse_to_the_rows(rows in rows()) {
        let (source, is_dropped) = Source::new(rows.iter().map(Ok));
        let outcome = drain(Ndjson::new(source), &is_dropped);
        prop_assert_eq!(outcome.chunks.len(), rows.len());
        let text = outcome.text();
        prop_assert_eq!(text.matches('\n').count(), rows.len());
        let read: Result<Vec<Row>, _> = text.split_terminator('\n').map(serde_json::from_str).collect();
        prop_assert_eq!(read.unwrap(), rows);
    }

    #[test]
    fn json_array_parses_to_the_rows(rows in rows()) {
        let (source, is_dropped) = Source::new(rows.iter().map(Ok));
        let outcome = drain(JsonArray::new(source), &is_dropped);
        prop_assert_eq!(outcome.chunks.len(), rows.len() + 1);
        prop_assert_eq!(serde_json::from_str::<Vec<Row>>(&outcome.text()).unwrap(), rows);
    }
}

#[test]
fn no_rows_give_empty_output() {
    let (source, is_dropped) = Source::<Row>::new([]);
    assert!(drain(Ndjson::new(source), &is_dropped).chunks.is_empty());
    let (source, is_dropped) = Source::<Row>::new([]);
    assert_eq!(drain(JsonArray::new(source), &is_dropped).chunks, ["[]"]);
}

#[test]
fn row_error_ends_the_response() {
    let (source, is_dropped) = Source::new([Ok(1), Err("the database is gone")]);
    let outcome = drain(Ndjson::new(source), &is_dropped);
    assert_eq!(outcome.chunks, ["1\n"]);
    assert_eq!(outcome.error.as_deref(), Some("the database is gone"));

    let (source, is_dropped) = Source::new([Ok(1), Err("the database is gone")]);
    let outcome = drain(JsonArray::new(source), &is_dropped);
    assert_eq!(outcome.chunks, ["[1"]);
    assert_eq!(outcome.error.as_deref(), Some("the database is gone"));

    // Nothing has left yet, so the invocation can still fail as a whole.
    let (source, is_dropped) = Source::<u8>::new([Err("the database is gone")]);
    assert!(drain(JsonArray::new(source), &is_dropped).chunks.is_empty());
}

/// It leaves no partial output behind.
#[test]
fn unserializable_row_is_named() {
    let says = Some("row 2 (counted from 0) could not be serialized: no value");
    let values = [Some(1), Some(2), None, Some(4)];

    let (source, is_dropped) = Source::new(fragile(values));
    let outcome = drain(Ndjson::new(source), &is_dropped);
    assert_eq!(
        outcome.text(),
        "{\"before\":1,\"value\":1}\n{\"before\":1,\"value\":2}\n"
    );
    assert_eq!(outcome.error.as_deref(), says);

    let (source, is_dropped) = Source::new(fragile(values));
    let outcome = drain(JsonArray::new(source), &is_dropped);
    assert_eq!(
        outcome.text(),
        "[{\"before\":1,\"value\":1},{\"before\":1,\"value\":2}"
    );
    assert_eq!(outcome.error.as_deref(), says);
}

#[test]
fn row_error_has_index_and_cause() {
    let (source, is_dropped) = Source::new(fragile([Some(1), None]));
    let lines = Ndjson::new(source).ending_with(|error| {
        let error: &RowError = error.downcast_ref().unwrap();
        let cause = std::error::Error::source(error).unwrap().to_string();
        BTreeMap::from([("cause", cause), ("rows", error.index().to_string())])
    });
    let outcome = drain(lines, &is_dropped);
    assert_eq!(
        outcome.chunks[1..],
        ["{\"cause\":\"no value\",\"rows\":\"1\"}\n"]
    );
    assert!(outcome.error.is_some());
}

#[test]
fn unserializable_ending_keeps_the_error() {
    let (source, is_dropped) = Source::new([Ok(1), Err("the database is gone")]);
    let lines = Ndjson::new(source).ending_with(|_| Fragile {
        before: 1,
        value: None,
    });
    let outcome = drain(lines, &is_dropped);
    assert_eq!(outcome.chunks, ["1\n"]);
    assert_eq!(outcome.error.as_deref(), Some("the database is gone"));
}

#[test]
fn large_rows_stay_whole() {
    let large = "é".repeat(300_000);
    let (source, is_dropped) = Source::new([Ok("small"), Ok(&*large), Ok("small")]);
    let outcome = drain(Ndjson::new(source), &is_dropped);
    assert_eq!(
        outcome.chunks,
        [
            "\"small\"\n".to_owned(),
            format!("\"{large}\"\n"),
            "\"small\"\n".to_owned()
        ]
    );
}

#[cfg(feature = "csv")]
mod csv_rows {
    use lambda_stream::format::Csv;

    use super::*;

    fn read(text: &str) -> Vec<Row> {
        ::csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    proptest! {
        #[test]
        fn csv_parses_to_the_rows(rows in rows()) {
            let (source, is_dropped) = Source::new(rows.iter().map(Ok));
            let outcome = drain(Csv::new(source), &is_dropped);
            prop_assert_eq!(outcome.chunks.len(), rows.len());
            prop_assert_eq!(read(&outcome.text()), rows);
        }
    }

    #[test]
    fn columns_default_to_field_names() {
        let row = Row {
            id: 1,
            name: "a".to_owned(),
            note: None,
        };
        let (source, is_dropped) = Source::new([Ok(&row), Ok(&row)]);
        let outcome = drain(Csv::new(source), &is_dropped);
        assert_eq!(outcome.chunks, ["id,name,note\r\n1,a,\r\n", "1,a,\r\n"]);

        let (source, is_dropped) = Source::new([Ok(&row), Ok(&row)]);
        let outcome = drain(Csv::new(source).columns(["n°", "a,b", ""]), &is_dropped);
        assert_eq!(outcome.chunks, ["n°,\"a,b\",\r\n1,a,\r\n", "1,a,\r\n"]);
    }

    #[test]
    fn no_rows_leave_only_named_columns() {
        let (source, is_dropped) = Source::<Row>::new([]);
        assert!(drain(Csv::new(source), &is_dropped).chunks.is_empty());
        let (source, is_dropped) = Source::<Row>::new([]);
        let outcome = drain(Csv::new(source).columns(["id", "name"]), &is_dropped);
        assert_eq!(outcome.chunks, ["id,name\r\n"]);
    }

    #[test]
    fn error_before_first_row_writes_nothing() {
        let (source, is_dropped) = Source::<Row>::new([Err("the database is gone")]);
        let outcome = drain(Csv::new(source).columns(["id"]), &is_dropped);
        assert!(outcome.chunks.is_empty());
        assert_eq!(outcome.error.as_deref(), Some("the database is gone"));
    }

    /// It leaves no partial output behind.
    #[test]
    fn unserializable_row_is_named() {
        let (source, is_dropped) = Source::new(fragile([Some(1), None]));
        let outcome = drain(Csv::new(source), &is_dropped);
        assert_eq!(outcome.text(), "before,value\r\n1,1\r\n");
        let error = outcome.error.unwrap();
        assert!(error.starts_with("row 1 (counted from 0)"), "{error}");
        assert!(error.contains("no value"), "{error}");
    }

    #[test]
    fn row_length_mismatch_is_an_error() {
        let (source, is_dropped) = Source::new([Ok(vec![1, 2]), Ok(vec![3])]);
        let outcome = drain(Csv::new(source), &is_dropped);
        assert_eq!(outcome.text(), "1,2\r\n");
        assert!(outcome.error.unwrap().starts_with("row 1 (counted from 0)"));
    }

    #[test]
    fn large_field_is_never_partial() {
        let large = "é,".repeat(100_000);
        let (source, is_dropped) = Source::new([Ok((&*large, 1))]);
        let outcome = drain(Csv::new(source), &is_dropped);
        assert_eq!(outcome.chunks, [format!("\"{large}\",1\r\n")]);

        #[derive(Serialize)]
        struct Large<'a>(&'a str, Fragile);
        let broken = Large(
            &large,
            Fragile {
                before: 1,
                value: None,
            },
        );
        let (source, is_dropped) = Source::new([Ok(broken)]);
        let outcome = drain(Csv::new(source), &is_dropped);
        assert!(outcome.chunks.is_empty() && outcome.error.is_some());
    }
}

#[test]
fn streams_of_send_rows_are_send() {
    fn assert_send(_: &impl Send) {}
    let rows = || futures::stream::iter([Ok::<_, lambda_stream::Error>(1)]);
    assert_send(&Ndjson::new(rows()).ending_with(|_| ()));
    assert_send(&JsonArray::new(rows()));
    #[cfg(feature = "csv")]
    assert_send(&lambda_stream::format::Csv::new(rows()));
    let events =
        futures::stream::empty::<Result<lambda_stream::format::sse::Event, lambda_stream::Error>>();
    assert_send(&lambda_stream::format::Sse::new(events).into_parts().1);
}
