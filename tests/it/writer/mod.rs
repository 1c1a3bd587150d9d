//! Writing a response instead of returning it.

mod flow;
mod response;
mod stream;
mod stress;

use std::cell::Cell;
use std::rc::Rc;

use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, LambdaEvent, Runtime};
use serde_json::Value;

use crate::support::{Api, Peer, run_until};

/// Runs a writing handler against the script of a Runtime API.
pub async fn write<F, E, T>(handler: F, script: impl AsyncFnOnce(Api) -> T) -> T
where
    F: AsyncFn(LambdaEvent<Value>, ResponseWriter) -> Result<(), E>,
    E: Into<Error>,
{
    write_with(Runtime::new(), handler, script).await
}

/// Like [`write`], with options.
pub async fn write_with<F, E, T>(
    runtime: Runtime,
    handler: F,
    script: impl AsyncFnOnce(Api) -> T,
) -> T
where
    F: AsyncFn(LambdaEvent<Value>, ResponseWriter) -> Result<(), E>,
    E: Into<Error>,
{
    let api = Api::bind().await;
    let runtime = runtime.runtime_api(api.address());
    run_until(runtime.run_with_writer(handler), script(api)).await
}

/// Hands out one invocation, and reads the head of the response to it.
pub async fn begin(api: &Api) -> Peer {
    let mut peer = api.invoke("1", "{}").await;
    peer.response_head("1").await;
    peer
}

/// Counts how often it is dropped.
pub struct Guard(pub Rc<Cell<usize>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Waits until guards have been dropped this often.
pub async fn dropped(count: &Cell<usize>, times: usize) {
    while count.get() < times {
        tokio::task::yield_now().await;
    }
}
