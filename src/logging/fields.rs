//! The fields of events and spans.

use std::error::Error as StdError;
use std::fmt::Debug;

use lambda_stream_wire::failure::causes;
use serde_json::Value;
use tracing::field::{Field, Visit};

/// The field of the invocation's span that has the id of the request.
const REQUEST_ID: &str = "faas.invocation_id";

/// The fields of an event or a span, in the order in which they were recorded.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    /// The id of the request, in an event or span that has one.
    pub(super) request_id: Option<String>,
    pub(super) values: Vec<(String, Value)>,
}

impl Fields {
    /// Adds a field, or replaces the value of one that is there.
    pub(super) fn insert(&mut self, name: &str, value: Value) {
        match self.values.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name.to_owned(), value)),
        }
    }

    fn record(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            (REQUEST_ID | "request_id", Value::String(id)) => self.request_id = Some(id),
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.insert(name.trim_start_matches("r#"), value),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        self.record(field, value.to_string().into());
        let causes = causes(value);
        if !causes.is_empty() {
            self.insert(&format!("{}.causes", field.name()), causes.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record(field, format!("{value:?}").into());
    }
}
