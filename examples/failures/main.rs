//! Fails as the path says, to see what the client gets and that the next request is served.

use std::time::Duration;

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use lambda_stream::{Error, Failure, Head, LambdaEvent};
use tokio_stream::StreamExt;

type Chunks = BoxStream<'static, Result<Bytes, Error>>;

async fn handler(event: LambdaEvent<LambdaFunctionUrlRequest>) -> Result<(Head, Chunks), Error> {
    let path = event.payload.raw_path.as_deref().unwrap_or("/");
    match path {
        "/error" => return Err(Failure::new("Quota", "no tokens left").into()),
        "/panic" => panic!("the handler is broken"),
        "/bad-head" => return Ok((Head::ok().header("x-note", "a\nb"), end(None))),
        _ => {}
    }
    let last = match path {
        "/stream-error" => end(Some(|| Err(Failure::new("Quota", "no tokens left").into()))),
        "/stream-panic" => end(Some(|| panic!("the stream is broken"))),
        "/deadline" => Box::pin(stream::pending()),
        _ => end(Some(|| Ok("complete\n".into()))),
    };
    let numbers = tokio_stream::iter(1..=2)
        .map(|n| Ok(Bytes::from(format!("{n}\n"))))
        .throttle(Duration::from_millis(200));
    let head = Head::ok().content_type("text/plain");
    Ok((head, Box::pin(numbers.chain(last))))
}

/// The last item of a stream, made when the stream is polled for it.
fn end(item: Option<fn() -> Result<Bytes, Error>>) -> Chunks {
    Box::pin(stream::iter(item).map(|item| item()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::run(handler).await
}
