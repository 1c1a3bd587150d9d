//! A typical web app: a page, JSON, server-sent events, a download, an upload, a redirect.
//!
//! Only the last line of `main` knows that it runs on Lambda.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{Stream, StreamExt, stream};
use lambda_stream::web::RequestContext;
use serde_json::{Value, json};

const DOWNLOAD_BYTES: usize = 50 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;

fn app() -> Router {
    Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/api/squares/{n}", get(square))
        .route("/api/caller", get(caller))
        .route("/events", get(events))
        .route("/download", get(download))
        .route("/echo", post(echo))
        .route("/old", get(async || Redirect::permanent("./")))
        .route("/nothing", get(async || StatusCode::NO_CONTENT))
}

/// JSON.
async fn square(Path(n): Path<u32>) -> Json<Value> {
    Json(json!({"n": n, "square": u64::from(n).pow(2)}))
}

/// What the front door knows about the caller; `None` where the app runs without Lambda.
async fn caller(context: Option<RequestContext>) -> Json<Value> {
    let ip = context.as_ref().and_then(RequestContext::source_ip);
    Json(json!({"ip": ip}))
}

/// Server-sent events: each reaches the browser when it is made.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let numbers = stream::iter(1..=5).then(async |n| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(Event::default()
            .id(n.to_string())
            .data(format!("event {n}")))
    });
    let end = stream::once(async { Ok(Event::default().event("end").data("bye")) });
    Sse::new(numbers.chain(end))
}

/// A file of 50 MB, made chunk by chunk: more than a buffered response could carry, in flat memory.
async fn download() -> impl IntoResponse {
    let pattern = Bytes::from_iter((0..CHUNK_BYTES + 251).map(|n| (n % 251) as u8));
    let chunks = stream::iter((0..DOWNLOAD_BYTES).step_by(CHUNK_BYTES)).map(move |at| {
        let from = at % 251;
        Ok::<_, Infallible>(pattern.slice(from..from + CHUNK_BYTES))
    });
    let head = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"pattern.bin\"".to_owned(),
        ),
        // AWS passes it on as `x-amzn-remapped-content-length`.
        (header::CONTENT_LENGTH, DOWNLOAD_BYTES.to_string()),
    ];
    (head, Body::from_stream(chunks))
}

/// Sends an upload back, under the type it came with.
async fn echo(headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let content_type = headers.get(header::CONTENT_TYPE).cloned();
    let content_type = content_type.map(|value| [(header::CONTENT_TYPE, value)]);
    (content_type, body)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::web::run(app()).await
}
