//! What a test sees of each kind of response, and of each way to fail.

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use lambda_stream::testing::{Lambda, Outcome};
use lambda_stream::{Error, Failure, Head, IntoResponse, Json, LambdaEvent, Raw};
use serde_json::{Value, json};

use crate::support::{Item, texts};

/// Returns what becomes of a response.
async fn outcome_of<R: IntoResponse<M>, M>(response: impl Fn() -> R) -> Outcome {
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| Ok::<_, Error>(response()));
    let outcome = lambda.invoke(()).await;
    // The function is as good as before.
    assert_eq!(lambda.invoke(()).await.text(), outcome.text());
    outcome
}

fn chunks(outcome: &Outcome) -> Vec<String> {
    outcome.chunks().iter().map(|chunk| chunk.text()).collect()
}

fn broken(text: &'static str) -> impl Stream<Item = Item> {
    let failure = Failure::new("Quota", "in the middle").with_stack_trace(["why"]);
    texts([text]).chain(stream::iter([Err(failure.into())]))
}

#[tokio::test]
async fn head_and_chunks_are_seen() {
    let head = || {
        Head::new(201)
            .header("x-a", "1")
            .header("x-a", "2")
            .cookie("c=3")
    };
    let outcome = outcome_of(|| (head(), texts(["ab", "", "cde"]))).await;
    let seen = outcome.head().unwrap();
    assert_eq!(seen.status(), 201);
    assert_eq!(seen.cookies(), ["c=3"]);
    let values: Vec<_> = seen.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(chunks(&outcome), ["ab", "cde"]);
    assert_eq!(outcome.body(), "abcde");
    assert!(outcome.is_complete() && outcome.is_streamed());
    assert_eq!(outcome.trailers(), None);
    let content_type = outcome.content_type().unwrap();
    assert_eq!(
        content_type,
        "application/vnd.awslambda.http-integration-response"
    );
}

/// Small chunks share writes, and large ones need many.
#[tokio::test]
async fn chunks_are_those_of_the_stream() {
    const LARGE: usize = 1_000_000;
    let small = || stream::iter((0..1_000).map(|n: u16| Ok::<_, Error>(format!("{n};"))));
    let outcome = outcome_of(|| (Head::ok(), small())).await;
    let expected: Vec<_> = (0..1_000).map(|n| format!("{n};")).collect();
    assert_eq!(chunks(&outcome), expected);

    let large = || stream::iter([b'a', b'b'].map(|byte| Ok::<_, Error>(vec![byte; LARGE])));
    let outcome = outcome_of(|| Raw(large())).await;
    let lengths: Vec<_> = outcome
        .chunks()
        .iter()
        .map(|chunk| chunk.bytes().len())
        .collect();
    assert_eq!(lengths, [LARGE; 2]);
    assert!(outcome.chunks()[1].bytes().iter().all(|byte| *byte == b'b'));
}

#[tokio::test]
async fn raw_payload_has_no_head() {
    let outcome = outcome_of(|| Raw(texts(["{}\0\0\0\0\0\0\0\0", "ab"]))).await;
    assert!(outcome.head().is_none() && outcome.is_streamed());
    assert_eq!(outcome.content_type().unwrap(), "application/octet-stream");
    assert_eq!(chunks(&outcome), ["{}\0\0\0\0\0\0\0\0", "ab"]);
}

#[tokio::test]
async fn json_is_one_document() {
    let outcome = outcome_of(|| Json(json!({"a": [1, 2]}))).await;
    assert!(!outcome.is_streamed() && outcome.is_complete());
    assert_eq!(outcome.content_type().unwrap(), "application/json");
    assert_eq!(outcome.chunks().len(), 1);
    assert_eq!(outcome.json::<Value>().unwrap(), json!({"a": [1, 2]}));
    assert!(outcome.json::<Vec<u32>>().is_err());
}

#[tokio::test]
async fn empty_response_has_a_head() {
    let outcome = outcome_of(|| (Head::ok(), texts([]))).await;
    assert_eq!(outcome.head().unwrap().status(), 200);
    assert!(outcome.chunks().is_empty() && outcome.body().is_empty());
    assert!(outcome.is_complete());
}

#[tokio::test]
async fn bodyless_status_drops_the_stream() {
    for status in [204, 304] {
        let outcome = outcome_of(|| (Head::new(status), texts(["never"]))).await;
        assert_eq!(outcome.head().unwrap().status(), status);
        assert!(outcome.chunks().is_empty() && outcome.is_complete());
    }
}

#[tokio::test]
async fn text_of_other_bytes_is_lossy() {
    let outcome =
        outcome_of(|| Raw(stream::iter([Ok::<_, Error>(Bytes::from_static(b"a\xff"))]))).await;
    assert_eq!(outcome.text(), "a\u{fffd}");
    assert_eq!(outcome.chunks()[0].text(), "a\u{fffd}");
}

#[tokio::test]
async fn failed_stream_keeps_what_came_before() {
    let outcome = outcome_of(|| (Head::ok(), broken("chunk"))).await;
    assert_eq!(outcome.head().unwrap().status(), 200);
    assert_eq!(chunks(&outcome), ["chunk"]);
    assert!(!outcome.is_complete());
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.Quota");
    assert_eq!(failure.to_string(), "in the middle");
    assert_eq!(failure.stack_trace(), ["why"]);
    let trailers = outcome.trailers().unwrap();
    assert_eq!(
        trailers["lambda-runtime-function-error-type"],
        "Function.Quota"
    );
    let failure = outcome.into_result().unwrap_err();
    assert_eq!(failure.to_string(), "in the middle");
}

#[tokio::test]
async fn failed_raw_stream_has_trailers() {
    let outcome = outcome_of(|| Raw(broken("chunk"))).await;
    assert_eq!(chunks(&outcome), ["chunk"]);
    assert_eq!(outcome.failure().unwrap().error_type(), "Function.Quota");
    assert!(outcome.trailers().is_some());
}

#[tokio::test]
async fn failed_first_poll_has_no_response() {
    let nothing = || stream::iter([Err::<Bytes, Error>("at once".into())]);
    let outcome = outcome_of(|| (Head::ok(), nothing())).await;
    assert!(outcome.head().is_none() && outcome.trailers().is_none());
    assert_eq!(outcome.content_type(), None);
    assert_eq!(outcome.failure().unwrap().to_string(), "at once");
}

#[tokio::test]
async fn failed_handler_has_no_response() {
    let mut lambda = Lambda::new(async |event: LambdaEvent<bool>| match event.payload {
        true => Ok(Raw(texts(["fine"]))),
        false => Err(Failure::new("Quota", "none left")),
    });
    let mut invocation = lambda.invoke_streaming(false);
    assert!(invocation.head().await.is_none());
    assert!(invocation.next_chunk().await.is_none());
    let failure = invocation.finish().await.into_result().unwrap_err();
    assert_eq!(failure.error_type(), "Function.Quota");
    assert_eq!(lambda.invoke(true).await.text(), "fine");
}

#[tokio::test]
async fn invalid_head_is_the_failure() {
    let outcome = outcome_of(|| (Head::ok().header("a b", "c"), texts(["x"]))).await;
    assert_eq!(
        outcome.failure().unwrap().error_type(),
        "Function.InvalidHead"
    );
}

#[tokio::test]
async fn panics_are_failures() {
    let mut lambda = Lambda::new(async |event: LambdaEvent<bool>| {
        assert!(event.payload, "handler");
        let chunks = texts(["one"]).chain(stream::once(async { panic!("stream") }));
        Ok::<_, Error>(Raw(chunks))
    });
    for (in_stream, message, text) in [
        (false, "panicked: handler", ""),
        (true, "panicked: stream", "one"),
    ] {
        let outcome = lambda.invoke(in_stream).await;
        assert_eq!(outcome.text(), text);
        let failure = outcome.failure().unwrap();
        assert_eq!(failure.error_type(), "Function.Panic");
        assert_eq!(failure.to_string(), message);
    }
}
