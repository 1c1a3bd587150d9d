//! The line that the terminal shows for one invocation.

use std::rc::Rc;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::Terminal;
use crate::connection::Connection;
use crate::invocation::Fault;

/// One invocation, as its client sees it. Dropped unfinished, the client has left.
pub(crate) struct Report {
    terminal: Terminal,
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
        request: Rc<str>,
        client: Option<Rc<Connection>>,
    ) -> Self {
        Self {
            terminal: terminal.clone(),
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

    /// The client is sent this status.
    pub(crate) fn head(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The client is sent a chunk of this many bytes.
    pub(crate) fn chunk(&mut self, len: usize) {
        self.first_byte.get_or_insert_with(|| self.begun.elapsed());
        self.chunks += 1;
        self.bytes += len as u64;
    }

    pub(crate) fn complete(self) {
        let line = self.completed();
        self.finish(&line);
    }

    pub(crate) fn failed(self, fault: &Fault) {
        self.failed_with_status(StatusCode::BAD_GATEWAY, fault);
    }

    /// The client is sent this status where it has not been sent one.
    pub(crate) fn failed_with_status(self, status: StatusCode, fault: &Fault) {
        let line = self.failed_with(status, fault);
        self.finish(&line);
    }

    fn finish(mut self, line: &str) {
        self.is_finished = true;
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
        let is_stalled = self.client.as_ref().is_some_and(|it| it.is_aborted());
        match self.status {
            Some(_) if is_stalled => format!(
                "{start}, ended after {}: the client did not read on while others waited",
                self.counted()
            ),
            Some(_) => format!("{start}, the client left after {}", self.counted()),
            None => format!("{start}: the client left before the response began"),
        }
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
        Report::new(&Terminal::new(None), "POST /invoke".into(), None)
    }

    #[test]
    fn complete_response_is_counted_and_timed() {
        let mut report = report();
        report.head(StatusCode::IM_A_TEAPOT);
        for len in [10, 39] {
            report.chunk(len);
        }
        report.first_byte = Some(Duration::from_millis(1));
        let line = report.completed();
        let start = "POST /invoke -> 418, 2 chunks, 49 B, first byte 1 ms, ";
        assert!(line.starts_with(start) && line.ends_with(" ms"), "{line}");
    }

    #[test]
    fn response_without_a_body_says_so() {
        let mut report = report();
        report.head(StatusCode::NO_CONTENT);
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
        report.head(StatusCode::OK);
        report.chunk(1);
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
        report.head(StatusCode::OK);
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
