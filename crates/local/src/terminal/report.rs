//! The line that the terminal shows for one invocation.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderMap;
use lambda_stream_wire::decoder::Decoded;

use super::Terminal;
use crate::connection::Connection;
use crate::invocation::Fault;
use crate::record::{Outcome, Recording};

/// One invocation, as its client sees it: for the terminal in one line, and for its record in full.
/// Dropped unfinished, the client has left.
pub(crate) struct Report {
    terminal: Terminal,
    recording: Recording,
    request: Rc<str>,
    /// The client's connection, if there is one.
    client: Option<Rc<Connection>>,
    begun: Instant,
    status: Option<StatusCode>,
    first_byte: Option<Duration>,
    chunks: u64,
    bytes: u64,
    is_finished: bool,
}

impl Report {
    pub(crate) fn new(
        terminal: &Terminal,
        recording: Recording,
        request: Rc<str>,
        client: Option<Rc<Connection>>,
    ) -> Self {
        Self {
            terminal: terminal.clone(),
            recording,
            request,
            client,
            begun: Instant::now(),
            status: None,
            first_byte: None,
            chunks: 0,
            bytes: 0,
            is_finished: false,
        }
    }

    /// Returns the number and the request id under which the invocation is kept.
    pub(crate) fn key(&self) -> Option<(u64, &str)> {
        self.recording.key()
    }

    /// The client is sent this status.
    pub(crate) fn status(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.recording.status(status);
    }

    /// The client is sent this head.
    pub(crate) fn head(&mut self, head: &Decoded) {
        self.status(head.status);
        self.recording.head(head);
    }

    /// The client is passed the prelude within the payload.
    pub(crate) fn expect_prelude(&self) {
        self.recording.expect_prelude();
    }

    /// The client is sent a chunk.
    pub(crate) fn chunk(&mut self, chunk: &Bytes) {
        self.first_byte.get_or_insert_with(|| self.begun.elapsed());
        self.chunks += 1;
        self.bytes += chunk.len() as u64;
        self.recording.chunk(chunk);
    }

    /// No further chunk is there for now.
    pub(crate) fn pause(&mut self) {
        self.recording.pause();
    }

    /// The program ended its response with these trailers.
    pub(crate) fn trailers(&self, trailers: &HeaderMap) {
        self.recording.trailers(trailers);
    }

    pub(crate) fn complete(self) {
        let line = self.completed();
        self.finish(&line, Outcome::Complete);
    }

    pub(crate) fn failed(self, fault: &Fault) {
        self.failed_with_status(StatusCode::BAD_GATEWAY, fault);
    }

    /// The client is sent this status where it has not been sent one.
    pub(crate) fn failed_with_status(self, status: StatusCode, fault: &Fault) {
        let line = self.failed_with(status, fault);
        if self.status.is_none() {
            self.recording.status(status);
        }
        self.finish(&line, Outcome::failed(fault));
    }

    fn finish(mut self, line: &str, outcome: Outcome) {
        self.is_finished = true;
        self.recording.end(outcome);
        self.terminal.line(line);
    }

    fn completed(&self) -> String {
        let start = self.start();
        let whole = duration(self.begun.elapsed());
        let Some(first) = self.first_byte.map(duration) else {
            return format!("{start}, no body, {whole}");
        };
        let (counted, bytes) = (self.counted(), self.bytes);
        format!("{start}, {counted}, {bytes} B, first byte {first}, {whole}")
    }

    fn failed_with(&self, status: StatusCode, fault: &Fault) -> String {
        let start = self.start();
        match self.status {
            Some(_) => format!("{start}, then failed after {}: {fault}", self.counted()),
            None => format!("{start} -> {}: {fault}", status.as_u16()),
        }
    }

    fn left(&self) -> String {
        let start = self.start();
        match self.status {
            Some(_) if self.is_stalled() => format!(
                "{start}, ended after {}: the client did not read on while others waited",
                self.counted()
            ),
            Some(_) => format!("{start}, the client left after {}", self.counted()),
            None => format!("{start}: the client left before the response began"),
        }
    }

    /// Returns whether the client did not read on while others waited.
    fn is_stalled(&self) -> bool {
        self.client.as_ref().is_some_and(|it| it.is_aborted())
    }

    fn start(&self) -> String {
        match self.status {
            Some(status) => format!("{} -> {}", self.request, status.as_u16()),
            None => self.request.to_string(),
        }
    }

    fn counted(&self) -> String {
        match self.chunks {
            1 => "1 chunk".to_owned(),
            chunks => format!("{chunks} chunks"),
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.is_finished {
            self.terminal.line(&self.left());
            let stalled = self.is_stalled();
            self.recording.end(Outcome::Left { stalled });
        }
    }
}

fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(
            &Terminal::new(None),
            Recording::off(),
            "POST /invoke".into(),
            None,
        )
    }

    #[test]
    fn complete_response_is_counted_and_timed() {
        let mut report = report();
        report.status(StatusCode::IM_A_TEAPOT);
        for len in [10, 39] {
            report.chunk(&vec![0; len].into());
        }
        report.first_byte = Some(Duration::from_millis(1));
        let line = report.completed();
        let start = "POST /invoke -> 418, 2 chunks, 49 B, first byte 1 ms, ";
        assert!(line.starts_with(start) && line.ends_with(" ms"), "{line}");
    }

    #[test]
    fn response_without_a_body_says_so() {
        let mut report = report();
        report.status(StatusCode::NO_CONTENT);
        let line = report.completed();
        assert!(line.starts_with("POST /invoke -> 204, no body, "), "{line}");
    }

    #[test]
    fn failure_is_shown_with_its_type() {
        let fault = Fault::new("Quota", "no tokens left");
        let shown = "Function.Quota: no tokens left";
        let mut report = report();
        assert_eq!(
            report.failed_with(StatusCode::BAD_GATEWAY, &fault),
            format!("POST /invoke -> 502: {shown}")
        );
        report.status(StatusCode::OK);
        report.chunk(&Bytes::from_static(b"x"));
        assert_eq!(
            report.failed_with(StatusCode::BAD_GATEWAY, &fault),
            format!("POST /invoke -> 200, then failed after 1 chunk: {shown}")
        );
    }

    #[test]
    fn leaving_client_is_shown() {
        let mut report = report();
        assert_eq!(
            report.left(),
            "POST /invoke: the client left before the response began"
        );
        report.status(StatusCode::OK);
        assert_eq!(
            report.left(),
            "POST /invoke -> 200, the client left after 0 chunks"
        );
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!(duration(Duration::from_micros(999_400)), "999 ms");
        assert_eq!(duration(Duration::from_millis(3014)), "3.01 s");
    }
}
