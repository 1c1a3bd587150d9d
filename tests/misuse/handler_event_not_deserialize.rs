//! An event type that cannot be decoded.

use lambda_stream::body::{BodyReceiver, channel};
use lambda_stream::{Error, Head, LambdaEvent, check_handler};

struct Question;

async fn handler(_: LambdaEvent<Question>) -> Result<(Head, BodyReceiver), Error> {
    Ok((Head::ok(), channel(1).1))
}

fn main() {
    check_handler(handler);
}
