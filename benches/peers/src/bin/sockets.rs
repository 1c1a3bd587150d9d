//! HTTP and chunked encoding written by hand on a tokio `TcpStream`: the least that the wire costs.
//!
//! It understands only the HTTP that the server of this comparison speaks.

use std::future::poll_fn;
use std::io::{IoSlice, Write};
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use futures_core::Stream;
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{DELIMITER, PRELUDE, chunks, on_this_thread, runtime_api};
use lambda_stream_peers::source::{Error, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest chunk that is copied, in bytes; a larger one is a slice of a vectored write.
const COPIED: usize = 4 * 1024;

/// Number of bytes that are written at once.
const FULL: usize = 64 * 1024;

/// Size of the read buffer: more than any head and event of this comparison.
const INPUT: usize = 4 * 1024;

fn main() -> Result<(), Error> {
    on_this_thread(run())
}

async fn run() -> Result<(), Error> {
    let api = runtime_api()?;
    let stream = TcpStream::connect(&api).await?;
    stream.set_nodelay(true)?;
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n");
    let mut wire = Wire {
        stream,
        input: vec![0; INPUT],
        out: Vec::with_capacity(FULL + COPIED + INPUT),
    };
    loop {
        wire.stream.write_all(next.as_bytes()).await?;
        let (head, end) = wire.answer().await?;
        let answer = std::str::from_utf8(&wire.input[..head])?;
        let id = header(answer, "lambda-runtime-aws-request-id").ok_or("no request id")?;
        let source = chunks(serde_json::from_slice::<Plan>(&wire.input[head..end])?);
        write!(
            wire.out,
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\n\
             host: {api}\r\n\
             lambda-runtime-function-response-mode: streaming\r\n\
             transfer-encoding: chunked\r\n\
             trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\
             content-type: application/vnd.awslambda.http-integration-response\r\n\r\n",
        )?;
        wire.copy(PRELUDE.as_bytes());
        wire.copy(&DELIMITER);
        wire.respond(source).await?;
        wire.answer().await?;
    }
}

struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
    /// Bytes to be written.
    out: Vec<u8>,
}

/// Result of polling the source.
enum Polled {
    /// The source is pending: earlier chunks have to leave.
    Later,
    Chunk(Bytes),
    End,
}

impl Wire {
    async fn respond(&mut self, mut source: Source) -> Result<(), Error> {
        let mut is_waiting = false;
        loop {
            let polled = poll_fn(|cx| match Pin::new(&mut source).poll_next(cx) {
                Poll::Pending if is_waiting => Poll::Pending,
                Poll::Pending => Poll::Ready(Ok(Polled::Later)),
                Poll::Ready(Some(chunk)) => Poll::Ready(chunk.map(Polled::Chunk)),
                Poll::Ready(None) => Poll::Ready(Ok(Polled::End)),
            })
            .await?;
            is_waiting = false;
            match polled {
                Polled::Later => {
                    self.flush(&[]).await?;
                    is_waiting = true;
                }
                Polled::Chunk(chunk) if chunk.len() <= COPIED => {
                    self.copy(&chunk);
                    if self.out.len() >= FULL {
                        self.flush(&[]).await?;
                    }
                }
                Polled::Chunk(chunk) => {
                    self.size(chunk.len());
                    self.flush(&chunk).await?;
                    self.out.extend_from_slice(b"\r\n");
                }
                Polled::End => {
                    self.out.extend_from_slice(b"0\r\n\r\n");
                    return self.flush(&[]).await;
                }
            }
        }
    }

    fn copy(&mut self, chunk: &[u8]) {
        self.size(chunk.len());
        self.out.extend_from_slice(chunk);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes the line with a chunk's size.
    fn size(&mut self, size: usize) {
        let digits = (usize::BITS - size.leading_zeros()).div_ceil(4);
        for digit in (0..digits).rev() {
            let nibble = size >> (4 * digit) & 0xf;
            self.out.push(b"0123456789abcdef"[nibble]);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Flushes everything, followed by these bytes.
    async fn flush(&mut self, mut tail: &[u8]) -> Result<(), Error> {
        let mut out = &self.out[..];
        while !out.is_empty() || !tail.is_empty() {
            let slices = [IoSlice::new(out), IoSlice::new(tail)];
            let written = self.stream.write_vectored(&slices).await?;
            if written == 0 {
                return Err("the connection was closed".into());
            }
            let of_out = written.min(out.len());
            out = &out[of_out..];
            tail = &tail[written - of_out..];
        }
        self.out.clear();
        Ok(())
    }

    /// Reads a whole answer; returns where its head and its body end.
    async fn answer(&mut self) -> Result<(usize, usize), Error> {
        let mut read = 0;
        loop {
            match self.stream.read(&mut self.input[read..]).await? {
                0 => return Err("the connection was closed".into()),
                bytes => read += bytes,
            }
            let end = self.input[..read].windows(4).position(|w| w == b"\r\n\r\n");
            if let Some(end) = end {
                let head = end + 4;
                let text = std::str::from_utf8(&self.input[..head])?;
                let body = header(text, "content-length").ok_or("no length")?;
                let end = head + body.parse::<usize>()?;
                if read >= end {
                    return Ok((head, end));
                }
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split('\n').find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
