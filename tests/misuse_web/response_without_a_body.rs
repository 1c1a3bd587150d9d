//! An HTTP response carries a body, not any value.

use http::{Request, Response};
use lambda_stream::Error;
use lambda_stream::web::RequestBody;

async fn page(_: Request<RequestBody>) -> Result<Response<u64>, Error> {
    Ok(Response::new(7))
}

fn main() {
    let _ = lambda_stream::web::run(page);
}
