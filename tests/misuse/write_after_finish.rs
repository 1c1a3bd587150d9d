//! After the end nothing is written.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, WriteError};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), WriteError> {
    let mut body: BodyWriter = response.send_head(Head::ok()).await?;
    body.finish().await?;
    body.send("chunk").await
}

fn main() {}
