//! When an invocation has to end.

use std::pin::Pin;
use std::task;
use std::time::Duration;

use tokio::time::{Sleep, sleep_until};

use crate::event::Context;

/// Fires when this invocation has to end; there is none when its deadline is absurd.
pub(super) fn timer(context: &Context, margin: Duration) -> Option<Sleep> {
    context.end_before_deadline(margin).map(sleep_until)
}

/// Whether that moment has come.
pub(super) fn is_past(timer: Pin<&mut Option<Sleep>>, cx: &mut task::Context<'_>) -> bool {
    timer
        .as_pin_mut()
        .is_some_and(|sleep| sleep.poll(cx).is_ready())
}
