//! What an invocation in flight takes where many are served at once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use futures::stream::{self, StreamExt};
use lambda_stream::{Error, Head, LambdaEvent, Runtime};
use serde_json::Value;

use crate::alone;
use crate::counter::Counter;
use crate::patience::run_until;

const INVOCATIONS: u16 = 256;

/// Begins an invocation on each of the connections, and returns once each has sent its first chunk.
fn invoke_all(api: &TcpListener) -> Vec<TcpStream> {
    let peers = (0..INVOCATIONS).map(|_| {
        let (mut peer, _) = api.accept().unwrap();
        read_until(&mut peer, b"\r\n\r\n");
        peer.write_all(
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 2\r\n\r\n{}",
        )
        .unwrap();
        read_until(&mut peer, b"first\r\n");
        peer
    });
    peers.collect()
}

fn read_until(peer: &mut TcpStream, end: &[u8]) {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    while !read.ends_with(end) {
        let n = peer.read(&mut buffer).unwrap();
        assert!(n > 0, "closed");
        read.extend_from_slice(&buffer[..n]);
    }
}

#[test]
fn idle_invocation_takes_little_memory() {
    alone(async {
        let api = TcpListener::bind("127.0.0.1:0").unwrap();
        let runtime = Runtime::new()
            .runtime_api(api.local_addr().unwrap().to_string())
            .max_concurrency(INVOCATIONS);
        let handler = async |_: LambdaEvent<Value>| {
            let chunks = stream::iter([Ok::<_, Error>("first")]).chain(stream::pending());
            Ok::<_, Error>((Head::ok(), chunks))
        };
        let (done, is_done) = tokio::sync::oneshot::channel();
        thread::spawn(move || done.send(invoke_all(&api)));
        let counter = Counter::start();
        let taken = run_until(runtime.run(handler), async {
            let _peers = is_done.await.unwrap();
            counter.bytes() / isize::try_from(INVOCATIONS).unwrap()
        })
        .await;
        eprintln!("{taken} bytes for each idle invocation");
        // Its future, the buffers of its connection, and the head of its event.
        assert!(taken < 48 * 1024, "{taken}");
    });
}
