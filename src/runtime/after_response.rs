//! What runs after each response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::event::Context;

type Run = dyn Fn(Context) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// What runs after each response, before the next invocation is asked for.
#[derive(Clone)]
pub(super) struct AfterResponse(Arc<Run>);

impl AfterResponse {
    pub(super) fn new<F, U>(run: F) -> Self
    where
        F: Fn(Context) -> U + Send + Sync + 'static,
        U: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |context| Box::pin(run(context))))
    }

    pub(super) async fn run(&self, context: Context) {
        (self.0)(context).await;
    }
}

impl fmt::Debug for AfterResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AfterResponse")
    }
}
