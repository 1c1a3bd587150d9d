//! Before the head there is no body.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, WriteError};
use lambda_stream::Head;

async fn handler(mut response: ResponseWriter) -> Result<(), WriteError> {
    response.send("chunk").await?;
    response.send_head(Head::ok()).await?;
    Ok(())
}

fn _unused(_: BodyWriter) {}

fn main() {}
