//! A set-up that fails says why, whatever becomes of its report.

use std::error::Error as _;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use lambda_stream::{Error, Failure, LambdaEvent, Raw, RunError, Runtime};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::support::{Api, patiently, texts};

const CAUSE: &str = "the database is not there";

/// Collects the text of each event of `tracing`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_error(&mut self, _: &Field, error: &(dyn std::error::Error + 'static)) {
        let mut error = Some(error);
        while let Some(cause) = error {
            write!(self.0, "{cause};").unwrap();
            error = cause.source();
        }
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{value:?};").unwrap();
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("lambda_stream")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

/// Runs a set-up that fails, and returns the error and the log.
async fn fail(script: impl AsyncFnOnce(Api)) -> (RunError, Vec<String>) {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(texts(["x"])));
    let api = Api::bind().await;
    let run = Runtime::new()
        .runtime_api(api.address())
        .run_with_setup(async || {
            if true {
                return Err(Failure::new("NoDatabase", CAUSE));
            }
            Ok(handler)
        });
    let (ended, ()) = patiently(async { tokio::join!(run, script(api)) }).await;
    let lines = log.0.lock().unwrap().clone();
    (ended.unwrap_err(), lines)
}

/// The cause is in the error and in the first event, and in no other one.
fn told(error: &RunError, log: &[String]) {
    assert!(error.is_setup());
    assert_eq!(error.source().unwrap().to_string(), CAUSE);
    assert!(log[0].contains(CAUSE), "{log:?}");
    let times = log.iter().filter(|line| line.contains(CAUSE)).count();
    assert_eq!(times, 1, "{log:?}");
}

#[tokio::test]
async fn refused_init_report_keeps_the_cause() {
    for status in ["202 Accepted", "403 Forbidden", "500 Internal Server Error"] {
        let (error, log) = fail(async |api| {
            let mut peer = api.accept().await;
            peer.error("init/error").await;
            peer.reply(status, r#"{"errorType":"Refused","errorMessage":"no"}"#)
                .await;
        })
        .await;
        told(&error, &log);
        assert_eq!(log.len(), if status.starts_with("202") { 1 } else { 2 });
    }
}

#[tokio::test]
async fn lost_init_report_keeps_the_cause() {
    let (error, log) = fail(async |api| {
        for _ in 0..2 {
            let mut peer = api.accept().await;
            peer.error("init/error").await;
        }
    })
    .await;
    told(&error, &log);
    let (error, log) = fail(async |api| drop(api)).await;
    told(&error, &log);
}

#[tokio::test(start_paused = true)]
async fn unanswered_init_report_keeps_the_cause() {
    let (error, log) = fail(async |api| {
        api.accept().await.closed().await;
    })
    .await;
    told(&error, &log);
    assert!(log[1].contains("no answer"), "{log:?}");
}
