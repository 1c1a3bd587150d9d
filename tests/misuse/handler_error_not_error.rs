//! An error type that is not an error.

use lambda_stream::body::{BodyReceiver, channel};
use lambda_stream::{Head, LambdaEvent, check_handler};

struct Broken;

async fn handler(_: LambdaEvent<String>) -> Result<(Head, BodyReceiver), Broken> {
    Ok((Head::ok(), channel(1).1))
}

fn main() {
    check_handler(handler);
}
