//! What a subscriber sees of an invocation, and what stands on stderr where there is none.

use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Failure, Head, Json, LambdaEvent, Raw, Runtime, Sequential};
use serde_json::Value;
use tracing::info;

use crate::support::{Api, Item, Log, header, run_until, serve, texts};

/// A stream that logs when it is polled and dropped.
struct Logging(u32);

impl Stream for Logging {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        info!("polled");
        self.0 += 1;
        Poll::Ready((self.0 < 3).then(|| Ok(Bytes::from_static(b"chunk"))))
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        info!("dropped");
    }
}

#[tokio::test]
async fn lines_in_handler_and_stream_carry_request_id() {
    let (log, _guard) = Log::start();
    let handler = async |_: LambdaEvent<Value>| {
        tokio::task::yield_now().await;
        info!("called");
        Ok::<_, Error>((Head::new(418), Logging(0)))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for id in ["a", "b"] {
            peer.invoke_with(id, "{}", "Lambda-Runtime-Trace-Id: Root=1\r\n")
                .await;
            peer.response_head(id).await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, b"chunkchunk");
            peer.accepted().await;
        }
        peer.expect_next().await;
    })
    .await;
    for (message, times) in [("called", 1), ("polled", 3), ("dropped", 1)] {
        let lines = log.lines(message);
        let ids: Vec<_> = lines.iter().filter_map(|line| line.request_id()).collect();
        assert_eq!(
            ids,
            [vec!["a"; times], vec!["b"; times]].concat(),
            "{message}"
        );
    }
    let spans = log.closed_spans();
    assert_eq!(spans.len(), 2);
    for (span, cold_start) in spans.iter().zip(["true", "false"]) {
        assert_eq!(span["name"], "invocation");
        assert_eq!(span["faas.coldstart"], cold_start);
        assert_eq!(span["aws.xray.trace_header"], "Root=1");
        assert_eq!(span["otel.kind"], "server");
        assert_eq!(span["http.response.status_code"], "418");
        assert!(!span.contains_key("error.type") && !span.contains_key("otel.status_code"));
        assert!(!span.contains_key("faas.trigger"));
    }
}

#[tokio::test]
async fn lines_of_writer_carry_request_id() {
    let (log, _guard) = Log::start();
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address());
    let write = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        body.send_chunk("chunk").await?;
        info!("writing");
        body.finish().await?;
        tokio::task::yield_now().await;
        info!("after the response");
        Ok::<_, Error>(())
    };
    run_until(runtime.run_with_writer(write), async {
        let mut peer = api.invoke("a", "{}").await;
        peer.response_head("a").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"chunk");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
    for message in ["writing", "after the response", "invocation ended"] {
        assert_eq!(log.line(message).request_id(), Some("a"), "{message}");
    }
}

#[tokio::test]
async fn span_is_open_until_last_byte() {
    let (log, _guard) = Log::start();
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let mut receiver = Some(receiver);
    let handler = Sequential(async move |_: LambdaEvent<Value>| {
        let receiver = receiver.take().expect("one invocation");
        let last = stream::once(async {
            let _ = receiver.await;
            Ok(Bytes::from_static(b"last"))
        });
        Ok::<_, Error>(Raw(texts(["first"]).chain(last)))
    });
    serve(handler, async |api| {
        let mut peer = api.invoke("a", "{}").await;
        peer.response_head("a").await;
        assert_eq!(peer.text_chunk().await, "first");
        assert!(log.closed_spans().is_empty());
        sender.send(()).unwrap();
        assert_eq!(peer.rest().await, b"last");
        assert!(log.closed_spans().is_empty());
        peer.accepted().await;
        peer.expect_next().await;
        assert_eq!(log.closed_spans().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn final_event_tells_figures() {
    let (log, _guard) = Log::start();
    let handler = async |event: LambdaEvent<String>| {
        let chunks = match event.payload.as_str() {
            "empty" => texts([]).left_stream(),
            _ => texts(["one", "", "three"])
                .then(async |chunk| {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    chunk
                })
                .boxed_local()
                .right_stream(),
        };
        Ok::<_, Error>((Head::new(201), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (event, payload) in [("\"\"", &b"onethree"[..]), ("\"empty\"", b"")] {
            peer.invoke("a", event).await;
            peer.response_head("a").await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, payload);
            peer.accepted().await;
        }
        peer.expect_next().await;
    })
    .await;
    let lines = log.lines("invocation ended");
    let [full, empty] = &lines[..] else {
        panic!("{lines:?}");
    };
    for line in [full, empty] {
        assert_eq!(line.level, tracing::Level::INFO);
        assert_eq!(line.fields["outcome"], "completed");
        assert_eq!(line.fields["http.response.status_code"], "201");
        assert!(!line.fields.contains_key("error.type"));
    }
    assert_eq!((full.number("bytes"), full.number("chunks")), (8.0, 2.0));
    let (first, gap) = (
        full.number("time_to_first_byte_ms"),
        full.number("longest_gap_ms"),
    );
    assert!(first >= 2.0 && gap >= 4.0, "{full:?}");
    assert!(full.number("duration_ms") >= first + gap, "{full:?}");
    assert!(full.number("after_response_ms") >= 0.0);
    assert_eq!((empty.number("bytes"), empty.number("chunks")), (0.0, 0.0));
    assert!(!empty.fields.contains_key("time_to_first_byte_ms"));
    assert!(!empty.fields.contains_key("longest_gap_ms"));
}

#[tokio::test]
async fn document_is_counted() {
    let (log, _guard) = Log::start();
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Json("four"));
    serve(handler, async |api| {
        let mut peer = api.invoke("a", "{}").await;
        peer.response_head("a").await;
        peer.exactly(6).await;
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
    let line = log.line("invocation ended");
    assert_eq!(line.number("bytes"), 6.0);
    assert_eq!(line.fields["outcome"], "completed");
    assert!(!line.fields.contains_key("http.response.status_code"));
}

/// Each of the endings, told by the event and by the span.
#[tokio::test]
async fn final_event_tells_how_it_ended() {
    let (log, _guard) = Log::start();
    let handler = async |event: LambdaEvent<String>| {
        let end = match event.payload.as_str() {
            "handler" => return Err(Failure::new("Quota", "none left")),
            "stream" => texts([])
                .chain(stream::iter([Err("broken".into())]))
                .left_stream(),
            _ => stream::pending().right_stream(),
        };
        Ok((Head::ok(), texts(["one"]).chain(end)))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "\"handler\"").await;
        peer.error("invocation/1/error").await;
        peer.accepted().await;
        peer.invoke("2", "\"stream\"").await;
        peer.response_head("2").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        peer.trailers().await;
        peer.accepted().await;
        for id in ["3", "4", "5"] {
            peer.invoke(id, "\"endless\"").await;
            peer.response_head(id).await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "one");
            match id {
                "3" => {
                    peer.reply("410 Gone", r#"{"errorType":"InvokeTimeout"}"#)
                        .await;
                    peer = api.accept().await;
                }
                "4" => {
                    drop(peer);
                    peer = api.accept().await;
                }
                _ => {}
            }
        }
    })
    .await;
    let lines = log.lines("invocation ended");
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let error_type = line.fields.get("error.type").map_or("", String::as_str);
            (
                line.request_id().unwrap(),
                line.fields["outcome"].as_str(),
                error_type,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("1", "failed", "Function.Quota"),
            ("2", "failed", "Function.Error"),
            ("3", "refused", ""),
            ("4", "connection_lost", ""),
            ("5", "cancelled", ""),
        ]
    );
    for (span, line) in log.closed_spans().iter().zip(&lines) {
        assert_eq!(span["otel.status_code"], "ERROR");
        assert_eq!(span.get("error.type"), line.fields.get("error.type"));
    }
}

#[tokio::test]
async fn failures_and_warnings_are_told_within_span() {
    let (log, _guard) = Log::start();
    let handler = async |_: LambdaEvent<Value>| {
        let cause = std::io::Error::other("the bucket\nis empty");
        Err::<Raw<stream::Empty<Item>>, _>(anyhow::Error::new(cause).context("no tokens left"))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("a", "{}").await;
        let (head, document) = peer.error("invocation/a/error").await;
        assert_eq!(document["errorMessage"], "no tokens left");
        let cause = header(&head, "Lambda-Runtime-Function-Xray-Error-Cause");
        let cause: Value = serde_json::from_str(cause).unwrap();
        assert_eq!(cause["exceptions"][0]["type"], "Function.Error");
        assert_eq!(cause["exceptions"][0]["message"], "no tokens left");
        assert_eq!(
            document["stackTrace"],
            serde_json::json!(["caused by: the bucket\nis empty"])
        );
        peer.reply(
            "410 Gone",
            r#"{"errorType":"InvokeTimeout","errorMessage":"a\nb"}"#,
        )
        .await;
        api.accept().await.expect_next().await;
    })
    .await;
    let line = log.line("invocation failed");
    assert_eq!(line.level, tracing::Level::ERROR);
    assert_eq!(line.request_id(), Some("a"));
    assert_eq!(line.fields["error.type"], "Function.Error");
    assert_eq!(line.fields["error"], "no tokens left");
    assert_eq!(line.fields["error.causes"], "the bucket\nis empty");
    let warning = r"the Runtime API refused the error: 410 Gone, InvokeTimeout: a\nb";
    assert_eq!(log.line(warning).request_id(), Some("a"));
}

/// The lines of the program have no span then.
#[tokio::test]
async fn unwanted_span_is_not_made() {
    let (log, _guard) = Log::start_with_targets(&["it"]);
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(Logging(0)));
    serve(handler, async |api| {
        let mut peer = api.invoke("a", "{}").await;
        peer.response_head("a").await;
        assert_eq!(peer.rest().await, b"chunkchunk");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
    assert_eq!(log.lines("polled").len(), 3);
    assert!(log.lines("polled").iter().all(|line| line.span.is_none()));
    assert!(log.lines("invocation ended").is_empty());
    assert!(log.closed_spans().is_empty());
}

#[cfg(feature = "web")]
#[tokio::test]
async fn web_app_is_triggered_by_http() {
    use http_body_util::Full;
    use lambda_stream::web::{App, RequestBody};

    let (log, _guard) = Log::start();
    let app = async |_: http::Request<RequestBody>| {
        Ok::<_, Error>(http::Response::new(Full::<Bytes>::default()))
    };
    let event = include_str!("../../events/function-url.json");
    serve(App::new(app), async |api| {
        let mut peer = api.invoke("a", event).await;
        peer.response_head("a").await;
        peer.prelude().await;
        peer.rest().await;
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
    assert_eq!(log.closed_spans()[0]["faas.trigger"], "http");
}

/// Set in the process that runs [`stderr_program`].
const CHILD: &str = "LAMBDA_STREAM_TEST_CHILD";

/// What a program without a subscriber tells: not a test of its own.
#[tokio::test]
async fn stderr_program() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let handler = async |_: LambdaEvent<Value>| {
        let cause = std::io::Error::other("the bucket\nERROR is empty");
        Err::<Raw<stream::Empty<Item>>, _>(anyhow::Error::new(cause).context("no tokens left"))
    };
    // A scoped subscriber that has ended takes nothing any more.
    drop(Log::start());
    serve(handler, async |api| {
        let mut peer = api.invoke("a", "{}").await;
        peer.error("invocation/a/error").await;
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[test]
fn untaken_failure_is_one_line_on_stderr() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "runtime::telemetry::stderr_program",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "ERROR lambda-stream: a: invocation failed: Function.Error: no tokens left; caused by: the \
         bucket\\nERROR is empty\n"
    );
}

/// It runs before the next invocation is asked for, whatever became of this one.
#[tokio::test]
async fn hook_runs_after_each_response() {
    let (log, _guard) = Log::start();
    let api = Api::bind().await;
    let (sender, mut ran) = tokio::sync::mpsc::unbounded_channel();
    let runtime = Runtime::new()
        .runtime_api(api.address())
        .after_response(move |context| {
            let sender = sender.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(3)).await;
                info!("flushed");
                sender.send(context.request_id().to_owned()).unwrap();
                assert_ne!(context.request_id(), "3", "the hook panics");
            }
        });
    let handler = async |event: LambdaEvent<String>| match event.payload.as_str() {
        "fail" => Err(Error::from("failed")),
        _ => Ok(Raw(texts(["chunk"]))),
    };
    run_until(runtime.run(handler), async {
        let mut peer = api.invoke("1", "\"\"").await;
        peer.response_head("1").await;
        assert_eq!(peer.rest().await, b"chunk");
        assert!(ran.try_recv().is_err());
        peer.accepted().await;
        peer.invoke("2", "\"fail\"").await;
        assert_eq!(ran.try_recv().unwrap(), "1");
        peer.error("invocation/2/error").await;
        peer.accepted().await;
        peer.invoke("3", "\"fail\"").await;
        assert_eq!(ran.try_recv().unwrap(), "2");
        peer.error("invocation/3/error").await;
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
    let flushed = log.lines("flushed");
    let ids: Vec<_> = flushed
        .iter()
        .filter_map(|line| line.request_id())
        .collect();
    assert_eq!(ids, ["1", "2", "3"]);
    for line in log.lines("invocation ended") {
        assert!(line.number("after_response_ms") >= 3.0, "{line:?}");
    }
    let failures = log.lines("invocation failed");
    assert_eq!(
        failures.last().unwrap().fields["error.type"],
        "Function.Panic"
    );
}

/// Layers of tower and tower-http go around a handler, and see each invocation.
#[tokio::test]
async fn tower_layers_apply_to_handlers() {
    use tower::{ServiceBuilder, service_fn};

    let (log, _guard) = Log::start();
    let service = ServiceBuilder::new()
        .map_request(|event: LambdaEvent<String>| {
            info!("layered");
            event
        })
        .concurrency_limit(1)
        .timeout(Duration::from_millis(20))
        .service(service_fn(async |event: LambdaEvent<String>| {
            if event.payload == "hang" {
                std::future::pending::<()>().await;
            }
            Ok::<_, Error>(Raw(texts(["chunk"])))
        }));
    serve(service, async |api| {
        let mut peer = api.invoke("1", "\"\"").await;
        peer.response_head("1").await;
        assert_eq!(peer.rest().await, b"chunk");
        peer.accepted().await;
        peer.invoke("2", "\"hang\"").await;
        let (_, document) = peer.error("invocation/2/error").await;
        assert_eq!(document["errorMessage"], "request timed out");
        peer.accepted().await;
        peer.invoke("3", "\"\"").await;
        peer.response_head("3").await;
    })
    .await;
    let layered = log.lines("layered");
    let ids: Vec<_> = layered
        .iter()
        .filter_map(|line| line.request_id())
        .collect();
    assert_eq!(ids, ["1", "2", "3"]);
}
