//! The hooks around the snapshot of SnapStart.
//!
//! The service says by the environment that it takes one, so the program is a process of its own.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use lambda_stream::{Error, Json, LambdaEvent, Runtime};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::support::{Api, Peer, patiently};

/// Set in the process that runs [`program`]: the name of the hook that fails, or nothing.
const FAILS: &str = "LAMBDA_STREAM_TEST_FAILS";

/// The function; not a test of its own. It answers with the hooks that have run.
#[tokio::test]
async fn program() {
    let Ok(fails) = std::env::var(FAILS) else {
        return;
    };
    let ran = Arc::new(Mutex::new(Vec::new()));
    let hook = |name: &'static str| {
        let (ran, fails) = (Arc::clone(&ran), fails == name);
        move || {
            let ran = Arc::clone(&ran);
            async move {
                ran.lock().unwrap().push(name);
                if fails {
                    return Err(format!("{name} has failed"));
                }
                Ok(())
            }
        }
    };
    let ended = Runtime::new()
        .before_snapshot(hook("close"))
        .before_snapshot(hook("flush"))
        .after_restore(hook("connect"))
        .after_restore(hook("seed"))
        .run(async |_: LambdaEvent<Value>| Ok::<_, Error>(Json(ran.lock().unwrap().clone())))
        .await;
    assert!(ended.is_err());
    std::process::exit(if ended.unwrap_err().is_setup() { 3 } else { 4 });
}

fn start(api: &Api, initialization_type: &str, fails: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "runtime::snap_start::program"])
        .env("AWS_LAMBDA_RUNTIME_API", api.address())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", initialization_type)
        .env(FAILS, fails)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn expect_restore(peer: &mut Peer) {
    let head = peer.head().await;
    assert!(
        head.starts_with("GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n"),
        "{head}"
    );
}

/// Serves one invocation, and returns its answer: the hooks that have run.
async fn hooks_that_ran(peer: &mut Peer) -> Value {
    peer.invoke("a", "{}").await;
    let head = peer.head().await;
    let length = crate::support::header(&head, "Content-Length");
    serde_json::from_slice(&peer.exactly(length.parse().unwrap()).await).unwrap()
}

#[tokio::test]
async fn hooks_run_around_the_snapshot() {
    let api = Api::bind().await;
    let _program = start(&api, "snap-start", "");
    patiently(async {
        let mut snapshot = api.accept().await;
        expect_restore(&mut snapshot).await;
        snapshot.reply("200 OK", "").await;
        // The connection of the snapshot is not used again.
        let mut restored = api.accept().await;
        let ran = hooks_that_ran(&mut restored).await;
        assert_eq!(ran, json!(["flush", "close", "connect", "seed"]));
    })
    .await;
}

#[tokio::test]
async fn hooks_are_left_out_without_a_snapshot() {
    let api = Api::bind().await;
    let _program = start(&api, "on-demand", "");
    patiently(async {
        let mut peer = api.accept().await;
        assert_eq!(hooks_that_ran(&mut peer).await, json!([]));
    })
    .await;
}

#[tokio::test]
async fn failed_hook_before_the_snapshot_is_an_init_error() {
    let api = Api::bind().await;
    let mut program = start(&api, "snap-start", "flush");
    patiently(async {
        let mut peer = api.accept().await;
        let (_, document) = peer.error("init/error").await;
        assert_eq!(document["errorMessage"], "flush has failed");
        peer.accepted().await;
        assert_eq!(program.wait().await.unwrap().code(), Some(3));
    })
    .await;
}

#[tokio::test]
async fn failed_hook_after_the_restore_is_a_restore_error() {
    let api = Api::bind().await;
    let mut program = start(&api, "snap-start", "connect");
    patiently(async {
        let mut snapshot = api.accept().await;
        expect_restore(&mut snapshot).await;
        snapshot.reply("200 OK", "").await;
        let mut peer = api.accept().await;
        let (_, document) = peer.error("restore/error").await;
        assert_eq!(document["errorMessage"], "connect has failed");
        peer.accepted().await;
        assert_eq!(program.wait().await.unwrap().code(), Some(3));
    })
    .await;
}

#[tokio::test]
async fn refused_restore_ends_the_program() {
    let api = Api::bind().await;
    let mut program = start(&api, "snap-start", "");
    patiently(async {
        let mut peer = api.accept().await;
        expect_restore(&mut peer).await;
        peer.reply("404 Not Found", "").await;
        assert_eq!(program.wait().await.unwrap().code(), Some(4));
    })
    .await;
}
