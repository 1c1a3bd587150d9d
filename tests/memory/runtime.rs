//! The runtime does not allocate between a chunk and the socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::task::Poll;
use std::thread;

use bytes::Bytes;
use futures::stream;
use lambda_stream::{Error, Head, LambdaEvent, Runtime};

use crate::alone;
use crate::counter::Counter;
use crate::patience::run_until;

/// Reads up to and including `end`, without allocating.
fn read_until(peer: &mut TcpStream, buffer: &mut [u8], end: &[u8]) {
    let mut kept = 0;
    loop {
        let n = peer.read(&mut buffer[kept..]).unwrap();
        assert!(n > 0, "closed");
        let filled = kept + n;
        if buffer[..filled].ends_with(end) {
            return;
        }
        kept = filled.min(end.len());
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// Serves one invocation per number of chunks, and returns how many allocations each of them took,
/// those of this thread included.
fn serve(api: &TcpListener, numbers: &[u64], counter: Counter) -> Vec<usize> {
    counter.add_this_thread();
    let (mut peer, _) = api.accept().unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let mut counts = Vec::with_capacity(numbers.len());
    let mut event = String::with_capacity(256);
    for number in numbers {
        use std::fmt::Write;

        read_until(&mut peer, &mut buffer, b"\r\n\r\n");
        let before = counter.count();
        event.clear();
        let length = number.to_string().len();
        write!(
            event,
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: {length}\r\n\r\n{number}"
        )
        .unwrap();
        peer.write_all(event.as_bytes()).unwrap();
        read_until(&mut peer, &mut buffer, b"\r\n0\r\n\r\n");
        counts.push(counter.count() - before);
        peer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }
    counts
}

#[test]
fn runtime_does_not_allocate_per_chunk() {
    alone(async {
        for size in [64, 16 * 1024] {
            let counts = counts_for_chunks_of(size).await;
            let (few, many) = (counts[2], counts[3]);
            eprintln!(
                "chunks of {size} bytes: {few} allocations for 900 of them, {many} for 3,600"
            );
            // 2,700 more chunks; a handful of allocations is what growing buffers may take.
            assert!(many < few + 27, "{few} and {many}");
            // A whole invocation: event, head, prelude, response. Plain hyper takes 31.
            assert!(few <= 25, "{few} allocations per invocation");
        }
    });
}

/// Runs invocations of many chunks of this size, and returns the allocations of each of them.
async fn counts_for_chunks_of(size: usize) -> Vec<usize> {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = api.local_addr().unwrap().to_string();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let counter = Counter::start();
    thread::spawn(move || {
        // The first ones set up what is kept between invocations.
        let _ = done.send(serve(&api, &[4000, 4000, 1000, 4000], counter));
    });
    let chunk = Bytes::from(vec![b'x'; size]);
    let handler = async |event: LambdaEvent<u64>| {
        let mut left = event.payload;
        let chunk = chunk.clone();
        let chunks = stream::poll_fn(move |cx| {
            // Now and then it is pending, as real streams are.
            if left % 10 == 1 {
                left -= 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(left.checked_sub(1).map(|less| {
                left = less;
                Ok::<_, Error>(chunk.clone())
            }))
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    let runtime = Runtime::new().runtime_api(address);
    run_until(runtime.run(handler), is_done).await.unwrap()
}
