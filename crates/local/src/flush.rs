//! Whether everything that was handed to hyper has reached the socket.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

use crate::serve::Watch;

/// Whether hyper's write buffer was emptied into the socket since it was last filled.
///
/// hyper flushes the socket only when its own buffer is empty, and drops what is left in the buffer when a
/// body fails. Both the handing over of an event and the failing of a response depend on that moment.
#[derive(Debug, Default)]
pub(super) struct Flush {
    dirty: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Flush {
    /// Something is being handed to hyper within this poll.
    pub(super) fn fill(&self) {
        self.dirty.set(true);
    }

    pub(super) fn is_clean(&self) -> bool {
        !self.dirty.get()
    }

    /// Ready once everything is in the socket.
    pub(super) fn poll_clean(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_clean() {
            return Poll::Ready(());
        }
        *self.waiting.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Watch for Flush {
    fn flushed(&self) {
        self.dirty.set(false);
        let waiting = self.waiting.borrow_mut().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}
