//! When an invocation has to end.

use std::pin::Pin;
use std::task;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::event::Context;

/// When this invocation has to end: the margin before its deadline, but never earlier than halfway to it.
///
/// There is none when the deadline is absurd.
pub(super) fn timer(context: &Context, margin: Duration) -> Option<Sleep> {
    let expires = context.expires()?;
    let left = expires.saturating_duration_since(Instant::now());
    Some(sleep_until(expires - margin.min(left / 2)))
}

/// Whether that moment has come.
pub(super) fn is_past(timer: Pin<&mut Option<Sleep>>, cx: &mut task::Context<'_>) -> bool {
    timer
        .as_pin_mut()
        .is_some_and(|sleep| sleep.poll(cx).is_ready())
}
