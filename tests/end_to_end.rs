//! From a handler through the runtime and the local Lambda to an HTTP client.
#![cfg(feature = "local")]

mod support;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lambda_stream::local::Server;
use lambda_stream::{Error, Failure, Handler, Head, LambdaEvent, Runtime};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Item, patiently, texts};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Runs a handler behind a local Lambda until the script of its clients is through.
async fn with_lambda<H, M, T>(handler: H, clients: impl AsyncFnOnce(&Server) -> T) -> T
where
    H: Handler<M>,
{
    let server = Server::start("127.0.0.1:0").unwrap();
    let runtime = Runtime::new().runtime_api(server.runtime_api().to_string());
    patiently(async {
        tokio::select! {
            ended = runtime.run(handler) => panic!("the runtime ended: {ended:?}"),
            output = clients(&server) => output,
        }
    })
    .await
}

/// A client's connection; it is closed when this is dropped.
struct Client {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { sender, connection }
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Response<Incoming> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .body(Full::from(body.to_owned()))
            .unwrap();
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    async fn invoke(&mut self, event: Value) -> Response<Incoming> {
        self.send("POST", "/invoke", &event.to_string()).await
    }
}

async fn chunk(response: &mut Response<Incoming>) -> Option<Bytes> {
    let frame = response.body_mut().frame().await?.unwrap();
    Some(frame.into_data().unwrap())
}

#[tokio::test]
async fn a_client_sees_status_headers_cookies_and_each_chunk_as_it_is_made() {
    let (sender, receiver) = mpsc::unbounded_channel::<&'static str>();
    let mut receiver = Some(receiver);
    let handler = async move |event: LambdaEvent<Value>| {
        let receiver = receiver.take().expect("one invocation");
        let chunks = stream::unfold(receiver, async |mut receiver| {
            Some((Item::Ok(receiver.recv().await?.into()), receiver))
        });
        let head = Head::new(event.payload["status"].as_u64().unwrap() as u16)
            .header("x-a", "1")
            .header("x-a", "2")
            .cookie("c=3")
            .cookie("d=4; Path=/");
        Ok::<_, Error>((head, chunks))
    };
    with_lambda(handler, async |server| {
        let mut client = Client::connect(server).await;
        let mut response = client.invoke(json!({"status": 418})).await;
        assert_eq!(response.status(), 418);
        let values = |name| -> Vec<_> { response.headers().get_all(name).iter().collect() };
        assert_eq!(values("x-a"), ["1", "2"]);
        assert_eq!(values("set-cookie"), ["c=3", "d=4; Path=/"]);
        for text in ["one", "two", "three"] {
            sender.send(text).unwrap();
            assert_eq!(chunk(&mut response).await.unwrap(), text);
        }
        drop(sender);
        assert_eq!(chunk(&mut response).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_mid_stream_error_cuts_the_response_and_the_next_is_served() {
    let handler = async |event: LambdaEvent<bool>| {
        let end = match event.payload {
            true => Err(Failure::new("Quota", "none left")),
            false => Ok("two"),
        };
        Ok::<_, Error>((Head::ok(), stream::iter([Ok("one"), end])))
    };
    with_lambda(handler, async |server| {
        for fails in [true, false, true, false] {
            let mut client = Client::connect(server).await;
            let response = client.invoke(json!(fails)).await;
            assert_eq!(response.status(), 200);
            let mut body = response.into_body();
            let mut received = Vec::new();
            let mut is_cut = false;
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => received.extend_from_slice(&frame.into_data().unwrap()),
                    Err(_) => is_cut = true,
                }
            }
            assert_eq!(is_cut, fails);
            let expected: &[u8] = if fails { b"one" } else { b"onetwo" };
            assert_eq!(received, expected, "no good chunk is lost");
        }
    })
    .await;
}

#[tokio::test]
async fn an_endless_stream_is_dropped_when_its_reader_leaves_and_the_next_is_served() {
    struct Endless(Rc<Cell<usize>>);
    impl Stream for Endless {
        type Item = Item;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
            Poll::Ready(Some(Ok(Bytes::from(vec![b'x'; 4096]))))
        }
    }
    impl Drop for Endless {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let handler = async |event: LambdaEvent<Value>| {
        let chunks = match event.payload {
            Value::Null => Endless(Rc::clone(&dropped)).boxed_local(),
            _ => texts(["fine"]).boxed_local(),
        };
        Ok::<_, Error>((Head::ok(), chunks))
    };
    with_lambda(handler, async |server| {
        for n in 1..4 {
            let mut client = Client::connect(server).await;
            let mut response = client.invoke(Value::Null).await;
            chunk(&mut response).await.unwrap();
            drop(response);
            drop(client);
            while dropped.get() < n {
                tokio::task::yield_now().await;
            }
            let mut client = Client::connect(server).await;
            let response = client.invoke(json!(1)).await;
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                "fine"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn bodyless_responses_end_for_any_method() {
    let handler = async |event: LambdaEvent<Value>| {
        let status = event.payload["rawPath"].as_str().unwrap()[1..]
            .parse()
            .unwrap();
        let head = Head::new(status).header("location", "/there");
        Ok::<_, Error>((head, stream::empty::<Item>()))
    };
    with_lambda(handler, async |server| {
        let mut client = Client::connect(server).await;
        for method in ["GET", "HEAD", "POST"] {
            for status in [200, 204, 301, 302, 304, 307, 404] {
                let response = client.send(method, &format!("/{status}"), "").await;
                assert_eq!(response.status(), status);
                assert_eq!(response.headers()["location"], "/there");
                assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn several_requests_at_once_each_get_their_own_answer() {
    let handler = async |event: LambdaEvent<u64>| {
        let n = event.payload;
        let chunks = stream::iter([n, n]).then(async |n| {
            tokio::task::yield_now().await;
            Ok::<_, Error>(format!("{n};"))
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    with_lambda(handler, async |server| {
        let requests = (0..8).map(async |n: u64| {
            let mut client = Client::connect(server).await;
            let response = client.invoke(json!(n)).await;
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("{n};{n};"));
        });
        futures::future::join_all(requests).await;
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_list_of_chunks_reaches_the_client_exactly(
        chunks in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (0usize..20).prop_map(|len| vec![0; len]),
                (any::<u8>(), 500_000usize..2_000_000).prop_map(|(byte, len)| vec![byte; len]),
            ],
            0..10,
        ),
    ) {
        let expected = chunks.concat();
        let handler = async |_: LambdaEvent<Value>| {
            let chunks = stream::iter(chunks.clone()).map(Ok::<_, Error>);
            Ok::<_, Error>((Head::ok(), chunks))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let arrived = runtime.block_on(with_lambda(handler, async |server| {
            let mut client = Client::connect(server).await;
            let response = client.invoke(json!({})).await;
            response.into_body().collect().await.unwrap().to_bytes()
        }));
        prop_assert!(arrived == expected, "{} bytes, not {}", arrived.len(), expected.len());
    }
}
