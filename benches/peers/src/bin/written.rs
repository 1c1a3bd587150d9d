//! This library with a handler that writes its response. It is a program of its own, so that the other
//! one does not grow.

use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, LambdaEvent};
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{chunks, head, on_this_thread};
use lambda_stream_peers::writing::write;

fn main() -> Result<(), Error> {
    on_this_thread(async { Ok(lambda_stream::run_with_writer(handler).await?) })
}

async fn handler(event: LambdaEvent<Plan>, response: ResponseWriter) -> Result<(), Error> {
    write(head(), chunks(event.payload), response).await
}
