//! A body that is an iterator instead of a stream.

use lambda_stream::{Error, Head, LambdaEvent, check_handler};

async fn handler(_: LambdaEvent<String>) -> Result<(Head, Vec<Result<String, Error>>), Error> {
    Ok((Head::ok(), Vec::new()))
}

fn main() {
    check_handler(handler);
}
