//! A handler of events is not a web app.

use lambda_stream::{Error, LambdaEvent, Raw};
use tokio_stream::Empty;

async fn handler(_: LambdaEvent<String>) -> Result<Raw<Empty<Result<String, Error>>>, Error> {
    Ok(Raw(tokio_stream::empty()))
}

fn main() {
    let _ = lambda_stream::web::run(handler);
}
