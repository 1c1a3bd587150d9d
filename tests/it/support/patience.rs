//! The guard against tests that hang.

use std::time::Duration;

/// Upper bound for anything that a test awaits. Only a failing test takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits `work`.
///
/// # Panics
///
/// When it takes longer than half a minute.
pub async fn patiently<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("the test should not hang")
}

/// Polls `runtime` until `script` has come to its end, and returns what the script does.
///
/// Both are polled in this task, so neither has to be `Send`.
///
/// # Panics
///
/// When the runtime ends first.
pub async fn run_until<R: std::fmt::Debug, T>(
    runtime: impl Future<Output = R>,
    script: impl Future<Output = T>,
) -> T {
    patiently(async {
        tokio::select! {
            ended = runtime => panic!("the runtime ended: {ended:?}"),
            output = script => output,
        }
    })
    .await
}
