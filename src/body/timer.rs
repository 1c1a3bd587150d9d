//! The timer of a combinator.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

pin_project! {
    /// A timer that is created when it is first set, so that a combinator can be created outside of
    /// a runtime and a stream that is always ready needs none.
    #[derive(Debug)]
    pub(super) struct Timer {
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Timer {
    pub(super) fn new() -> Self {
        Self { sleep: None }
    }

    pub(super) fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    /// Sets the moment at which the timer fires.
    pub(super) fn set(self: Pin<&mut Self>, at: Instant) {
        let mut sleep = self.project().sleep;
        match sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.reset(at),
            None => sleep.set(Some(sleep_until(at))),
        }
    }

    /// Drops the timer, so that it does not wake the task any more.
    pub(super) fn clear(self: Pin<&mut Self>) {
        self.project().sleep.set(None);
    }

    /// Returns `Ready` once the timer has fired. A timer that is not set never fires.
    pub(super) fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().sleep.as_pin_mut() {
            // A stream that has used up the task's cooperative budget must not delay the timer,
            // which would be pending without being registered.
            Some(sleep) => Pin::new(&mut unconstrained(sleep)).poll(cx),
            None => Poll::Pending,
        }
    }
}
