//! What is no streaming response is refused in words.

use lambda_stream::{Error, LambdaEvent};

async fn handler(_: LambdaEvent<String>) -> Result<String, Error> {
    Ok("buffered".to_owned())
}

fn main() {
    let _ = lambda_stream::run(handler);
}
