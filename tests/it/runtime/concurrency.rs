//! Many invocations at once, each on a connection of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use lambda_stream::{Error, Head, LambdaEvent, Raw, Runtime, Sequential};
use serde_json::Value;
use tokio::sync::mpsc;
use tower::service_fn;

use crate::support::{Api, Item, Peer, deadline, patiently, run_until, serve_with, texts};

const WORKERS: u16 = 8;

/// Senders of the chunks of each response, by the event of its invocation.
#[derive(Default)]
struct Gates(RefCell<HashMap<String, mpsc::UnboundedSender<Item>>>);

impl Gates {
    fn open(&self, event: String) -> impl Stream<Item = Item> + use<> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.borrow_mut().insert(event, sender);
        stream::unfold(receiver, async |mut receiver| {
            Some((receiver.recv().await?, receiver))
        })
    }

    fn send(&self, event: &str, item: Item) {
        self.0.borrow()[event].send(item).unwrap();
    }

    fn end(&self, event: &str) {
        self.0.borrow_mut().remove(event).unwrap();
    }
}

fn text(text: &str) -> Item {
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

type Gated = Raw<Pin<Box<dyn Stream<Item = Item>>>>;

/// Serves what arrives with a response that the test sends chunk by chunk.
fn gated(gates: &Gates) -> impl AsyncFn(LambdaEvent<String>) -> Result<Gated, Error> {
    async |event: LambdaEvent<String>| {
        match event.payload.as_str() {
            "panic" => panic!("boom"),
            "fail" => return Err(Error::from("no")),
            "hang" => pending::<()>().await,
            _ => {}
        }
        Ok(Raw(gates.open(event.payload).boxed_local()))
    }
}

/// Accepts this many workers, each of which asks for an invocation.
async fn workers(api: &Api, count: u16) -> Vec<Peer> {
    let mut peers = Vec::new();
    for _ in 0..count {
        let mut peer = api.accept().await;
        peer.expect_next().await;
        peers.push(peer);
    }
    peers
}

/// Answers the pending `GET …/next` of a worker, and reads the head of the response.
async fn start(peer: &mut Peer, id: &str, event: &str) {
    hand_out(peer, id, event, "").await;
    peer.response_head(id).await;
}

async fn hand_out(peer: &mut Peer, id: &str, event: &str, headers: &str) {
    let event = format!("{event:?}");
    let answer = crate::support::runtime_api::invocation(id, &event, headers);
    peer.write(answer).await;
}

fn concurrent(count: u16) -> Runtime {
    Runtime::new().max_concurrency(count)
}

#[tokio::test]
async fn interleaved_responses_stay_apart() {
    let gates = Gates::default();
    serve_with(concurrent(WORKERS), gated(&gates), async |api| {
        let mut peers = workers(&api, WORKERS).await;
        let id = |n: usize| format!("id-{n}");
        for round in 0..3 {
            for (n, peer) in peers.iter_mut().enumerate() {
                start(peer, &id(n), &id(n)).await;
            }
            for chunk in 0..4 {
                for (n, peer) in peers.iter_mut().enumerate().rev() {
                    let chunk = format!("{round} {chunk} of {n}");
                    gates.send(&id(n), text(&chunk));
                    assert_eq!(peer.text_chunk().await, chunk);
                }
            }
            for (n, peer) in peers.iter_mut().enumerate() {
                gates.end(&id(n));
                assert_eq!(peer.rest().await, b"");
                peer.accepted().await;
                peer.expect_next().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn failed_invocations_touch_no_other() {
    let gates = Gates::default();
    serve_with(concurrent(5), gated(&gates), async |api| {
        let mut peers = workers(&api, 5).await;
        let [streaming, failing, panicking, late, hanging] = &mut peers[..] else {
            panic!("five workers")
        };
        start(streaming, "1", "a").await;
        for (peer, id, event) in [(failing, "2", "fail"), (panicking, "3", "panic")] {
            hand_out(peer, id, event, "").await;
            peer.error(&format!("invocation/{id}/error")).await;
            peer.accepted().await;
            gates.send("a", text(event));
            assert_eq!(streaming.text_chunk().await, event);
            // The worker goes on.
            peer.expect_next().await;
            start(peer, id, "again").await;
            gates.end("again");
            peer.rest().await;
        }
        start(late, "4", "b").await;
        gates.send("b", Err("torn".into()));
        assert_eq!(late.trailers().await.0, "Function.Error");
        let soon = deadline(Duration::from_millis(200));
        hand_out(hanging, "5", "hang", &soon).await;
        let (_, document) = hanging.error("invocation/5/error").await;
        assert_eq!(document["errorType"], "Function.DeadlineExceeded");
        gates.send("a", text("still here"));
        assert_eq!(streaming.text_chunk().await, "still here");
        gates.end("a");
        assert_eq!(streaming.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn refused_and_lost_responses_touch_no_other() {
    let gates = Gates::default();
    serve_with(concurrent(3), gated(&gates), async |api| {
        let mut peers = workers(&api, 3).await;
        start(&mut peers[0], "1", "a").await;
        start(&mut peers[1], "2", "b").await;
        start(&mut peers[2], "3", "c").await;
        peers[1].reply("410 Gone", "").await;
        peers[1].closed().await;
        drop(peers.pop());
        // Both workers connect again, and the first goes on meanwhile.
        let mut others = workers(&api, 2).await;
        gates.send("a", text("still here"));
        assert_eq!(peers[0].text_chunk().await, "still here");
        for peer in &mut others {
            start(peer, "4", "d").await;
            gates.end("d");
            peer.rest().await;
        }
    })
    .await;
}

#[tokio::test]
async fn slow_reader_holds_up_no_other() {
    let handler = async |event: LambdaEvent<String>| {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        let count = if event.payload == "endless" {
            usize::MAX
        } else {
            1
        };
        let chunks = stream::repeat(chunk).take(count).map(Ok::<_, Error>);
        Ok::<_, Error>(Raw(chunks))
    };
    serve_with(concurrent(2), handler, async |api| {
        let mut peers = workers(&api, 2).await;
        start(&mut peers[0], "1", "endless").await;
        for n in 0..20 {
            let id = n.to_string();
            start(&mut peers[1], &id, "short").await;
            assert_eq!(peers[1].rest().await.len(), 64 * 1024);
            peers[1].accepted().await;
            peers[1].expect_next().await;
        }
    })
    .await;
}

/// What is being served ends first, and nothing more is asked for.
#[tokio::test]
async fn wedged_sandbox_ends_after_open_responses() {
    let gates = Gates::default();
    let api = Api::bind().await;
    let runtime = concurrent(3).runtime_api(api.address());
    let script = async {
        let mut peers = workers(&api, 3).await;
        start(&mut peers[0], "1", "a").await;
        start(&mut peers[1], "2", "b").await;
        gates.end("b");
        peers[1].rest().await;
        peers[1].reply("500 Internal Server Error", "").await;
        assert_eq!(peers[2].closed().await, b"", "the idle worker ends at once");
        gates.send("a", text("still here"));
        assert_eq!(peers[0].text_chunk().await, "still here");
        gates.end("a");
        assert_eq!(peers[0].rest().await, b"");
        peers[0].accepted().await;
        assert_eq!(peers[0].closed().await, b"", "nothing more is asked for");
    };
    let (ended, ()) = patiently(async { tokio::join!(runtime.run(gated(&gates)), script) }).await;
    assert!(ended.unwrap_err().is_refused());
}

/// One worker reaches nobody for far longer than a single one would try.
#[tokio::test]
async fn lost_worker_is_replaced() {
    let gates = Gates::default();
    serve_with(concurrent(2), gated(&gates), async |api| {
        let mut peers = workers(&api, 2).await;
        start(&mut peers[0], "1", "a").await;
        drop(peers.pop());
        // A worker gives up after twelve connections.
        for _ in 0..13 {
            drop(api.accept().await);
            gates.send("a", text("x"));
            assert_eq!(peers[0].text_chunk().await, "x");
        }
        let mut replacement = api.accept().await;
        replacement.expect_next().await;
        start(&mut replacement, "2", "b").await;
        gates.send("b", text("new"));
        assert_eq!(replacement.text_chunk().await, "new");
        gates.send("a", text("old"));
        assert_eq!(peers[0].text_chunk().await, "old");
    })
    .await;
}

#[tokio::test]
async fn unreachable_runtime_api_ends_all_workers() {
    let unused = Api::bind().await.address();
    let gates = Gates::default();
    let run = concurrent(2).runtime_api(unused).run(gated(&gates));
    assert!(patiently(run).await.unwrap_err().is_connection());
}

/// A handler that serves one invocation at a time runs with one worker only.
#[tokio::test]
async fn sequential_handler_names_what_to_do() {
    let api = Api::bind().await;
    let mut served = 0;
    let handler = Sequential(async |_: LambdaEvent<Value>| {
        served += 1;
        Ok::<_, Error>(Raw(stream::iter([Ok::<_, Error>(served.to_string())])))
    });
    let run = concurrent(2).runtime_api(api.address()).run(handler);
    let script = async {
        let mut peer = api.accept().await;
        let (_, document) = peer.error("init/error").await;
        peer.accepted().await;
        document["errorMessage"].as_str().unwrap().to_owned()
    };
    let (ended, message) = patiently(async { tokio::join!(run, script) }).await;
    let error = ended.unwrap_err();
    assert!(error.is_configuration());
    assert_eq!(error.to_string(), message);
    for part in [
        "2 invocations",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "Sequential",
        "RefCell",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(served, 0);
}

/// Each worker has a clone, and `poll_ready` is awaited for each.
#[tokio::test]
async fn services_are_cloned_per_worker() {
    struct Counted(Rc<Cell<usize>>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.set(self.0.get() + 1);
            Self(Rc::clone(&self.0))
        }
    }
    let clones = Rc::new(Cell::new(1));
    let counted = Counted(Rc::clone(&clones));
    let service = service_fn(move |event: LambdaEvent<String>| {
        let _ = &counted;
        async move { Ok::<_, Infallible>(Raw(stream::iter([Ok::<_, Error>(event.payload)]))) }
    });
    serve_with(concurrent(4), service, async |api| {
        for (n, peer) in workers(&api, 4).await.iter_mut().enumerate() {
            let id = n.to_string();
            start(peer, &id, &id).await;
            assert_eq!(peer.rest().await, id.as_bytes());
        }
    })
    .await;
    assert_eq!(clones.get(), 4);
}

#[tokio::test]
async fn writers_run_at_once() {
    use lambda_stream::body::writer::ResponseWriter;

    let api = Api::bind().await;
    let started = Cell::new(0);
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        started.set(started.get() + 1);
        // Each waits for all the others.
        poll_fn(|cx| match started.get() {
            4 => Poll::Ready(()),
            _ => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        body.send_chunk("all here").await?;
        Ok::<_, Error>(())
    };
    let runtime = concurrent(4).runtime_api(api.address());
    run_until(runtime.run_with_writer(handler), async {
        let mut peers = workers(&api, 4).await;
        for peer in &mut peers {
            start(peer, "1", "x").await;
        }
        for peer in &mut peers {
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "all here");
        }
    })
    .await;
}

#[tokio::test]
async fn concurrent_runtime_is_spawnable() {
    async fn handler(_: LambdaEvent<Value>) -> Result<Raw<impl Stream<Item = Item>>, Error> {
        Ok(Raw(texts(["x"])))
    }
    let api = Api::bind().await;
    let task = tokio::spawn(concurrent(2).runtime_api(api.address()).run(handler));
    for peer in &mut workers(&api, 2).await {
        start(peer, "1", "{}").await;
        assert_eq!(peer.rest().await, b"x");
    }
    task.abort();
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn router_serves_requests_at_once() {
    use axum::Router;
    use axum::routing::get;
    use lambda_stream::web::App;
    use tokio::sync::Barrier;

    let barrier = std::sync::Arc::new(Barrier::new(4));
    let app = Router::new().route(
        "/",
        get(async move || {
            barrier.wait().await;
            "all here"
        }),
    );
    let request = r#"{"version":"2.0","rawPath":"/","rawQueryString":"","headers":{},"requestContext":{"http":{"method":"GET","path":"/"}}}"#;
    serve_with(concurrent(4), App::new(app), async |api| {
        let mut peers = workers(&api, 4).await;
        for peer in &mut peers {
            let answer = crate::support::runtime_api::invocation("1", request, "");
            peer.write(answer).await;
        }
        for peer in &mut peers {
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "all here");
        }
    })
    .await;
}

/// The local Lambda that `run` starts hands out as many invocations as the program asks for.
#[cfg(feature = "local")]
#[tokio::test]
async fn local_lambda_asks_for_several() {
    use tokio::sync::Barrier;

    use crate::support::client::Client;

    let barrier = Barrier::new(4);
    let handler = async |_: LambdaEvent<Value>| {
        barrier.wait().await;
        Ok::<_, Error>((Head::ok(), texts(["all here"])))
    };
    let address = Api::bind().await.address();
    let runtime = concurrent(4).local_addr(&address);
    run_until(runtime.run(handler), async {
        // The runtime listens from its first poll on.
        tokio::task::yield_now().await;
        let client = async || {
            let mut client = Client::connect(&address).await;
            client.invoke(&Value::Null).await.status()
        };
        let seen = tokio::join!(client(), client(), client(), client());
        assert_eq!(seen, [http::StatusCode::OK; 4].into());
    })
    .await;
}
