//! What the developer sees on the terminal: one line for each finished invocation.

use std::cell::Cell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::StatusCode;

use lambda_stream_wire::Failure;

/// What a developer needs to know once the server listens.
pub(super) fn banner(address: SocketAddr) -> String {
    let url = format!("http://{address}");
    let (any, event) = (
        format!("curl -N {url}/"),
        format!("curl -N --data @event.json {url}/invoke"),
    );
    let width = event.len();
    format!(
        "lambda-stream: local Lambda listening on {url}\n  \
         {any:width$}   any path: a Function URL request\n  \
         {event:width$}   the body is the event\n"
    )
}

/// Where the lines go.
#[derive(Clone)]
pub(super) struct Terminal {
    speaks: Rc<Cell<bool>>,
}

impl Terminal {
    pub(super) fn quiet() -> Self {
        Self {
            speaks: Rc::new(Cell::new(false)),
        }
    }

    pub(super) fn stderr() -> Self {
        Self {
            speaks: Rc::new(Cell::new(true)),
        }
    }

    /// Says nothing more, in any of its clones.
    pub(super) fn silence(&self) {
        self.speaks.set(false);
    }

    /// A failure that no invocation's own line tells of.
    pub(super) fn failure(&self, what: &str, failure: &Failure) {
        self.line(&format!("{what}: {}", told(failure)));
    }

    fn line(&self, line: &str) {
        if self.speaks.get() {
            // `eprintln!` panics when stderr is closed; a line that nobody can read is none.
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}

/// One invocation, as its client sees it. Dropped unfinished, the client has left.
pub(super) struct Report {
    terminal: Terminal,
    request: String,
    begun: Instant,
    status: Option<StatusCode>,
    first_byte: Option<Duration>,
    chunks: u64,
    bytes: u64,
    is_finished: bool,
}

impl Report {
    pub(super) fn new(terminal: &Terminal, method: &http::Method, path: &str) -> Self {
        Self {
            terminal: terminal.clone(),
            request: printable(&format!("{method} {path}")),
            begun: Instant::now(),
            status: None,
            first_byte: None,
            chunks: 0,
            bytes: 0,
            is_finished: false,
        }
    }

    /// The client is sent this status.
    pub(super) fn head(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The client is sent a chunk of this many bytes.
    pub(super) fn chunk(&mut self, len: usize) {
        self.first_byte.get_or_insert_with(|| self.begun.elapsed());
        self.chunks += 1;
        self.bytes += len as u64;
    }

    pub(super) fn complete(self) {
        let line = self.completed();
        self.finish(&line);
    }

    pub(super) fn failed(self, failure: &Failure) {
        let line = self.failed_with(failure);
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

    fn failed_with(&self, failure: &Failure) -> String {
        let (start, told) = (self.start(), told(failure));
        match self.status {
            Some(_) => format!("{start}, then failed after {}: {told}", self.counted()),
            None => format!("{start} -> 502: {told}"),
        }
    }

    fn left(&self) -> String {
        let start = self.start();
        match self.status {
            Some(_) => format!("{start}, the client left after {}", self.counted()),
            None => format!("{start}: the client left before the response began"),
        }
    }

    fn start(&self) -> String {
        match self.status {
            Some(status) => format!("{} -> {}", self.request, status.as_u16()),
            None => self.request.clone(),
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

fn told(failure: &Failure) -> String {
    printable(&format!("{}: {failure}", failure.error_type()))
}

/// On one line, and without what could steer a terminal: paths and messages come from outside.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let escaped = char.is_control().then(|| char.escape_default());
            let plain = escaped.is_none().then_some(char);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
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
        Report::new(&Terminal::quiet(), &http::Method::POST, "/invoke")
    }

    #[test]
    fn the_banner_shows_both_doors() {
        assert_eq!(
            banner(([127, 0, 0, 1], 7000).into()),
            "lambda-stream: local Lambda listening on http://127.0.0.1:7000\n  \
             curl -N http://127.0.0.1:7000/                            any path: a Function URL request\n  \
             curl -N --data @event.json http://127.0.0.1:7000/invoke   the body is the event\n"
        );
    }

    #[test]
    fn a_complete_response_is_counted_and_timed() {
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
    fn a_response_without_a_body_says_so() {
        let mut report = report();
        report.head(StatusCode::NO_CONTENT);
        let line = report.completed();
        assert!(line.starts_with("POST /invoke -> 204, no body, "), "{line}");
    }

    #[test]
    fn a_failure_is_told_with_its_type_and_on_one_line() {
        let failure = Failure::new("Quota", "no tokens\nleft\u{1b}[31m");
        let told = "Function.Quota: no tokens\\nleft\\u{1b}[31m";
        let mut report = report();
        assert_eq!(
            report.failed_with(&failure),
            format!("POST /invoke -> 502: {told}")
        );
        report.head(StatusCode::OK);
        report.chunk(1);
        assert_eq!(
            report.failed_with(&failure),
            format!("POST /invoke -> 200, then failed after 1 chunk: {told}")
        );
    }

    #[test]
    fn a_client_that_left_is_told() {
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
