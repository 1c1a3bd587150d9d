//! `lambda-stream tail`: shows invocations as they stream.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use clap::Args;
use http_body_util::BodyExt;
use lambda_stream_local::{ADDRESS_VARIABLE, DEFAULT_ADDRESS};
use serde::Deserialize;
use serde_json::Value;

use crate::chunk_line::{ChunkLine, LiveLine, chunks, duration, printable, size};
use crate::client::{Client, successful};

/// How often the line is drawn while nothing comes.
const TICK: Duration = Duration::from_millis(100);

/// Number of characters of a request in the line that changes.
const REQUEST_WIDTH: usize = 24;

/// Options of `lambda-stream tail`.
#[derive(Args)]
pub(crate) struct Tail {
    /// Where the local Lambda serves clients.
    #[arg(long, env = ADDRESS_VARIABLE, default_value = DEFAULT_ADDRESS)]
    address: String,

    /// Shows each change of an invocation as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What the feed says of all invocations.
#[derive(Deserialize)]
struct Overview {
    kept: Vec<u64>,
    invocations: Vec<Value>,
}

/// An invocation in short.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    number: u64,
    request: String,
    state: String,
    status: Option<u16>,
    chunks: u64,
    bytes: u64,
    first_byte_ms: Option<f64>,
    duration_ms: f64,
    error: Option<Reported>,
}

#[derive(Debug, Deserialize)]
struct Reported {
    #[serde(rename = "type")]
    error_type: String,
    message: String,
}

/// An invocation that has not ended.
struct Running {
    summary: Summary,
    seen: Instant,
    bars: ChunkLine,
}

/// Shows invocations until the local Lambda stops.
pub(crate) async fn run(options: &Tail) -> Result<(), Box<dyn Error>> {
    let mut client = Client::connect(&options.address).await?;
    let mut feed = successful(client.get("/_lambda/events").await?)
        .await?
        .into_body();
    let mut shown = Shown {
        json: options.json,
        running: BTreeMap::new(),
        ended: BTreeSet::new(),
        line: LiveLine::on_stderr(),
    };
    let mut unread = BytesMut::new();
    loop {
        tokio::select! {
            frame = feed.frame() => {
                let Some(Ok(frame)) = frame else {
                    shown.line.erase();
                    return Err("the local Lambda has stopped".into());
                };
                unread.extend_from_slice(&frame.into_data().unwrap_or_default());
                while let Some(data) = next_event(&mut unread) {
                    match shown.update(serde_json::from_slice(&data)?) {
                        // Whoever reads has read enough.
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                        updated => updated?,
                    }
                }
            }
            () = tokio::time::sleep(TICK) => shown.draw(),
        }
    }
}

/// Takes the data of the next whole event out of what was read; comments have none.
fn next_event(unread: &mut BytesMut) -> Option<BytesMut> {
    loop {
        let end = unread.windows(2).position(|pair| pair == b"\n\n")?;
        let event = unread.split_to(end + 2);
        let mut lines = event[..].split(|byte| *byte == b'\n');
        if let Some(data) = lines.find_map(|line| line.strip_prefix(b"data: ")) {
            return Some(data.into());
        }
    }
}

/// What is shown.
struct Shown {
    json: bool,
    running: BTreeMap<u64, Running>,
    /// What was shown already: an invocation may change after its end, when its log grows.
    ended: BTreeSet<u64>,
    line: LiveLine,
}

impl Shown {
    fn update(&mut self, overview: Overview) -> io::Result<()> {
        // The newest comes first in the feed, and last in a terminal.
        for invocation in overview.invocations.into_iter().rev() {
            if self.json {
                self.line.erase();
                writeln!(io::stdout(), "{invocation}")?;
                continue;
            }
            let summary: Summary = serde_json::from_value(invocation)?;
            if matches!(&*summary.state, "waiting" | "working" | "responding") {
                self.run_on(summary);
            } else if self.ended.insert(summary.number) {
                self.running.remove(&summary.number);
                self.line.erase();
                writeln!(io::stdout(), "{}", summary.ended())?;
            }
        }
        self.running
            .retain(|number, _| overview.kept.contains(number));
        self.ended.retain(|number| overview.kept.contains(number));
        self.draw();
        Ok(())
    }

    fn run_on(&mut self, summary: Summary) {
        let now = Instant::now();
        let (number, bytes) = (summary.number, summary.bytes);
        let before = self.running.remove(&number);
        let (mut bars, known) = match before {
            Some(before) => (before.bars, before.summary.bytes),
            None => (ChunkLine::new(now), 0),
        };
        bars.push(now, bytes.saturating_sub(known));
        let running = Running {
            summary,
            seen: now,
            bars,
        };
        self.running.insert(number, running);
    }

    /// Draws the newest of those that run.
    fn draw(&mut self) {
        let others = self.running.len().saturating_sub(1);
        let Some(mut newest) = self.running.last_entry() else {
            return self.line.erase();
        };
        let mut text = newest.get_mut().text(Instant::now());
        if others > 0 {
            text += &format!(" (+{others})");
        }
        self.line.draw(&text);
    }
}

impl Running {
    fn text(&mut self, now: Instant) -> String {
        let it = &self.summary;
        let mut request: String = printable(&it.request);
        if request.chars().count() > REQUEST_WIDTH {
            request = request
                .chars()
                .take(REQUEST_WIDTH - 1)
                .chain(['…'])
                .collect();
        }
        let elapsed = duration(ms(it.duration_ms) + (now - self.seen));
        let bars = self.bars.bars(now);
        match it.chunks {
            0 => format!("{request} {bars} {}, {elapsed}", printable(&it.state)),
            number => format!(
                "{request} {bars} {}, {}, {elapsed}",
                chunks(number),
                size(it.bytes)
            ),
        }
    }
}

impl Summary {
    /// Returns the line of an invocation that has ended.
    fn ended(&self) -> String {
        let status = self
            .status
            .map_or_else(String::new, |status| format!(" -> {status}"));
        let start = format!("#{} {}{status}", self.number, printable(&self.request));
        let elapsed = duration(ms(self.duration_ms));
        let counted = match self.first_byte_ms {
            Some(first) => format!(
                "{}, {}, first byte {}, {elapsed}",
                chunks(self.chunks),
                size(self.bytes),
                duration(ms(first))
            ),
            None => format!("no body, {elapsed}"),
        };
        match (&self.error, &*self.state) {
            (Some(error), _) => format!(
                "{start}, {counted}, failed: {}: {}",
                printable(&error.error_type),
                printable(&error.message)
            ),
            (None, "complete") => format!("{start}, {counted}"),
            (None, "stalled") => format!("{start}, {counted}, the client did not read on"),
            (None, _) => format!("{start}, {counted}, the client left"),
        }
    }
}

/// Returns a duration of milliseconds; one that is not a duration is none.
fn ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_taken_whole() {
        let mut unread = BytesMut::from("event: overview\ndata: {1}\n\n:\n\nevent: x\ndata: {2}\n");
        assert_eq!(next_event(&mut unread).unwrap(), "{1}");
        assert_eq!(next_event(&mut unread), None);
        unread.extend_from_slice(b"\n");
        assert_eq!(next_event(&mut unread).unwrap(), "{2}");
    }

    #[test]
    fn running_invocation_fits_a_narrow_terminal() {
        let summary: Summary = serde_json::from_value(json!({
            "number": 5, "request": format!("GET /{}", "é".repeat(100)), "state": "responding",
            "status": 200, "chunks": 2, "bytes": 2100, "durationMs": 2810.0,
        }))
        .unwrap();
        let seen = Instant::now();
        let mut bars = ChunkLine::new(seen);
        bars.push(seen, 2100);
        let mut running = Running {
            summary,
            seen,
            bars,
        };
        let text = running.text(seen);
        assert_eq!(
            text,
            format!("GET /{}… █ 2 chunks, 2.1 kB, 2.81 s", "é".repeat(18))
        );
    }

    #[test]
    fn failed_invocation_is_shown_with_its_error() {
        let summary: Summary = serde_json::from_value(json!({
            "number": 5, "request": "GET /\u{1b}", "state": "failed", "status": 200, "chunks": 2,
            "bytes": 2100, "firstByteMs": 1.5, "durationMs": 2810.0,
            "error": {"type": "Function.Quota", "message": "no\nmore"},
        }))
        .unwrap();
        assert_eq!(
            summary.ended(),
            "#5 GET /\\u{1b} -> 200, 2 chunks, 2.1 kB, first byte 1 ms, 2.81 s, failed: \
             Function.Quota: no\\nmore"
        );
    }
}
