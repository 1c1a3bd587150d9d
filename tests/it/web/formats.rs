//! The library's own responses inside an axum app.

use crate::support::doors::Door;
use crate::support::exchange::ClientRequest;
use crate::support::{Item, serve};
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use lambda_stream::format::sse::Event;
use lambda_stream::format::{Ndjson, Sse};
use lambda_stream::web::{App, Streamed};
use lambda_stream::{Error, Failure, Head, Raw};
use serde_json::Value;

fn numbers() -> impl futures::Stream<Item = Result<u32, Failure>> + Send {
    futures::stream::iter((1..=3).map(Ok))
}

fn app() -> Router {
    let with_head = async || {
        let head = Head::new(418)
            .header("x-a", "1")
            .cookie("c=1")
            .cookie("d=2");
        let chunks = [Item::Ok(Bytes::from("one")), Ok("two".into())];
        Streamed::new((head, futures::stream::iter(chunks)))
    };
    let failing = async || {
        let chunks = [Ok("one"), Err(Failure::new("Quota", "none left"))];
        Streamed::new((Head::ok(), futures::stream::iter(chunks)))
    };
    let invalid = async || {
        let head = Head::ok().header("bad name", "1");
        Streamed::new((head, futures::stream::iter([Item::Ok("x".into())])))
    };
    let raw = async || {
        let chunks = futures::stream::iter([Ok::<_, Error>("raw")]);
        Streamed::new(Raw(chunks).content_type("application/x"))
    };
    Router::new()
        .route("/head", get(with_head))
        .route("/failing", get(failing))
        .route("/invalid", get(invalid))
        .route("/raw", get(raw))
        .route("/sse", get(sse))
        .route("/ndjson", get(ndjson))
}

async fn sse() -> impl IntoResponse {
    use futures::StreamExt;
    let events = numbers().map(|n| n.map(|n| Event::new().data(n.to_string())));
    Streamed::new(Sse::new(events))
}

async fn ndjson() -> impl IntoResponse {
    Streamed::new(Ndjson::new(numbers()))
}

/// Prelude and payload of a route.
async fn seen(path: &'static str) -> (Value, String) {
    serve(App::new(app()), async |api| {
        let event = Door::FunctionUrl.event(&ClientRequest::new("GET", path));
        let mut peer = api.invoke("1", &event.to_string()).await;
        peer.response_head("1").await;
        let prelude = serde_json::from_str(&peer.prelude().await).unwrap();
        let payload = String::from_utf8(peer.rest().await).unwrap();
        (prelude, payload)
    })
    .await
}

#[tokio::test]
async fn head_and_cookies_are_kept() {
    let (prelude, payload) = seen("/head").await;
    assert_eq!(prelude["statusCode"], 418);
    assert_eq!(prelude["headers"]["x-a"], "1");
    assert_eq!(prelude["cookies"], serde_json::json!(["c=1", "d=2"]));
    assert_eq!(payload, "onetwo");
}

#[tokio::test]
async fn formats_and_raw_streams_keep_their_type() {
    for (path, content_type, expected) in [
        ("/raw", "application/x", "raw"),
        (
            "/sse",
            "text/event-stream",
            "data: 1\n\ndata: 2\n\ndata: 3\n\n",
        ),
        ("/ndjson", "application/x-ndjson", "1\n2\n3\n"),
    ] {
        let (prelude, payload) = seen(path).await;
        let found = prelude["headers"]["content-type"].as_str().unwrap();
        assert!(found.starts_with(content_type), "{found}");
        assert_eq!(payload, expected);
    }
}

#[tokio::test]
async fn head_that_cannot_be_sent_is_an_internal_error() {
    let (prelude, payload) = seen("/invalid").await;
    assert_eq!(
        (&prelude["statusCode"], payload.as_str()),
        (&500.into(), "")
    );
}

#[tokio::test]
async fn error_of_the_stream_keeps_its_type() {
    serve(App::new(app()), async |api| {
        let event = Door::FunctionUrl.event(&ClientRequest::new("GET", "/failing"));
        let mut peer = api.invoke("1", &event.to_string()).await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        let (error_type, error) = peer.trailers().await;
        assert_eq!(error_type, "Function.Quota");
        assert!(
            error["errorMessage"]
                .as_str()
                .unwrap()
                .contains("none left")
        );
    })
    .await;
}
