//! Memory stays flat, however large the response and however slow its reader.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use lambda_stream::{Error, Head, LambdaEvent, Runtime};
use serde_json::Value;

use crate::alone;
use crate::patience::run_until;

const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 16 * 1024;

/// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Reads a gibibyte: at 2 MB/s for two seconds, then as fast as it comes. Returns the number of
/// bytes, and the peak of resident memory while it was slow and after that.
fn read_slowly(mut peer: TcpStream) -> (usize, usize, usize) {
    let mut buffer = vec![0; CHUNK];
    let (mut bytes, mut slow_peak, mut peak) = (0, 0, 0);
    // 80 reads of 50 KB every 25 ms are 2 MB/s for two seconds.
    for _ in 0..80 {
        bytes += peer.read(&mut buffer[..50_000]).unwrap();
        slow_peak = slow_peak.max(resident());
        // The sleep is the pace of the reader, not a wait for an event.
        thread::sleep(Duration::from_millis(25));
    }
    let mut reads = 0;
    let mut tail = Vec::new();
    while !tail.ends_with(b"\r\n0\r\n\r\n") {
        let n = peer.read(&mut buffer).unwrap();
        assert!(n > 0, "closed after {bytes} bytes");
        bytes += n;
        tail.extend_from_slice(&buffer[n.saturating_sub(7)..n]);
        tail.drain(..tail.len().saturating_sub(7));
        reads += 1;
        if reads % 256 == 0 {
            peak = peak.max(resident());
        }
    }
    (bytes, slow_peak, peak)
}

/// A gibibyte to a slow reader takes no more memory than a few chunks.
#[test]
fn memory_stays_flat_for_slow_reader() {
    alone(serve_gibibyte());
}

async fn serve_gibibyte() {
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = api.local_addr().unwrap().to_string();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let reader = thread::spawn(move || {
        let (mut peer, _) = api.accept().unwrap();
        let mut head = [0; 4096];
        let _ = peer.read(&mut head).unwrap();
        let before = resident();
        peer.write_all(
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 2\r\n\r\n{}",
        )
        .unwrap();
        let (bytes, slow_peak, peak) = read_slowly(peer);
        let _ = done.send(());
        (before, bytes, slow_peak, peak)
    });
    let handler = async |_: LambdaEvent<Value>| {
        let mut n = 0;
        // Each chunk has memory of its own, and every page of it is written to.
        let chunks = stream::poll_fn(move |_| {
            n += 1;
            let chunk =
                (n <= CHUNKS).then(|| Ok::<_, Error>(Bytes::from(vec![n as u8 | 1; CHUNK])));
            std::task::Poll::Ready(chunk)
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    let runtime = Runtime::new().runtime_api(address).without_deadline();
    run_until(runtime.run(handler), is_done).await.unwrap();
    let (before, bytes, slow_peak, peak) = reader.join().unwrap();
    assert!(bytes > CHUNK * CHUNKS, "{bytes}");
    // A few chunks in hand and what the allocator keeps; a gibibyte is far above.
    let grown = |peak: usize| peak.saturating_sub(before) / 1024;
    eprintln!(
        "resident: {} KiB before, +{} KiB at 2 MB/s, +{} KiB at full speed",
        before / 1024,
        grown(slow_peak),
        grown(peak)
    );
    assert!(grown(slow_peak) < 4096, "+{} KiB", grown(slow_peak));
    assert!(grown(peak) < 4096, "+{} KiB", grown(peak));
}
