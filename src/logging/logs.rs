//! The settings of the subscriber.

use std::env;
use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::layer::Lines;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Words, for people.
    Text,
    /// One JSON object, in the shape that Lambda's own runtimes have.
    Json,
}

/// Log lines with settings; [`init`](super::init) is the one without.
///
/// ```
/// use lambda_stream::logging::Logs;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let others = tracing_subscriber::layer::Identity::new(); // such as OpenTelemetry's layer
/// let subscriber = tracing_subscriber::registry()
///     .with(Logs::from_env().into_layer())
///     .with(others);
/// tracing::subscriber::set_global_default(subscriber).expect("no subscriber is set yet");
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is logged until this is a subscriber"]
pub struct Logs<W = fn() -> io::Stderr> {
    format: Format,
    filter: Targets,
    is_coloured: bool,
    writer: W,
}

impl Logs {
    /// Creates what the [environment](super#what-is-configured-where) asks for.
    pub fn from_env() -> Self {
        Self::from_variables(
            |name| env::var(name).ok().filter(|value| !value.is_empty()),
            io::stderr().is_terminal(),
        )
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> Self {
        let is_json = variable("AWS_LAMBDA_LOG_FORMAT")
            .is_some_and(|format| format.eq_ignore_ascii_case("json"));
        let level = variable("AWS_LAMBDA_LOG_LEVEL").and_then(|level| level_of(&level));
        let targets = variable("RUST_LOG").and_then(|targets| targets.parse().ok());
        Self {
            format: if is_json { Format::Json } else { Format::Text },
            filter: match (level, targets) {
                (Some(level), _) => Targets::new().with_default(level),
                (None, Some(targets)) => targets,
                (None, None) => Targets::new().with_default(LevelFilter::INFO),
            },
            is_coloured: is_terminal && variable("NO_COLOR").is_none(),
            writer: io::stderr,
        }
    }
}

impl<W> Logs<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    /// Sets how a line is written.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the least level of each target.
    pub fn filter(mut self, filter: Targets) -> Self {
        self.filter = filter;
        self
    }

    /// Sets where the lines go, without colours.
    pub fn writer<V>(self, writer: V) -> Logs<V>
    where
        V: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        Logs {
            format: self.format,
            filter: self.filter,
            is_coloured: false,
            writer,
        }
    }

    /// Returns a layer with its own filter, to be combined with others.
    pub fn into_layer<S>(self) -> impl Layer<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let lines = Lines {
            format: self.format,
            is_coloured: self.is_coloured,
            writer: self.writer,
        };
        lines.with_filter(self.filter)
    }

    /// Makes this the subscriber of the whole process, unless it has one.
    pub fn init(self) {
        let subscriber = tracing_subscriber::registry().with(self.into_layer());
        // A program that has set its own subscriber keeps it.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

/// Returns a level of Lambda, of which `FATAL` is not one of `tracing`.
fn level_of(level: &str) -> Option<LevelFilter> {
    if level.eq_ignore_ascii_case("fatal") {
        return Some(LevelFilter::ERROR);
    }
    level.parse().ok()
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn logs(variables: &[(&str, &str)], is_terminal: bool) -> Logs {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Logs::from_variables(value, is_terminal)
    }

    #[test]
    fn format_ignores_case() {
        for (value, format) in [
            ("JSON", Format::Json),
            ("json", Format::Json),
            ("Text", Format::Text),
            ("xml", Format::Text),
        ] {
            let logs = logs(&[("AWS_LAMBDA_LOG_FORMAT", value)], false);
            assert_eq!(logs.format, format, "{value}");
        }
        assert_eq!(logs(&[], false).format, Format::Text);
    }

    #[test]
    fn level_of_lambda_comes_first() {
        let least = |variables: &[_]| {
            let filter = logs(variables, false).filter;
            let levels = [
                Level::TRACE,
                Level::DEBUG,
                Level::INFO,
                Level::WARN,
                Level::ERROR,
            ];
            levels
                .into_iter()
                .find(|level| filter.would_enable("my_app", level))
        };
        assert_eq!(least(&[]), Some(Level::INFO));
        assert_eq!(
            least(&[("AWS_LAMBDA_LOG_LEVEL", "Trace")]),
            Some(Level::TRACE)
        );
        assert_eq!(
            least(&[("AWS_LAMBDA_LOG_LEVEL", "FATAL")]),
            Some(Level::ERROR)
        );
        let rust_log = ("RUST_LOG", "my_app=debug,error");
        assert_eq!(least(&[rust_log]), Some(Level::DEBUG));
        assert_eq!(
            least(&[rust_log, ("AWS_LAMBDA_LOG_LEVEL", "WARN")]),
            Some(Level::WARN)
        );
        assert_eq!(
            least(&[rust_log, ("AWS_LAMBDA_LOG_LEVEL", "loud")]),
            Some(Level::DEBUG)
        );
        assert_eq!(least(&[("RUST_LOG", "a=b=c")]), Some(Level::INFO));
    }

    #[test]
    fn terminal_has_colours() {
        assert!(logs(&[], true).is_coloured);
        assert!(!logs(&[], false).is_coloured);
        assert!(!logs(&[("NO_COLOR", "1")], true).is_coloured);
    }
}
