//! Many invocations at once on several threads.

use std::num::NonZero;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use lambda_stream::{Error, Failure, LambdaEvent, Raw, RunError, Runtime, Sequential};
use serde_json::Value;

use crate::support::{Api, Item, Peer, patiently, runtime_api};

/// Runs the threads of a runtime beside the test.
fn spawn(run: impl FnOnce() -> Result<(), RunError> + Send + 'static) -> JoinHandle<RunError> {
    thread::spawn(|| run().expect_err("the runtime ends with an error only"))
}

/// Ends the runtime from outside, and waits for it.
async fn end(peers: &mut [Peer], running: JoinHandle<RunError>) -> RunError {
    peers[0].reply("500 Internal Server Error", "").await;
    for peer in peers {
        peer.closed().await;
    }
    patiently(tokio::task::spawn_blocking(|| running.join().unwrap()))
        .await
        .unwrap()
}

/// The handlers count for themselves and need not be `Send`.
#[tokio::test]
async fn each_thread_has_a_handler() {
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address()).max_concurrency(3);
    let running = spawn(move || {
        runtime.run_on_threads(NonZero::new(8).unwrap(), async || {
            let (thread, mut served) = (Rc::new(thread::current().id()), 0);
            Ok::<_, Error>(Sequential(async move |_: LambdaEvent<Value>| {
                served += 1;
                let text = format!("{:?} {served}", *thread);
                Ok::<_, Error>(Raw(tokio_stream::once(Item::Ok(text.into()))))
            }))
        })
    });
    let mut peers = Vec::new();
    for _ in 0..3 {
        let mut peer = api.accept().await;
        peer.expect_next().await;
        peers.push(peer);
    }
    let mut names = Vec::new();
    for round in 1..=2 {
        for peer in &mut peers {
            peer.write(runtime_api::invocation("1", "{}", "")).await;
            peer.response_head("1").await;
            let text = String::from_utf8(peer.rest().await).unwrap();
            let (name, served) = text.rsplit_once(' ').unwrap();
            assert_eq!(served, round.to_string());
            names.push(name.to_owned());
            peer.accepted().await;
            peer.expect_next().await;
        }
    }
    assert_eq!(names[..3], names[3..]);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "one thread each");
    assert!(end(&mut peers, running).await.is_refused());
}

/// Nobody asks for an invocation, and the failure is reported once.
#[tokio::test]
async fn failed_setup_of_a_thread_ends_all() {
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address()).max_concurrency(4);
    let running = spawn(move || {
        let number = AtomicUsize::new(0);
        runtime.run_on_threads(NonZero::new(4).unwrap(), async || {
            if number.fetch_add(1, Ordering::Relaxed) >= 2 {
                return Err(Failure::new("NoDatabase", "the database is not there"));
            }
            Ok(async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(tokio_stream::empty::<Item>())))
        })
    });
    let mut peer = api.accept().await;
    let (_, document) = peer.error("init/error").await;
    assert_eq!(document["errorType"], "Function.NoDatabase");
    peer.accepted().await;
    let ended = tokio::task::spawn_blocking(|| running.join().unwrap());
    tokio::select! {
        ended = patiently(ended) => assert!(ended.unwrap().is_setup()),
        _ = api.accept() => panic!("another report, or a request for an invocation"),
    }
}
