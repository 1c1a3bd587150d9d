//! Notices that files have changed.

use std::path::PathBuf;
use std::time::SystemTime;

use tokio::time::sleep;

use crate::limits::WATCH;

/// Files, and when each was last changed; `None` where there is no such file.
pub(super) struct Watch {
    files: Vec<PathBuf>,
    seen: Vec<Option<SystemTime>>,
}

impl Watch {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        let seen = modified(&files);
        Self { files, seen }
    }

    /// Completes once a file has changed and is no longer being written: a compiler writes for a
    /// while.
    pub(super) async fn changed(&mut self) {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        let mut last = self.seen.clone();
        loop {
            sleep(WATCH).await;
            let now = modified(&self.files);
            // A file that is being replaced may be missing for a moment.
            let is_settled = now == last && now.iter().all(Option::is_some);
            if is_settled && now != self.seen {
                self.seen = now;
                return;
            }
            last = now;
        }
    }
}

fn modified(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files
        .iter()
        .map(|file| std::fs::metadata(file).ok()?.modified().ok())
        .collect()
}
