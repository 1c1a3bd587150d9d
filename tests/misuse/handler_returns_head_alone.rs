//! A handler that returns a head without a stream.

use lambda_stream::{Error, Head, LambdaEvent, check_handler};

async fn handler(_: LambdaEvent<String>) -> Result<Head, Error> {
    Ok(Head::ok())
}

fn main() {
    check_handler(handler);
}
