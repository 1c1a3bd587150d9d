//! A handler that is not `async`.

use lambda_stream::body::{BodyReceiver, channel};
use lambda_stream::{Error, Head, LambdaEvent, check_handler};

fn handler(_: LambdaEvent<String>) -> Result<(Head, BodyReceiver), Error> {
    Ok((Head::ok(), channel(1).1))
}

fn main() {
    check_handler(handler);
}
