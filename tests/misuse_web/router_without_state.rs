//! A router whose state is missing is not a service yet.

use axum::Router;
use axum::extract::State;
use axum::routing::get;

#[derive(Clone)]
struct Database;

async fn page(_: State<Database>) -> &'static str {
    "page"
}

fn main() {
    let app: Router<Database> = Router::new().route("/", get(page));
    let _ = lambda_stream::web::run(app);
}
