//! What the library allocates, and how much memory its process takes.
//!
//! A binary of its own, for its allocator and because the figures are those of a whole process.

mod combinators;
mod concurrency;
mod counter;
mod formats;
mod runtime;

#[cfg(target_os = "linux")]
mod resident;

#[path = "../it/support/patience.rs"]
mod patience;

use std::sync::{Mutex, PoisonError};

/// Runs a test while no other one runs, on a Tokio runtime of its own.
fn alone<T>(test: impl Future<Output = T>) -> T {
    static RUNNING: Mutex<()> = Mutex::new(());

    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tokio = tokio::runtime::Builder::new_current_thread();
    tokio.enable_all().build().unwrap().block_on(test)
}
