//! A stream whose items are not `Result`s.

use futures_core::Stream;
use lambda_stream::{Error, Head, LambdaEvent, check_handler};

fn numbers() -> impl Stream<Item = String> {
    unreachable!() as Box<dyn Stream<Item = String> + Unpin>
}

async fn handler(
    _: LambdaEvent<String>,
) -> Result<(Head, impl Stream<Item = String>), Error> {
    Ok((Head::ok(), numbers()))
}

fn main() {
    check_handler(handler);
}
