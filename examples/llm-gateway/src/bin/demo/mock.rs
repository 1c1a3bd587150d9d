//! A model that is played. The name of the model says what it does.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio::time::sleep;

const WORDS: [&str; 6] = ["Every", " token", " in", " its", " own", " event."];
const PAUSE: Duration = Duration::from_millis(100);

pub fn app() -> Router {
    Router::new().route("/v1/chat/completions", post(complete))
}

async fn complete(headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_known = headers
        .get(AUTHORIZATION)
        .is_some_and(|key| key == "Bearer upstream-key");
    let model = request["model"].as_str().unwrap_or_default();
    match model {
        _ if !is_known => refuse(StatusCode::UNAUTHORIZED, "invalid_api_key"),
        "refuse" => {
            let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded");
            response.headers_mut().insert(RETRY_AFTER, 7.into());
            response
        }
        "refuse-key" => refuse(StatusCode::UNAUTHORIZED, "invalid_api_key"),
        "crash" => (StatusCode::SERVICE_UNAVAILABLE, "<h1>sorry</h1>").into_response(),
        "hang" => {
            let _guard = Guard::new(model);
            std::future::pending().await
        }
        _ => {
            let chunks = play(model);
            let body = if model == "trickle" {
                trickle(chunks)
            } else {
                chunks
            };
            let content_type = [(CONTENT_TYPE, "text/event-stream")];
            (content_type, Body::from_stream(body)).into_response()
        }
    }
}

fn refuse(status: StatusCode, code: &str) -> Response {
    let error = json!({
        "message": "the model refuses", "type": "requests", "param": null, "code": code,
    });
    (status, json!({ "error": error }).to_string()).into_response()
}

/// One step of what a model does.
enum Step {
    Say(Value),
    Wait(Duration),
    Done,
    BreakOff,
}

/// Returns what a model does after its role.
fn steps(model: &str) -> BoxStream<'static, Step> {
    let words = |count| WORDS.iter().take(count).flat_map(|text| word(text));
    let end = || [finish(), usage(), Step::Done];
    let steps: Vec<_> = match model {
        "think" => [Step::Wait(Duration::from_millis(2500))]
            .into_iter()
            .chain(words(6))
            .chain(end())
            .collect(),
        "fail" => words(3).chain([fail()]).collect(),
        "fail-first" => vec![fail()],
        "fail-late" => vec![Step::Wait(Duration::from_millis(1500)), fail()],
        "break-off" => words(3).chain([Step::BreakOff]).collect(),
        "end-early" => words(3).collect(),
        "stall" => words(3).chain([Step::Wait(Duration::MAX)]).collect(),
        "endless" => return stream::iter(WORDS.iter().cycle().flat_map(|text| word(text))).boxed(),
        _ => words(6).chain(end()).collect(),
    };
    stream::iter(steps).boxed()
}

fn word(text: &str) -> [Step; 2] {
    let word = chunk(&json!({ "content": text }), &Value::Null);
    [Step::Say(word), Step::Wait(PAUSE)]
}

fn finish() -> Step {
    Step::Say(chunk(&json!({}), &json!("stop")))
}

fn usage() -> Step {
    let mut usage = chunk(&json!({}), &Value::Null);
    usage["choices"] = json!([]);
    usage["usage"] = json!({ "prompt_tokens": 11, "completion_tokens": 6, "total_tokens": 17 });
    Step::Say(usage)
}

fn fail() -> Step {
    Step::Say(json!({ "error": {
        "message": "the model lost its thread",
        "type": "server_error",
        "param": null,
        "code": "server_error",
    } }))
}

fn chunk(delta: &Value, finish_reason: &Value) -> Value {
    json!({
        "id": "mock",
        "object": "chat.completion.chunk",
        "created": 1_795_429_800,
        "model": "mock-1",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    })
}

/// Plays the steps of a model.
fn play(model: &str) -> BoxStream<'static, io::Result<Bytes>> {
    let role = json!({ "role": "assistant", "content": "" });
    let role = Step::Say(chunk(&role, &Value::Null));
    let steps = stream::iter([role]).chain(steps(model));
    let guard = Guard::new(model);
    stream::unfold((steps, guard), async |(mut steps, mut guard)| {
        loop {
            let item = match steps.next().await {
                Some(Step::Wait(pause)) => {
                    sleep(pause).await;
                    continue;
                }
                Some(Step::Say(data)) => {
                    guard.chunks += 1;
                    Ok(format!("data: {data}\n\n").into())
                }
                Some(Step::Done) => {
                    guard.is_over = true;
                    Ok("data: [DONE]\n\n".into())
                }
                Some(Step::BreakOff) => {
                    guard.is_over = true;
                    // hyper closes the connection when a body fails.
                    Err(io::Error::other("the model breaks off"))
                }
                None => {
                    guard.is_over = true;
                    return None;
                }
            };
            return Some((item, (steps, guard)));
        }
    })
    .boxed()
}

/// Sends a few bytes at a time, so that no event arrives in one piece.
fn trickle(chunks: BoxStream<'static, io::Result<Bytes>>) -> BoxStream<'static, io::Result<Bytes>> {
    chunks
        .flat_map(|chunk| {
            let bytes = chunk.unwrap_or_default();
            let pieces: Vec<_> = bytes.chunks(40).map(Bytes::copy_from_slice).collect();
            stream::iter(pieces).then(async |piece| {
                sleep(Duration::from_millis(5)).await;
                Ok(piece)
            })
        })
        .boxed()
}

/// Says so when an answer is dropped before its end.
struct Guard {
    model: String,
    chunks: usize,
    is_over: bool,
}

impl Guard {
    fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            chunks: 0,
            is_over: false,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_over {
            println!(
                "upstream: {} aborted after {} chunks",
                self.model, self.chunks
            );
        }
    }
}
