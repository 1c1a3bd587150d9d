//! The layer that writes a line for each event.

use std::io::Write;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::logs::Format;
use super::{json, text};
use crate::runtime::TARGET;

/// What a line says.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) time: String,
    pub(super) level: Level,
    pub(super) target: &'a str,
    /// Those of the event, and of the spans around it.
    pub(super) fields: Fields,
}

/// Writes a line for each event.
#[derive(Debug)]
pub(super) struct Lines<W> {
    pub(super) format: Format,
    pub(super) is_coloured: bool,
    pub(super) writer: W,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
                values.record(fields);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        if let Some(scope) = context.event_scope(event) {
            for span in scope.from_root() {
                let extensions = span.extensions();
                let Some(around) = extensions.get::<Fields>() else {
                    continue;
                };
                if around.request_id.is_some() {
                    fields.request_id.clone_from(&around.request_id);
                }
                if span.metadata().target() != TARGET {
                    for (name, value) in &around.values {
                        fields.insert(name, value.clone());
                    }
                }
            }
        }
        event.record(&mut fields);
        let line = Line {
            time: now(),
            level: *metadata.level(),
            target: metadata.target(),
            fields,
        };
        let line = match self.format {
            Format::Json => json::line(&line),
            Format::Text => text::line(&line, self.is_coloured),
        };
        // Whoever cannot write its log goes on without.
        let _ = self
            .writer
            .make_writer_for(metadata)
            .write_all(line.as_bytes());
    }
}

/// Returns the time of day in UTC, as RFC 3339 has it.
fn now() -> String {
    let mut time = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    time
}
