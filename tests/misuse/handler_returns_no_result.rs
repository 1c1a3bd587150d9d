//! A handler that returns a response without a `Result`.

use lambda_stream::body::{BodyReceiver, channel};
use lambda_stream::{Head, LambdaEvent, check_handler};

async fn handler(_: LambdaEvent<String>) -> (Head, BodyReceiver) {
    (Head::ok(), channel(1).1)
}

fn main() {
    check_handler(handler);
}
