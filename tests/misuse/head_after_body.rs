//! Behind the head there is only the body.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, WriteError};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), WriteError> {
    let mut body = response.send_head(Head::ok()).await?;
    body.send("chunk").await?;
    body.send_head(Head::ok()).await?;
    Ok(())
}

fn _unused(_: BodyWriter) {}

fn main() {}
