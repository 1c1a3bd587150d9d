//! The head is sent once.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, WriteError};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), WriteError> {
    let _body = response.send_head(Head::ok()).await?;
    let _again = response.send_head(Head::ok()).await?;
    Ok(())
}

fn _unused(_: BodyWriter) {}

fn main() {}
