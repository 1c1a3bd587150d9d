//! What can be a handler. It runs on the caller's task.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use lambda_stream::{Error, Handler, Head, LambdaEvent, Raw, Runtime, Sequential};
use serde_json::Value;
use tower::{ServiceBuilder, service_fn};

use crate::support::{Api, Item, serve, texts};

/// Invokes a handler once per event, and returns the payloads of its responses.
async fn payloads<H: Handler<M>, M>(handler: H, events: &[&str]) -> Vec<String> {
    serve(handler, async |api| {
        let mut payloads = Vec::new();
        let mut peer = api.accept().await;
        for event in events {
            peer.invoke("1", event).await;
            peer.response_head("1").await;
            payloads.push(String::from_utf8(peer.rest().await).unwrap());
            peer.accepted().await;
        }
        payloads
    })
    .await
}

#[tokio::test]
async fn async_fn_is_a_handler() {
    async fn handler(event: LambdaEvent<String>) -> Result<Raw<impl Stream<Item = Item>>, Error> {
        Ok(Raw(stream::iter([Ok(Bytes::from(event.payload))])))
    }
    assert_eq!(payloads(handler, &["\"a\"", "\"b\""]).await, ["a", "b"]);
}

#[tokio::test]
async fn closures_may_mutate_and_borrow() {
    let greeting = String::from("hello");
    let log = RefCell::new(Vec::new());
    let mut count = 0;
    let handler = async |event: LambdaEvent<String>| {
        count += 1;
        log.borrow_mut().push(event.payload);
        // The stream may borrow as well: it need not be 'static.
        let words =
            stream::iter([greeting.as_str(), " "]).map(|word| Ok::<_, Error>(word.to_owned()));
        Ok::<_, Error>(Raw(words.chain(stream::iter([Ok(count.to_string())]))))
    };
    assert_eq!(
        payloads(Sequential(handler), &["\"a\"", "\"b\""]).await,
        ["hello 1", "hello 2"]
    );
    assert_eq!(log.into_inner(), ["a", "b"]);
    assert_eq!(count, 2);
}

/// Neither do they need to be `Unpin`.
#[tokio::test]
async fn handler_and_stream_need_no_send() {
    let shared = Rc::new(RefCell::new(0));
    let handler = {
        let shared = Rc::clone(&shared);
        async move |_: LambdaEvent<Value>| {
            let shared = Rc::clone(&shared);
            let mut n = 0;
            let chunks = stream::unfold((), move |()| {
                let shared = Rc::clone(&shared);
                n += 1;
                async move {
                    tokio::task::yield_now().await;
                    *shared.borrow_mut() += 1;
                    (n <= 3).then(|| (Ok::<_, Error>(n.to_string()), ()))
                }
            });
            Ok::<_, Error>(Raw(chunks))
        }
    };
    assert_eq!(payloads(handler, &["{}"]).await, ["123"]);
    assert_eq!(*shared.borrow(), 4);
}

#[tokio::test]
async fn runtime_with_send_handler_is_spawnable() {
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address());
    async fn handler(_: LambdaEvent<Value>) -> Result<Raw<impl Stream<Item = Item>>, Error> {
        Ok(Raw(texts(["x"])))
    }
    let task = tokio::spawn(runtime.run(handler));
    let mut peer = api.invoke("1", "{}").await;
    peer.response_head("1").await;
    assert_eq!(peer.rest().await, b"x");
    task.abort();
}

#[tokio::test]
async fn layered_tower_service_is_a_handler() {
    let service = ServiceBuilder::new()
        .map_request(|mut event: LambdaEvent<String>| {
            event.payload.push('!');
            event
        })
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(60)))
        .service(service_fn(async |event: LambdaEvent<String>| {
            Ok::<_, Error>(Raw(stream::iter([Ok::<_, Error>(event.payload)])))
        }));
    assert_eq!(payloads(service, &["\"a\"", "\"b\""]).await, ["a!", "b!"]);
}

#[tokio::test]
async fn items_may_be_str_or_vec() {
    let handler =
        async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(stream::iter([Ok::<_, Error>("text")])));
    assert_eq!(payloads(handler, &["{}"]).await, ["text"]);
    let handler = async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(Raw(stream::iter([Ok::<_, Error>(vec![b'v'])])))
    };
    assert_eq!(payloads(handler, &["{}"]).await, ["v"]);
}

#[tokio::test]
async fn any_error_type_is_accepted() {
    let handler = async |_: LambdaEvent<Value>| {
        let chunks = stream::iter([Ok(Bytes::from("x")), Err(std::io::Error::other("disk"))]);
        Ok::<_, std::convert::Infallible>((Head::ok(), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        peer.text_chunk().await;
        let (error_type, document) = peer.trailers().await;
        assert_eq!(error_type, "Function.Error");
        assert_eq!(document["errorMessage"], "disk");
    })
    .await;
}
