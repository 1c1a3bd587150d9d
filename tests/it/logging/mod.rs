//! The lines of the feature `logging`, against golden files.

use std::io;
use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use lambda_stream::logging::{Format, Logs, Targets};
use lambda_stream::{Error, Failure, Head, LambdaEvent};
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::serve;

/// A writer that keeps what it is given.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs two invocations, the second of which fails in its stream, and returns what they log.
async fn lines(format: Format) -> String {
    let written = Written::default();
    let writer = written.clone();
    let filter = Targets::new()
        .with_target("it", LevelFilter::INFO)
        .with_target("lambda_stream", LevelFilter::INFO);
    let logs = Logs::from_env()
        .format(format)
        .filter(filter)
        .writer(move || writer.clone());
    let subscriber = tracing_subscriber::registry().with(logs.into_layer());
    let _guard = tracing::subscriber::set_default(subscriber);

    info!(answer = 42, "before any invocation");
    let handler = async |event: LambdaEvent<String>| {
        warn!(
            event = event.payload,
            ready = true,
            "in the handler\nERROR forged"
        );
        let fails = event.payload == "fail";
        let rows = stream::iter(1..=2).map(move |row| {
            let _span = info_span!("table", table = "users", row).entered();
            info!(row, ratio = row as f64 / 4.0, "in the stream");
            debug!("too little for the filter");
            Ok::<_, Error>(format!("{row}\n"))
        });
        let end = stream::iter(fails.then(|| Err(broken())));
        Ok::<_, Error>((Head::ok(), rows.chain(end)))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("first", "\"\"").await;
        peer.response_head("first").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"1\n2\n");
        peer.accepted().await;
        peer.invoke("second", "\"fail\"").await;
        peer.response_head("second").await;
        peer.prelude().await;
        assert_eq!(peer.payload(4).await, "1\n2\n");
        peer.trailers().await;
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
    let error = anyhow::anyhow!("the disk is full").context("cannot save");
    let error: &dyn std::error::Error = error.as_ref();
    error!(error, "after all invocations");
    String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
}

fn broken() -> Error {
    let cause = io::Error::other("the bucket\u{1b}[2J is empty");
    Failure::new("Quota", anyhow::Error::new(cause).context("no tokens left")).into()
}

/// Replaces what differs from run to run: the times, and the event with the figures.
fn without_times(lines: &str) -> String {
    let lines = lines
        .lines()
        .filter(|line| !line.contains("invocation ended"));
    lines
        .map(|line| {
            let start = line.find("20").expect("a time");
            let (before, rest) = line.split_at(start);
            let (time, after) = rest.split_at("2026-01-31T12:00:00.000000Z".len());
            assert!(time.ends_with('Z') && time.contains('T'), "{time}");
            format!("{before}TIME{after}\n")
        })
        .collect()
}

#[tokio::test]
async fn text_lines_carry_request_ids() {
    let lines = lines(Format::Text).await;
    assert_eq!(without_times(&lines), include_str!("text.log"));
}

#[tokio::test]
async fn json_lines_carry_request_ids() {
    let lines = lines(Format::Json).await;
    assert_eq!(without_times(&lines), include_str!("json.log"));
    let ends: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["message"] == "invocation ended")
        .collect();
    assert_eq!(ends.len(), 2);
    for (end, (id, outcome)) in ends
        .iter()
        .zip([("first", "completed"), ("second", "failed")])
    {
        assert_eq!(end["requestId"], id);
        assert_eq!(end["level"], "INFO");
        assert_eq!(end["fields"]["outcome"], outcome);
        assert_eq!(end["fields"]["bytes"], 4);
        assert!(end["fields"]["duration_ms"].is_f64());
    }
}
