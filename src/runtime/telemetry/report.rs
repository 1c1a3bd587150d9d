//! How failures are told: as `tracing` events, or as lines on stderr where nobody takes those.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Once;

use lambda_stream_wire::failure::causes;
use tracing::Level;

use super::TARGET;
use crate::error::{Escaped, Failure};
use crate::runtime::RunError;

/// `cargo lambda build --release` builds so unless the profile says otherwise.
const ABORTING_PANICS: &str = "this program is built with `panic = \"abort\"`, so a panic ends the \
     process and all its invocations instead of failing one; to change that, set `panic = \"unwind\"` \
     in `[profile.release]` of Cargo.toml";

/// Longest text of an error or of one of its causes in a report, in bytes; the service gets all of
/// it. CloudWatch takes 256 KiB in one event (AWS, CloudWatch Logs quotas).
const TEXT_LIMIT: usize = 8 * 1024;

/// Number of causes in a report.
const CAUSES_LIMIT: usize = 16;

/// Tells what went wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// Whether the local Lambda prints a line of its own for each invocation.
    pub(crate) shown_locally: bool,
}

impl Report {
    /// Tells of a failed invocation.
    pub(in crate::runtime) fn invocation_failed(self, request_id: &str, failure: &Failure) {
        let news = News {
            error_type: Some(failure.error_type()),
            ..News::of(failure, Some(request_id), "invocation failed")
        };
        self.tell(Level::ERROR, &news);
    }

    /// Tells of something that affects no more than this invocation or connection.
    pub(in crate::runtime) fn warn(self, request_id: Option<&str>, message: impl fmt::Display) {
        self.tell(Level::WARN, &News::new(request_id, message));
    }

    /// Tells why the runtime stops.
    pub(in crate::runtime) fn stopped(error: &RunError) {
        let news = News::of(error, None, "the runtime stopped");
        Self::everywhere().tell(Level::ERROR, &news);
    }

    /// Tells why the runtime has ended; a failed set-up was told before it was reported.
    pub(in crate::runtime) fn ended(stopped: &Result<(), RunError>) {
        if let Some(error) = stopped.as_ref().err().filter(|error| !error.is_setup()) {
            Self::stopped(error);
        }
    }

    /// Tells, once, that a panic ends the process, if the program is built so.
    pub(in crate::runtime) fn aborting_panics() {
        static TOLD: Once = Once::new();
        if cfg!(panic = "abort") {
            TOLD.call_once(|| Self::everywhere().warn(None, ABORTING_PANICS));
        }
    }

    /// A report of what the local Lambda has no line for.
    fn everywhere() -> Self {
        Self {
            shown_locally: false,
        }
    }

    fn tell(self, level: Level, news: &News<'_>) {
        if !news.emit(level) && !self.shown_locally {
            // A closed stderr is not a reason to stop.
            let _ = std::io::stderr()
                .lock()
                .write_all(news.line(level).as_bytes());
        }
    }
}

/// One thing that went wrong.
struct News<'a> {
    request_id: Option<&'a str>,
    message: String,
    error_type: Option<&'a str>,
    error: Option<String>,
    causes: Vec<String>,
}

impl<'a> News<'a> {
    fn new(request_id: Option<&'a str>, message: impl fmt::Display) -> Self {
        Self {
            request_id,
            message: Escaped(message).to_string(),
            error_type: None,
            error: None,
            causes: Vec::new(),
        }
    }

    fn of(
        error: &(dyn StdError + 'static),
        request_id: Option<&'a str>,
        message: &'static str,
    ) -> Self {
        Self {
            error: Some(cut(error.to_string())),
            causes: causes(error)
                .into_iter()
                .take(CAUSES_LIMIT)
                .map(cut)
                .collect(),
            ..Self::new(request_id, message)
        }
    }

    /// Emits an event. Returns whether a subscriber has taken it.
    ///
    /// A subscriber that takes an event formats its message. Asking with `event_enabled!` is not
    /// enough: a filter that looks at the event itself can still drop it.
    fn emit(&self, level: Level) -> bool {
        let message = Watched {
            text: &self.message,
            seen: Cell::new(false),
        };
        let causes = (!self.causes.is_empty()).then(|| self.causes.join("; "));
        // Texts are recorded as strings, which subscribers quote and escape.
        macro_rules! emit {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    request_id = self.request_id,
                    error.type = self.error_type,
                    error = self.error.as_deref(),
                    error.causes = causes,
                    "{message}"
                )
            };
        }
        if level == Level::ERROR {
            emit!(Level::ERROR);
        } else {
            emit!(Level::WARN);
        }
        message.seen.get()
    }

    /// Returns the line for stderr.
    fn line(&self, level: Level) -> String {
        let mut line = format!("{level} lambda-stream: ");
        // Writing to a string cannot fail.
        let _ = self.write(&mut line);
        line.push('\n');
        line
    }

    fn write(&self, line: &mut String) -> fmt::Result {
        if let Some(id) = self.request_id {
            write!(line, "{}: ", Escaped(id))?;
        }
        line.write_str(&self.message)?;
        if let Some(error_type) = self.error_type {
            write!(line, ": {error_type}")?;
        }
        if let Some(error) = &self.error {
            write!(line, ": {}", Escaped(error))?;
        }
        self.causes
            .iter()
            .try_for_each(|cause| write!(line, "; caused by: {}", Escaped(cause)))
    }
}

/// Shortens a text that is too long for a report.
fn cut(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

/// A text that notes whether anybody has formatted it.
struct Watched<'a> {
    text: &'a str,
    seen: Cell<bool>,
}

impl fmt::Display for Watched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen.set(true);
        f.write_str(self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    use tracing_subscriber::{fmt, registry};

    use super::*;

    fn failure() -> Failure {
        let cause = io::Error::other("the bucket is empty");
        Failure::new("Quota", "none left\r\nERROR forged \u{1b}[31m é")
            .with_stack_trace([format!("caused by: {cause}"), "caused by: a\nb".to_owned()])
    }

    fn news(failure: &Failure) -> News<'_> {
        News {
            error_type: Some(failure.error_type()),
            ..News::of(failure, Some("1"), "invocation failed")
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn layer<S>(&self) -> impl Layer<S> + use<S>
        where
            S: tracing::Subscriber + for<'a> registry::LookupSpan<'a>,
        {
            let log = self.clone();
            fmt::layer()
                .without_time()
                .with_ansi(false)
                .with_writer(move || log.clone())
        }
    }

    #[test]
    fn failure_is_one_escaped_line() {
        assert_eq!(
            news(&failure()).line(Level::ERROR),
            "ERROR lambda-stream: 1: invocation failed: Function.Quota: none left\\r\\nERROR forged \
             \\u{1b}[31m é; caused by: the bucket is empty; caused by: a\\nb\n"
        );
        let warning = News::new(None, "the connection\u{2028}was lost");
        assert_eq!(
            warning.line(Level::WARN),
            "WARN lambda-stream: the connection\\u{2028}was lost\n"
        );
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "é".repeat(TEXT_LIMIT);
        let failure = Failure::new("Quota", long.as_str())
            .with_stack_trace((0..100).map(|n| format!("caused by: {n}{long}")));
        let line = news(&failure).line(Level::ERROR);
        assert_eq!(line.matches("; caused by: ").count(), CAUSES_LIMIT);
        assert_eq!(line.matches('…').count(), CAUSES_LIMIT + 1);
        assert!(line.len() < (CAUSES_LIMIT + 1) * (TEXT_LIMIT + 32));
    }

    #[test]
    fn subscriber_takes_fields() {
        let log = Log::default();
        let taken = with_default(registry().with(log.layer()), || {
            news(&failure()).emit(Level::ERROR)
        });
        assert!(taken);
        assert_eq!(
            log.text(),
            "ERROR lambda_stream: invocation failed request_id=\"1\" error.type=\"Function.Quota\" \
             error=\"none left\\r\\nERROR forged \\u{1b}[31m é\" error.causes=\"the bucket is empty; a\\nb\"\n"
        );
    }

    #[test]
    fn causes_are_absent_where_there_are_none() {
        let log = Log::default();
        let plain = Failure::new("Quota", "none left");
        with_default(registry().with(log.layer()), || {
            news(&plain).emit(Level::ERROR)
        });
        assert!(!log.text().contains("causes"), "{}", log.text());
        assert!(!news(&plain).line(Level::ERROR).contains(';'));
    }

    /// A scoped subscriber that has ended, a filter of the target, of the level and of one layer.
    #[test]
    fn untaken_failures_go_to_stderr() {
        let failure = failure();
        let taken = || news(&failure).emit(Level::ERROR);
        let log = Log::default();
        let others = || Targets::new().with_target("my_app", LevelFilter::TRACE);
        assert!(!taken());
        assert!(with_default(registry().with(log.layer()), taken));
        assert!(!taken());
        assert!(!with_default(
            registry().with(others()).with(log.layer()),
            taken
        ));
        assert!(!with_default(
            registry().with(LevelFilter::OFF).with(log.layer()),
            taken
        ));
        assert!(!with_default(
            registry().with(log.layer()).with(Dropping),
            taken
        ));
        let filtered = || log.layer().with_filter(others());
        assert!(!with_default(registry().with(filtered()), taken));
        let both = registry().with(filtered()).with(log.layer());
        assert!(with_default(both, taken));
        assert!(!taken());
    }

    /// A filter that drops events once it sees them.
    struct Dropping;

    impl<S: tracing::Subscriber> Layer<S> for Dropping {
        fn event_enabled(&self, _: &tracing::Event<'_>, _: Context<'_, S>) -> bool {
            false
        }
    }

    #[test]
    fn stopped_runtime_tells_every_cause() {
        let failure = Failure::new("Quota", "none left").with_stack_trace(["caused by: a bug"]);
        let error = RunError::setup(failure);
        assert_eq!(
            News::of(&error, None, "the runtime stopped").line(Level::ERROR),
            "ERROR lambda-stream: the runtime stopped: the set-up failed; caused by: none left; \
             caused by: a bug\n"
        );
    }
}
