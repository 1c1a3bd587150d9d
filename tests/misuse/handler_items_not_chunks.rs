//! A stream of values that are not bytes.

use futures_core::Stream;
use lambda_stream::{Error, Head, LambdaEvent, check_handler};

fn numbers() -> impl Stream<Item = Result<u64, Error>> {
    unreachable!() as Box<dyn Stream<Item = Result<u64, Error>> + Unpin>
}

async fn handler(
    _: LambdaEvent<String>,
) -> Result<(Head, impl Stream<Item = Result<u64, Error>>), Error> {
    Ok((Head::ok(), numbers()))
}

fn main() {
    check_handler(handler);
}
