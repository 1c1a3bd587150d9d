//! The least that a chunk costs: the source and a copy of each chunk, without clock or connection.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin least`. Needs valgrind.

use std::env;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use lambda_stream_peers::counts::Count;
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::source::{Error, Source};

const CHUNKS: u32 = 100_000;
const CHUNK: u32 = 64;

/// Size of the buffer, which is cleared when it is full.
const BUFFER: usize = 64 * 1024;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [way, chunks] = &arguments[..] {
        return take(way, Source::new(Plan::ready(chunks.parse()?, CHUNK)));
    }
    let program = env::current_exe()?;
    let directory = program.parent().ok_or("a program without a directory")?;
    for (way, name) in [
        ("copied", "copied into a buffer"),
        ("sent", "sent by a future into a locked buffer"),
    ] {
        let count = Count::Instructions.per_unit(CHUNKS, directory, |chunks, under| {
            let status = Command::new(under[0])
                .args(&under[1..])
                .arg(&program)
                .args([way, &chunks.to_string()])
                .status()?;
            match status.success() {
                true => Ok(()),
                false => Err(format!("it ended with {status}").into()),
            }
        })?;
        println!("instructions per {CHUNK} B chunk that is {name}: {count:.0}");
    }
    Ok(())
}

/// Takes every chunk; all are ready.
fn take(way: &str, source: Source) -> Result<(), Error> {
    let mut cx = Context::from_waker(Waker::noop());
    let polled = match way {
        "copied" => pin!(copied(source)).poll(&mut cx),
        "sent" => pin!(sent(source)).poll(&mut cx),
        _ => return Err("unknown way".into()),
    };
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err("a chunk was not ready".into()),
    }
}

async fn copied(source: Source) -> Result<(), Error> {
    let mut source = pin!(source);
    let mut buffer = Vec::with_capacity(BUFFER);
    while let Some(chunk) = poll_fn(|cx| source.as_mut().poll_next(cx)).await {
        copy(&mut buffer, &chunk?);
    }
    black_box(buffer);
    Ok(())
}

async fn sent(source: Source) -> Result<(), Error> {
    let mut source = pin!(source);
    let buffer = Arc::new(Mutex::new(Vec::with_capacity(BUFFER)));
    let mut writer = Writer(Arc::clone(&buffer));
    while let Some(chunk) = poll_fn(|cx| source.as_mut().poll_next(cx)).await {
        writer.send_chunk(chunk?).await?;
    }
    black_box(buffer);
    Ok(())
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl Writer {
    fn send_chunk(&mut self, chunk: Bytes) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |_| {
            let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            copy(&mut buffer, &chunk);
            Poll::Ready(Ok(()))
        })
    }
}

fn copy(buffer: &mut Vec<u8>, chunk: &[u8]) {
    if buffer.len() + chunk.len() > BUFFER {
        buffer.clear();
    }
    buffer.extend_from_slice(chunk);
}
