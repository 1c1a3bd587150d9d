//! The end comes once.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, Closed};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), Closed> {
    let body: BodyWriter = response.send_head(Head::ok())?;
    body.finish().await?;
    body.finish().await
}

fn main() {}
