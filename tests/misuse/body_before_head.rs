//! Before the head there is no body.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, Closed};
use lambda_stream::Head;

async fn handler(mut response: ResponseWriter) -> Result<(), Closed> {
    response.send("chunk").await?;
    response.send_head(Head::ok())?;
    Ok(())
}

fn _unused(_: BodyWriter) {}

fn main() {}
