//! The figures of an invocation, and the event that tells them.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tracing::{Span, info};

use super::TARGET;
use super::counted::Counted;
use crate::error::Failure;
use crate::response::{Form, Response};
use crate::runtime::RunError;

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runtime) enum Ending {
    /// The response was sent to its end and accepted.
    Completed,
    /// The handler, its stream or its response failed, and the Runtime API was told so.
    Failed,
    /// The Runtime API refused what was posted.
    Refused,
    /// The connection to the Runtime API was lost.
    Lost,
    /// The runtime was dropped.
    Cancelled,
}

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Lost => "connection_lost",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is noted of one invocation, if anybody wants it. Dropping it emits the event that tells it.
#[derive(Debug)]
pub(in crate::runtime) struct Record(Option<Figures>);

impl Record {
    /// Starts the record of an invocation, which notes nothing if its span is disabled.
    pub(in crate::runtime) fn start(span: &Span) -> Self {
        Self((!span.is_disabled()).then(|| Figures::new(span.clone())))
    }

    /// Notes what the invocation failed with.
    pub(in crate::runtime) fn fail(&mut self, failure: &Failure) {
        if let Some(figures) = &mut self.0 {
            figures.error_type = Some(failure.error_type().to_owned());
        }
    }

    /// Counts the chunks of a response from now on.
    pub(in crate::runtime) fn count<S>(
        &mut self,
        response: Response<S>,
    ) -> Response<Counted<'_, S>> {
        let mut figures = self.0.as_mut();
        if let (Some(figures), Form::Http(head)) = (&mut figures, &response.form) {
            figures.status = Some(head.status());
        }
        response.map(|payload| Counted::new(payload, figures))
    }

    /// Notes that the response is over.
    pub(in crate::runtime) fn end(&mut self, ended: &Result<Ending, RunError>) {
        if let Some(figures) = &mut self.0 {
            figures.end(match ended {
                Ok(ending) => *ending,
                Err(error) if error.is_connection() => Ending::Lost,
                Err(_) => Ending::Refused,
            });
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(figures) = &self.0 {
            figures.emit();
        }
    }
}

/// The figures of one invocation.
#[derive(Debug)]
pub(super) struct Figures {
    span: Span,
    ending: Ending,
    error_type: Option<String>,
    status: Option<StatusCode>,
    bytes: u64,
    chunks: u64,
    started: Instant,
    first_chunk: Option<Instant>,
    last_chunk: Option<Instant>,
    longest_gap: Option<Duration>,
    /// When the response had been sent and answered.
    answered: Option<Instant>,
}

impl Figures {
    fn new(span: Span) -> Self {
        Self {
            span,
            ending: Ending::Cancelled,
            error_type: None,
            status: None,
            bytes: 0,
            chunks: 0,
            started: Instant::now(),
            first_chunk: None,
            last_chunk: None,
            longest_gap: None,
            answered: None,
        }
    }

    /// Counts a chunk that the payload gave. Empty chunks are not sent, so they do not count.
    pub(super) fn add_chunk(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        let now = Instant::now();
        self.bytes += len as u64;
        self.chunks += 1;
        self.first_chunk.get_or_insert(now);
        self.end_gap(now);
        self.last_chunk = Some(now);
    }

    fn end(&mut self, ending: Ending) {
        let now = Instant::now();
        self.answered = Some(now);
        self.end_gap(now);
        self.ending = match ending {
            Ending::Completed if self.error_type.is_some() => Ending::Failed,
            ending => ending,
        };
    }

    fn end_gap(&mut self, now: Instant) {
        let gap = self.last_chunk.map(|last| now - last);
        self.longest_gap = self.longest_gap.max(gap);
    }

    fn emit(&self) {
        let now = Instant::now();
        let status = self.status.map(|status| status.as_u16());
        let error_type = self.error_type.as_deref();
        self.span.record("http.response.status_code", status);
        self.span.record("error.type", error_type);
        if self.ending != Ending::Completed {
            self.span.record("otel.status_code", "ERROR");
        }
        let since_start = |moment: Instant| milliseconds(moment - self.started);
        info!(
            target: TARGET,
            outcome = self.ending.as_str(),
            error.type = error_type,
            http.response.status_code = status,
            bytes = self.bytes,
            chunks = self.chunks,
            time_to_first_byte_ms = self.first_chunk.map(since_start),
            longest_gap_ms = self.longest_gap.map(milliseconds),
            duration_ms = since_start(self.answered.unwrap_or(now)),
            after_response_ms = self.answered.map(|answered| milliseconds(now - answered)),
            "invocation ended"
        );
    }
}

/// Returns a duration in milliseconds, exact to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}
