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
        "hang" => std::future::pending().await,
        _ => {
            let guard = Guard {
                model: model.to_owned(),
                tokens: 0,
                is_over: false,
            };
            let chunks = play(model.to_owned(), guard);
            let body = if model == "trickle" {
                trickle(chunks)
            } else {
                chunks
            };
            (
                [(CONTENT_TYPE, "text/event-stream")],
                Body::from_stream(body),
            )
                .into_response()
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
    let word = |word: &str| Step::Say(chunk(&json!({ "content": word }), &Value::Null));
    let words = move |count: usize| {
        WORDS
            .iter()
            .take(count)
            .flat_map(move |text| [word(text), Step::Wait(PAUSE)])
    };
    let error = || {
        Step::Say(json!({ "error": {
        "message": "the model lost its thread", "type": "server_error", "param": null,
        "code": "server_error",
    } }))
    };
    let end = || {
        let mut usage = chunk(&json!({}), &Value::Null);
        usage["choices"] = json!([]);
        usage["usage"] = json!({ "prompt_tokens": 11, "completion_tokens": 6, "total_tokens": 17 });
        let finish = chunk(&json!({}), &json!("stop"));
        [Step::Say(finish), Step::Say(usage), Step::Done]
    };
    let forever = || Step::Wait(Duration::from_secs(3600));
    let steps: Vec<_> = match model {
        "think" => [Step::Wait(Duration::from_millis(2500))]
            .into_iter()
            .chain(words(6))
            .chain(end())
            .collect(),
        "fail" => words(3).chain([error()]).collect(),
        "fail-first" => vec![error()],
        "fail-late" => vec![Step::Wait(Duration::from_millis(1500)), error()],
        "break-off" => words(3).chain([Step::BreakOff]).collect(),
        "end-early" => words(3).collect(),
        "stall" => words(3).chain([forever()]).collect(),
        "stall-first" => vec![forever()],
        "endless" => {
            return stream::iter((0..).flat_map(move |_| words(6))).boxed();
        }
        _ => words(6).chain(end()).collect(),
    };
    stream::iter(steps).boxed()
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
fn play(model: String, guard: Guard) -> BoxStream<'static, io::Result<Bytes>> {
    let role = Step::Say(chunk(
        &json!({ "role": "assistant", "content": "" }),
        &Value::Null,
    ));
    let steps = stream::iter([role]).chain(steps(&model));
    stream::unfold((steps, guard), async |(mut steps, mut guard)| {
        loop {
            let item = match steps.next().await {
                Some(Step::Wait(pause)) => {
                    sleep(pause).await;
                    continue;
                }
                Some(Step::Say(data)) => {
                    guard.tokens += 1;
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
    tokens: usize,
    is_over: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_over {
            println!(
                "upstream: {} aborted after {} chunks",
                self.model, self.tokens
            );
        }
    }
}
