//! A thin client on hyper's `client::conn::http1`, polled in one task, with `TCP_NODELAY`.
//!
//! Its body coalesces small chunks that are ready together. It handles no error, deadline or
//! reconnection, so it shows the least that a client on hyper costs.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::header::{CONTENT_TYPE, HOST, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{DELIMITER, PRELUDE, chunks, on_this_thread, runtime_api};
use lambda_stream_peers::source::{Error, Source};
use tokio::net::TcpStream;

type Wire = Connection<TokioIo<TcpStream>, Response>;

fn main() -> Result<(), Error> {
    on_this_thread(run())
}

async fn run() -> Result<(), Error> {
    let api = runtime_api()?;
    let stream = TcpStream::connect(&api).await?;
    stream.set_nodelay(true)?;
    let (mut sender, mut wire) = http1::handshake(TokioIo::new(stream)).await?;
    loop {
        let next = Request::get("/2018-06-01/runtime/invocation/next")
            .header(HOST, &api)
            .body(Response::Empty)?;
        let (headers, event) = exchange(&mut sender, &mut wire, next).await?;
        let id = headers.get("lambda-runtime-aws-request-id");
        let id = id.ok_or("no request id")?.to_str()?;
        let response = Response::Prelude(chunks(serde_json::from_slice::<Plan>(&event)?));
        let request = Request::post(format!("/2018-06-01/runtime/invocation/{id}/response"))
            .header(HOST, &api)
            .header("lambda-runtime-function-response-mode", "streaming")
            .header(TRANSFER_ENCODING, "chunked")
            .header(
                TRAILER,
                "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
            )
            .header(
                CONTENT_TYPE,
                "application/vnd.awslambda.http-integration-response",
            )
            .body(response)?;
        exchange(&mut sender, &mut wire, request).await?;
    }
}

/// Sends a request and reads the answer to its end; the connection is polled meanwhile.
async fn exchange(
    sender: &mut SendRequest<Response>,
    wire: &mut Wire,
    request: Request<Response>,
) -> Result<(HeaderMap, Bytes), Error> {
    let mut exchange = pin!(async {
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, Error>((parts.headers, body))
    });
    poll_fn(|cx| {
        let is_over = Pin::new(&mut *wire).poll(cx);
        if let Poll::Ready(answer) = exchange.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        match is_over {
            Poll::Ready(_) => Poll::Ready(Err("the connection was closed".into())),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Size from which a chunk is a frame of its own, in bytes.
const LARGE_CHUNK: usize = 16 * 1024;

/// Largest frame of small chunks, in bytes.
const FRAME: usize = 64 * 1024;

/// The body of a request.
enum Response {
    Empty,
    Prelude(Source),
    Delimiter(Source),
    Payload(Batches),
}

/// The chunks of a source. Small ones that are ready together share a frame.
struct Batches {
    source: Source,
    batch: BytesMut,
    /// A large chunk, which follows the batch.
    large: Option<Bytes>,
}

impl Batches {
    fn new(source: Source) -> Self {
        Self {
            source,
            batch: BytesMut::new(),
            large: None,
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if let Some(large) = self.large.take() {
            return Poll::Ready(Some(Ok(large)));
        }
        while self.batch.len() <= FRAME - LARGE_CHUNK {
            match Pin::new(&mut self.source).poll_next(cx) {
                Poll::Pending if self.batch.is_empty() => return Poll::Pending,
                Poll::Ready(None) if self.batch.is_empty() => return Poll::Ready(None),
                Poll::Pending | Poll::Ready(None) => break,
                Poll::Ready(Some(chunk)) => {
                    let chunk = chunk?;
                    if chunk.len() < LARGE_CHUNK {
                        self.batch.reserve(FRAME);
                        self.batch.extend_from_slice(&chunk);
                    } else if self.batch.is_empty() {
                        return Poll::Ready(Some(Ok(chunk)));
                    } else {
                        self.large = Some(chunk);
                        break;
                    }
                }
            }
        }
        Poll::Ready(Some(Ok(self.batch.split().freeze())))
    }
}

impl Body for Response {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let frame = match std::mem::replace(this, Self::Empty) {
            Self::Empty => return Poll::Ready(None),
            Self::Prelude(source) => {
                *this = Self::Delimiter(source);
                Bytes::from_static(PRELUDE.as_bytes())
            }
            Self::Delimiter(source) => {
                *this = Self::Payload(Batches::new(source));
                Bytes::from_static(&DELIMITER)
            }
            Self::Payload(mut batches) => {
                let frame = batches.poll_frame(cx);
                *this = Self::Payload(batches);
                match ready!(frame) {
                    Some(frame) => frame?,
                    None => return Poll::Ready(None),
                }
            }
        };
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty)
    }
}
