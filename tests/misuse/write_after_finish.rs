//! After the end nothing is written.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, Closed};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), Closed> {
    let mut body: BodyWriter = response.send_head(Head::ok())?;
    body.finish().await?;
    body.send_chunk("chunk").await
}

fn main() {}
