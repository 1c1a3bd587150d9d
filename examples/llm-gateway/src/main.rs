//! The gateway as it is deployed; its settings are environment variables.

use lambda_stream::{Error, RunError, Runtime};
use llm_gateway::{Config, app};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), RunError> {
    Runtime::new()
        .run_with_setup(async || {
            let app = app(Config::from_env()?)?;
            Ok::<_, Error>(lambda_stream::web::App::new(app))
        })
        .await
}
