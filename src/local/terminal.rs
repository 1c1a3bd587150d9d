//! What the developer sees on the terminal: one line for each finished invocation.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::error::Failure;

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

    pub(super) fn complete(mut self) {
        let mut line = self.start();
        match self.first_byte {
            Some(first) => {
                let _ = write!(
                    line,
                    ", {}, {} B, first byte {}",
                    self.counted(),
                    self.bytes,
                    duration(first)
                );
            }
            None => line.push_str(", no body"),
        }
        let _ = write!(line, ", {}", duration(self.begun.elapsed()));
        self.finish(&line);
    }

    pub(super) fn failed(mut self, failure: &Failure) {
        let mut line = self.start();
        if self.status.is_some() {
            let _ = write!(line, ", then failed after {}", self.counted());
        } else {
            line.push_str(" -> 502");
        }
        let _ = write!(line, ": {}", told(failure));
        self.finish(&line);
    }

    fn left(&mut self) {
        let mut line = self.start();
        if self.status.is_some() {
            let _ = write!(line, ", the client left after {}", self.counted());
        } else {
            line.push_str(": the client left before the response began");
        }
        self.finish(&line);
    }

    fn finish(&mut self, line: &str) {
        self.is_finished = true;
        self.terminal.line(line);
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
            self.left();
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
