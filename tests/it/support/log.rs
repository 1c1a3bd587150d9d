//! A subscriber that keeps spans and events, for tests of what is told.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{self, LookupSpan};

type Fields = BTreeMap<String, String>;

/// An event, and the fields of the invocation's span in which it was emitted.
#[derive(Debug, Clone)]
pub struct Line {
    pub level: Level,
    pub fields: Fields,
    pub span: Option<Fields>,
}

impl Line {
    pub fn message(&self) -> &str {
        &self.fields["message"]
    }

    pub fn request_id(&self) -> Option<&str> {
        Some(self.span.as_ref()?["faas.invocation_id"].as_str())
    }

    pub fn number(&self, name: &str) -> f64 {
        self.fields[name].parse().unwrap()
    }
}

/// What was told.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<Line>,
    closed: Vec<Fields>,
}

impl Log {
    /// Keeps what this thread tells until the guard is dropped.
    pub fn start() -> (Self, DefaultGuard) {
        Self::start_with_targets(&["it", "lambda_stream"])
    }

    /// Like [`Self::start`], for targets that begin with one of these.
    pub fn start_with_targets(targets: &'static [&'static str]) -> (Self, DefaultGuard) {
        let log = Self::default();
        let of_targets = filter_fn(|metadata| {
            let mut targets = targets.iter();
            targets.any(|target| metadata.target().starts_with(target))
        });
        let subscriber = registry().with(log.clone().with_filter(of_targets));
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    /// Returns the lines with this message.
    pub fn lines(&self, message: &str) -> Vec<Line> {
        let kept = self.0.lock().unwrap();
        let lines = kept.lines.iter().filter(|line| line.message() == message);
        lines.cloned().collect()
    }

    /// Returns the only line with this message.
    pub fn line(&self, message: &str) -> Line {
        let mut lines = self.lines(message);
        assert_eq!(lines.len(), 1, "{message}: {lines:?}");
        lines.remove(0)
    }

    /// Returns the fields of the spans that are closed.
    pub fn closed_spans(&self) -> Vec<Fields> {
        self.0.lock().unwrap().closed.clone()
    }
}

fn registry() -> registry::Registry {
    tracing_subscriber::registry()
}

impl<S> Layer<S> for Log
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Visited(BTreeMap::from([(
            "name".to_owned(),
            attributes.metadata().name().to_owned(),
        )]));
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Visited>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Visited::default();
        event.record(&mut fields);
        let span = context.lookup_current().map(|span| {
            let extensions = span.extensions();
            extensions.get::<Visited>().unwrap().0.clone()
        });
        self.0.lock().unwrap().lines.push(Line {
            level: *event.metadata().level(),
            fields: fields.0,
            span,
        });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions().get::<Visited>().unwrap().0.clone();
        self.0.lock().unwrap().closed.push(fields);
    }
}

#[derive(Default)]
struct Visited(Fields);

impl Visit for Visited {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
