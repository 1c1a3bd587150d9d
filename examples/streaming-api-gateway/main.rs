//! Numbers with a pause between them, streamed through an API Gateway REST API.

use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use bytes::Bytes;
use futures::Stream;
use lambda_stream::{Error, Head, LambdaEvent};
use tokio_stream::StreamExt;

async fn handler(
    event: LambdaEvent<ApiGatewayProxyRequest>,
) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
    let request = event.payload;
    println!(
        "{} {}",
        request.http_method,
        request.path.as_deref().unwrap_or("/")
    );

    let head = Head::new(418)
        .header("content-type", "text/plain")
        .header("x-my-custom-header", "streaming-example");

    let numbers = tokio_stream::iter(1..=3)
        .map(|n| format!("Number: {n}\n"))
        .throttle(Duration::from_secs(1));
    let end = tokio_stream::once("Streaming complete!\n".to_owned());

    Ok((head, numbers.chain(end).map(|line| Ok(Bytes::from(line)))))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::run(handler).await
}
