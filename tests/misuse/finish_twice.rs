//! The end comes once.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, WriteError};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), WriteError> {
    let body: BodyWriter = response.send_head(Head::ok()).await?;
    body.finish().await?;
    body.finish().await
}

fn main() {}
