//! A handler of events is not a web app.

use lambda_stream::{Error, LambdaEvent, Raw};
use lambda_stream::body::BodyReceiver;

async fn handler(_: LambdaEvent<String>) -> Result<Raw<BodyReceiver>, Error> {
    Ok(Raw(lambda_stream::body::channel(1).1))
}

fn main() {
    let _ = lambda_stream::web::run(handler);
}
