//! The gateway in front of a model that is played, with short times: `cargo run --bin demo`.

mod mock;

use std::time::Duration;

use lambda_stream::Error;
use llm_gateway::{Config, app};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = Config {
        upstream_url: format!("http://{}/v1", listener.local_addr()?),
        upstream_key: Some("upstream-key".to_owned()),
        keys: vec![("demo".to_owned(), "demo-key".to_owned())],
        origins: vec!["http://localhost:5173".to_owned()],
        model: "good".to_owned(),
        connect: Duration::from_secs(1),
        patience: Duration::from_millis(1000),
        heartbeat: Duration::from_millis(400),
        silence: Duration::from_secs(3),
        margin: Duration::from_secs(1),
    };
    tokio::spawn(async { axum::serve(listener, mock::app()).await });
    Ok(lambda_stream::web::run(app(config)?).await?)
}
