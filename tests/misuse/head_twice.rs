//! The head is sent once.

use lambda_stream::body::writer::{BodyWriter, ResponseWriter, Closed};
use lambda_stream::Head;

async fn handler(response: ResponseWriter) -> Result<(), Closed> {
    let _body = response.send_head(Head::ok())?;
    let _again = response.send_head(Head::ok())?;
    Ok(())
}

fn _unused(_: BodyWriter) {}

fn main() {}
