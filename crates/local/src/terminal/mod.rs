//! What the developer sees: a banner, and one line for each finished invocation.

mod report;
mod writer;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

pub(crate) use self::report::Report;
pub(crate) use self::writer::{LineSender, LineWriter};
use crate::invocation::Fault;

/// Returns what a developer needs to know once the server listens.
pub(crate) fn banner(address: SocketAddr) -> String {
    let url = format!("http://{address}");
    let any = format!("curl -N {url}/");
    let event = format!("curl -N --data @event.json {url}/invoke");
    let page = format!("{url}/_lambda/");
    let width = event.len();
    format!(
        "lambda-stream: local Lambda listening on {url}\n  \
         {any:width$}   any path: a Function URL request\n  \
         {event:width$}   the body is the event\n  \
         {page:width$}   in a browser: invocations as they stream\n"
    )
}

/// Where the lines go.
#[derive(Clone)]
pub(crate) struct Terminal {
    /// `None` if they are not shown.
    lines: Option<LineSender>,
    silenced: Rc<Cell<bool>>,
}

impl Terminal {
    pub(crate) fn new(lines: Option<LineSender>) -> Self {
        Self {
            lines,
            silenced: Rc::new(Cell::new(false)),
        }
    }

    /// Ends the output of all clones.
    pub(crate) fn silence(&self) {
        self.silenced.set(true);
    }

    /// Writes a fault that no invocation's own line tells.
    pub(crate) fn fault(&self, what: &str, fault: &Fault) {
        self.line(&format!("{what}: {fault}"));
    }

    /// Writes a request that did not become an invocation.
    pub(crate) fn refused(&self, request: &str, status: http::StatusCode, why: &str) {
        self.line(&format!("{request} -> {}: {why}", status.as_u16()));
    }

    /// Writes a line that a program wrote, as it is.
    pub(crate) fn output(&self, line: &str) {
        if let Some(lines) = self.lines.as_ref().filter(|_| !self.silenced.get()) {
            lines.send(line.to_owned());
        }
    }

    /// Writes a line, without what could steer a terminal: paths and messages come from outside.
    pub(crate) fn line(&self, line: &str) {
        if let Some(lines) = self.lines.as_ref().filter(|_| !self.silenced.get()) {
            lines.send(printable(line));
        }
    }
}

/// Returns the text on one line, with control characters escaped.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let escaped = char.is_control().then(|| char.escape_default());
            let plain = escaped.is_none().then_some(char);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banner_shows_both_doors_and_the_page() {
        assert_eq!(
            banner(([127, 0, 0, 1], 7000).into()),
            "lambda-stream: local Lambda listening on http://127.0.0.1:7000\n  \
             curl -N http://127.0.0.1:7000/                            any path: a Function URL request\n  \
             curl -N --data @event.json http://127.0.0.1:7000/invoke   the body is the event\n  \
             http://127.0.0.1:7000/_lambda/                            in a browser: invocations as they stream\n"
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\nb\u{1b}[31mé"), "a\\nb\\u{1b}[31mé");
    }
}
