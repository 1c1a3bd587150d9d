//! What runs before the snapshot of SnapStart and after the restore.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use lambda_stream_wire::api;

use super::client::Client;
use super::error::RunError;
use crate::error::{Error, Failure, contain_async, into_failure};
use crate::event::Environment;

type Run = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync;

/// A hook of the user's.
#[derive(Clone)]
struct Hook(Arc<Run>);

impl Hook {
    fn new<F, U, E>(run: F) -> Self
    where
        F: Fn() -> U + Send + Sync + 'static,
        U: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        Self(Arc::new(move || {
            let run = run();
            Box::pin(async move { run.await.map_err(into_failure) })
        }))
    }

    async fn run(&self) -> Result<(), Failure> {
        contain_async(async { (self.0)().await })
            .await
            .and_then(|result| result)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// The hooks, each kind in the order in which they were registered.
#[derive(Debug, Clone, Default)]
pub(super) struct SnapStart {
    before: Vec<Hook>,
    after: Vec<Hook>,
}

impl SnapStart {
    pub(super) fn before_snapshot<F, U, E>(&mut self, run: F)
    where
        F: Fn() -> U + Send + Sync + 'static,
        U: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.before.push(Hook::new(run));
    }

    pub(super) fn after_restore<F, U, E>(&mut self, run: F)
    where
        F: Fn() -> U + Send + Sync + 'static,
        U: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.after.push(Hook::new(run));
    }

    /// Lets the service take its snapshot, where it does, with the hooks around it.
    pub(super) async fn pause(
        &self,
        environment: &Environment,
        client: &mut Client,
    ) -> Result<(), RunError> {
        if !environment.is_snap_start() {
            return Ok(());
        }
        if let Err(failure) = run_all(self.before.iter().rev()).await {
            return Err(client.fail_setup(api::INIT_ERROR, failure).await);
        }
        client.wait_for_restore().await?;
        if let Err(failure) = run_all(self.after.iter()).await {
            return Err(client.fail_setup(api::RESTORE_ERROR, failure).await);
        }
        Ok(())
    }
}

/// Runs one hook after the other, up to the first that fails.
async fn run_all(hooks: impl Iterator<Item = &Hook>) -> Result<(), Failure> {
    for hook in hooks {
        hook.run().await?;
    }
    Ok(())
}
