//! The end comes once, however it was sent.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, WriteError};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), WriteError> {
    let body: BodyWriter = response.send_head(Head::ok()).await?;
    body.write_and_finish("all of it").await?;
    body.finish().await
}

fn main() {}
