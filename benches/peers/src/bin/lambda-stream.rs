//! This library, on tokio's current-thread flavour.

use lambda_stream::{Error, Head, LambdaEvent};
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{HEADERS, chunks, on_this_thread};
use lambda_stream_peers::source::Source;

fn main() -> Result<(), Error> {
    on_this_thread(lambda_stream::run(handler))
}

async fn handler(event: LambdaEvent<Plan>) -> Result<(Head, Source), Error> {
    let head = HEADERS
        .iter()
        .fold(Head::ok(), |head, (name, value)| head.header(name, value));
    Ok((head, chunks(event.payload)))
}
