//! Formats as responses: their heads, and their errors on the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use lambda_stream::format::sse::Event;
use lambda_stream::format::{JsonArray, Ndjson, Sse};
use lambda_stream::{Error, Failure, Head, LambdaEvent};
use serde_json::{Value, json};

use crate::support::{Api, serve};

/// Returns a stream that is pending before its error, so that the head leaves first.
fn failing<T>(first: T) -> impl Stream<Item = Result<T, Failure>> {
    stream::iter([Ok(first)]).chain(stream::once(async {
        tokio::task::yield_now().await;
        Err(Failure::new("Quota", "no tokens left"))
    }))
}

fn head(prelude: &str) -> (u64, Vec<(String, String)>) {
    let prelude: Value = serde_json::from_str(prelude).unwrap();
    let headers = prelude["headers"].as_object().unwrap().iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    (prelude["statusCode"].as_u64().unwrap(), headers.collect())
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    let mut pairs = Vec::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    pairs.sort();
    pairs
}

#[tokio::test]
async fn sse_error_sends_event_and_trailers() {
    let handler = async |_: LambdaEvent<Value>| {
        let events = failing(Event::new().id(1).data("a"));
        let response = Sse::new(events)
            .keep_alive(Duration::from_secs(60))
            .ending_with(|error| Event::new().event("failure").data(error))
            .head(|head| head.cookie("a=1"));
        Ok::<_, Error>(response)
    };
    serve(handler, async |api: Api| {
        let mut peer = api.invoke("one", "{}").await;
        peer.response_head("one").await;
        let (status, mut headers) = head(&peer.prelude().await);
        headers.sort();
        assert_eq!(status, 200);
        assert_eq!(
            headers,
            pairs([
                ("content-type", "text/event-stream"),
                ("cache-control", "no-cache"),
                ("x-accel-buffering", "no"),
            ])
        );
        assert_eq!(peer.text_chunk().await, "id: 1\ndata: a\n\n");
        assert_eq!(
            peer.text_chunk().await,
            "event: failure\ndata: no tokens left\n\n"
        );
        // Boxing a failure does not hide its type.
        let (error_type, document) = peer.trailers().await;
        assert_eq!(error_type, "Function.Quota");
        assert_eq!(document["errorMessage"], "no tokens left");
    })
    .await;
}

#[tokio::test]
async fn ndjson_error_sends_row_and_trailers() {
    let handler = async |_: LambdaEvent<Value>| {
        let response = Ndjson::new(failing(json!({"id": 1})))
            .ending_with(|error| json!({"error": error.to_string()}))
            .head(|head| head.header("x-total", "2"));
        Ok::<_, Error>(response)
    };
    serve(handler, async |api: Api| {
        let mut peer = api.invoke("one", "{}").await;
        peer.response_head("one").await;
        let (status, mut headers) = head(&peer.prelude().await);
        headers.sort();
        assert_eq!(status, 200);
        assert_eq!(
            headers,
            pairs([("content-type", "application/x-ndjson"), ("x-total", "2")])
        );
        assert_eq!(peer.text_chunk().await, "{\"id\":1}\n");
        assert_eq!(peer.text_chunk().await, "{\"error\":\"no tokens left\"}\n");
        assert_eq!(peer.trailers().await.0, "Function.Quota");
    })
    .await;
}

#[tokio::test]
async fn failed_json_array_stays_unclosed() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(JsonArray::new(failing(1)));
    serve(handler, async |api: Api| {
        let mut peer = api.invoke("one", "{}").await;
        peer.response_head("one").await;
        let (_, headers) = head(&peer.prelude().await);
        assert_eq!(headers, pairs([("content-type", "application/json")]));
        assert_eq!(peer.text_chunk().await, "[1");
        assert_eq!(peer.trailers().await.0, "Function.Quota");
    })
    .await;
}

#[tokio::test]
async fn error_in_first_row_fails_invocation() {
    let handler = async |_: LambdaEvent<Value>| {
        let rows = stream::iter([Err::<u8, _>(Failure::new("Quota", "no tokens left"))]);
        Ok::<_, Error>(JsonArray::new(rows))
    };
    serve(handler, async |api: Api| {
        let mut peer = api.invoke("one", "{}").await;
        let (_, document) = peer.error("invocation/one/error").await;
        assert_eq!(document["errorType"], "Function.Quota");
    })
    .await;
}

#[tokio::test]
async fn unencodable_items_have_their_error_types() {
    let handler = async |event: LambdaEvent<String>| {
        let events = stream::iter([Ok::<_, Error>(Event::new().id("\n"))]);
        // A map whose keys are not strings is not JSON.
        let rows = stream::iter([Ok::<_, Error>(BTreeMap::from([((1, 2), 3)]))]);
        let chunks = if event.payload == "event" {
            Sse::new(events).into_stream().left_stream()
        } else {
            Ndjson::new(rows).into_stream().right_stream()
        };
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(handler, async |api: Api| {
        let mut peer = api.invoke("one", "\"event\"").await;
        let (_, document) = peer.error("invocation/one/error").await;
        assert_eq!(document["errorType"], "Function.InvalidSseEvent");
        peer.accepted().await;
        peer.invoke("two", "\"row\"").await;
        let (_, document) = peer.error("invocation/two/error").await;
        assert_eq!(document["errorType"], "Function.InvalidRow");
    })
    .await;
}

#[cfg(feature = "csv")]
#[tokio::test]
async fn csv_sends_head_and_file_name() {
    use lambda_stream::format::Csv;

    let handler = async |_: LambdaEvent<Value>| {
        let rows = stream::iter([Ok::<_, Error>((1, "a"))]);
        Ok::<_, Error>(Csv::new(rows).columns(["id", "name"]).attachment("a.csv"))
    };
    serve(handler, async |api: Api| {
        let mut peer = api.invoke("one", "{}").await;
        peer.response_head("one").await;
        let (_, mut headers) = head(&peer.prelude().await);
        headers.sort();
        assert_eq!(
            headers,
            pairs([
                ("content-disposition", "attachment; filename=\"a.csv\""),
                ("content-type", "text/csv; charset=utf-8"),
            ])
        );
        assert_eq!(peer.rest().await, b"id,name\r\n1,a\r\n");
        peer.accepted().await;
    })
    .await;
}
