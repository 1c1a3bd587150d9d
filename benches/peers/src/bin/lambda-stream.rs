//! This library, on tokio's current-thread flavour.

use lambda_stream::{Error, Head, LambdaEvent};
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{chunks, head, on_this_thread};
use lambda_stream_peers::source::Source;

fn main() -> Result<(), Error> {
    on_this_thread(async { Ok(lambda_stream::run(handler).await?) })
}

async fn handler(event: LambdaEvent<Plan>) -> Result<(Head, Source), Error> {
    Ok((head(), chunks(event.payload)))
}
