//! Behind the head there is only the body.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, Closed};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), Closed> {
    let mut body = response.send_head(Head::ok())?;
    body.send_chunk("chunk").await?;
    body.send_head(Head::ok())?;
    Ok(())
}

fn _unused(_: BodyWriter) {}

fn main() {}
