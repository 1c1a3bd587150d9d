//! A handler that returns a text instead of a response.

use lambda_stream::{Error, LambdaEvent, check_handler};

async fn handler(_: LambdaEvent<String>) -> Result<String, Error> {
    Ok(String::new())
}

fn main() {
    check_handler(handler);
}
