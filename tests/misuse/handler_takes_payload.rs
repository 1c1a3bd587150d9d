//! A handler that takes the event's payload instead of the event.

use lambda_stream::body::{BodyReceiver, channel};
use lambda_stream::{Error, Head, check_handler};

async fn handler(_: String) -> Result<(Head, BodyReceiver), Error> {
    Ok((Head::ok(), channel(1).1))
}

fn main() {
    check_handler(handler);
}
