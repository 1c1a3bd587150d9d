//! When an invocation has to end.

use std::pin::Pin;
use std::task;
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::task::{Unconstrained, unconstrained};
use tokio::time::{Sleep, sleep_until};

use crate::event::Context;

pin_project! {
    /// Fires when an invocation has to end; never, if it has no usable deadline.
    ///
    /// The timer ignores the task's cooperative budget: user code that has used it up would otherwise
    /// keep the deadline from being noticed.
    pub(super) struct Timer {
        #[pin]
        sleep: Option<Unconstrained<Sleep>>,
        elapsed: bool,
    }
}

impl Timer {
    pub(super) fn new(context: &Context, margin: Option<Duration>) -> Self {
        let end = margin.and_then(|margin| context.end_before_deadline(margin));
        Self {
            sleep: end.map(|end| unconstrained(sleep_until(end))),
            elapsed: false,
        }
    }

    /// Whether the moment has come; the task is woken when it comes.
    pub(super) fn poll_elapsed(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> bool {
        let this = self.project();
        if let (false, Some(sleep)) = (*this.elapsed, this.sleep.as_pin_mut()) {
            *this.elapsed = sleep.poll(cx).is_ready();
        }
        *this.elapsed
    }
}
