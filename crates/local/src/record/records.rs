//! The invocations that are kept.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::SystemTime;

use tokio::sync::Notify;

use super::{DoorName, Record, Recording};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Maximum number of invocations; 0 turns recording off.
    pub(crate) invocations: usize,
    /// Maximum number of bytes of one invocation's payload, and as many of its event and of its
    /// log.
    pub(crate) bytes: usize,
}

/// What is known of an invocation when it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) id: &'a str,
    pub(crate) door: DoorName,
    pub(crate) request: &'a str,
    pub(crate) event: &'a [u8],
    /// The invocation whose event is sent again.
    pub(crate) repeats: Option<u64>,
}

/// The last invocations of a server.
#[derive(Debug)]
pub(crate) struct Records {
    bounds: Bounds,
    /// Tells one run of a server from the next.
    started: SystemTime,
    /// The oldest first.
    kept: RefCell<VecDeque<Rc<Record>>>,
    /// Number of invocations that there were.
    count: Cell<u64>,
    /// Grows with each change.
    version: Cell<u64>,
    changed: Notify,
}

impl Records {
    pub(crate) fn new(bounds: Bounds) -> Rc<Self> {
        Rc::new(Self {
            bounds,
            started: SystemTime::now(),
            kept: RefCell::default(),
            count: Cell::new(0),
            version: Cell::new(0),
            changed: Notify::new(),
        })
    }

    /// Begins to record an invocation.
    pub(crate) fn begin(self: &Rc<Self>, opening: Opening<'_>) -> Recording {
        if self.bounds.invocations == 0 {
            return Recording::off();
        }
        self.count.set(self.count.get() + 1);
        let record = Rc::new(Record::new(self.count.get(), opening, self.bounds));
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= self.bounds.invocations {
            // What is under way is of more interest than what has ended.
            let ended = kept.iter().position(|it| it.state().end.is_some());
            if let Some(oldest) = kept.remove(ended.unwrap_or(0)) {
                oldest.forget();
            }
        }
        kept.push_back(Rc::clone(&record));
        drop(kept);
        self.touch(&record);
        Recording::new(Rc::clone(self), record)
    }

    /// Notes that a record has changed.
    pub(super) fn touch(&self, record: &Record) {
        self.version.set(self.version.get() + 1);
        record.set_version(self.version.get());
        self.changed.notify_waiters();
    }

    /// Completes once something has changed since this version.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn changed_since(self: Rc<Self>, version: u64) {
        loop {
            // Made before the look at the version, so that no change comes in between.
            let changed = self.changed.notified();
            if self.version.get() > version {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(crate) fn started(&self) -> SystemTime {
        self.started
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    /// Returns the records, the oldest first.
    pub(crate) fn all(&self) -> Vec<Rc<Record>> {
        self.kept.borrow().iter().map(Rc::clone).collect()
    }

    /// Returns a record by its number or its request id.
    pub(crate) fn find(&self, key: &str) -> Option<Rc<Record>> {
        let number = key.parse::<u64>().ok();
        let kept = self.kept.borrow();
        kept.iter()
            .find(|it| number == Some(it.number) || it.id == key)
            .map(Rc::clone)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::record::Outcome;

    fn records(invocations: usize) -> Rc<Records> {
        let bytes = 10;
        Records::new(Bounds { invocations, bytes })
    }

    fn begin(records: &Rc<Records>) -> Recording {
        records.begin(Opening {
            id: "id",
            door: DoorName::Invoke,
            request: "POST /invoke",
            event: b"{}",
            repeats: None,
        })
    }

    fn numbers(records: &Records) -> Vec<u64> {
        records.all().iter().map(|it| it.number).collect()
    }

    #[test]
    fn ended_invocations_make_room_first() {
        let records = records(2);
        let (_first, mut second) = (begin(&records), begin(&records));
        second.end(Outcome::Complete);
        let _third = begin(&records);
        assert_eq!(numbers(&records), [1, 3]);
        let _fourth = begin(&records);
        assert_eq!(numbers(&records), [3, 4]);
    }

    #[test]
    fn forgotten_invocation_holds_nothing() {
        let records = records(1);
        let mut first = begin(&records);
        let kept = records.find("1").unwrap();
        let _second = begin(&records);
        first.chunk(b"more");
        first.pause();
        let state = kept.state();
        assert_eq!(state.event.kept(), b"");
        assert_eq!(state.payload.kept(), b"");
        assert_eq!(state.timeline.chunks(), 0);
    }

    #[test]
    fn nothing_is_kept_when_recording_is_off() {
        let records = records(0);
        begin(&records).chunk(b"x");
        assert_eq!(numbers(&records), [0; 0]);
    }

    #[test]
    fn each_change_wakes_those_who_look() {
        let records = records(1);
        let mut recording = begin(&records);
        let mut cx = Context::from_waker(Waker::noop());
        let mut changed = pin!(Rc::clone(&records).changed_since(records.version()));
        assert!(changed.as_mut().poll(&mut cx).is_pending());
        recording.chunk(b"x");
        assert!(changed.as_mut().poll(&mut cx).is_pending());
        recording.pause();
        assert!(changed.as_mut().poll(&mut cx).is_ready());
    }
}
