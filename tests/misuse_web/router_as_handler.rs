//! A router is served by `web::run`, not by `run`.

use axum::Router;

fn main() {
    let _ = lambda_stream::run(Router::<()>::new());
}
