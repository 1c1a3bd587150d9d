//! When an invocation has to end.

use std::pin::Pin;
use std::task::{self, Waker};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};

use crate::event::Context;

pin_project! {
    /// Fires when an invocation has to end; never, when its deadline is absurd.
    pub(super) struct Timer {
        #[pin]
        sleep: Option<Sleep>,
        // Whom it will wake.
        waker: Option<Waker>,
    }
}

impl Timer {
    pub(super) fn new(context: &Context, margin: Option<Duration>) -> Self {
        let end = margin.and_then(|margin| context.end_before_deadline(margin));
        Self {
            sleep: end.map(sleep_until),
            waker: None,
        }
    }

    /// Whether that moment has come.
    pub(super) fn is_past(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> bool {
        let this = self.project();
        let Some(sleep) = this.sleep.as_pin_mut() else {
            return false;
        };
        // Polling a timer costs far more than looking at it; once is enough for it to wake this task.
        if sleep.is_elapsed() {
            return true;
        }
        if this
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            return false;
        }
        *this.waker = Some(cx.waker().clone());
        sleep.poll(cx).is_ready()
    }
}
