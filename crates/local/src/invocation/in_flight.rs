//! An invocation that a program has been handed.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::Cut;
use super::queue::Waiting;
use super::{Answer, Event, Fault, Invocation};
use crate::connection::Connection;
use crate::id::request_id;
use crate::limits::{ABANDONED_INVOCATION, STALLED_RESPONSE};

/// An invocation from the moment it is handed out until its answer has been delivered.
pub(super) struct InFlight {
    /// Names this attempt to answer the invocation.
    pub(super) nonce: String,
    pub(super) invocation: Invocation,
    /// `None` once the answer has begun.
    answer: Option<oneshot::Sender<Answer>>,
    /// The connection that the event went to, and later the one that the response comes from.
    connection: Rc<Connection>,
    /// The connection that the event went to ends by plan.
    single_use: bool,
    /// It has ended by plan.
    pub(super) orphaned: bool,
    deadline: Instant,
    /// When it was first seen that the client had left before the answer began.
    abandoned: Option<Instant>,
    cut: Cut,
}

/// What to do with an invocation whose connection has ended.
pub(super) enum Lost {
    /// It is not affected.
    Keep,
    /// It has failed, or its client has left.
    Remove,
    /// No program has seen it.
    PutBack,
}

impl InFlight {
    pub(super) fn new(
        waiting: Waiting,
        connection: &Rc<Connection>,
        single_use: bool,
        timeout: Duration,
    ) -> Self {
        Self {
            nonce: request_id(),
            invocation: waiting.invocation,
            answer: Some(waiting.answer),
            connection: Rc::clone(connection),
            single_use,
            orphaned: false,
            deadline: Instant::now() + timeout,
            abandoned: None,
            cut: Cut::default(),
        }
    }

    /// Begins the answer on this connection; `None` if it has begun already.
    pub(super) fn begin_answer(
        &mut self,
        connection: &Rc<Connection>,
    ) -> Option<(oneshot::Sender<Answer>, Cut)> {
        let answer = self.answer.take()?;
        self.connection = Rc::clone(connection);
        self.orphaned = false;
        // It will not be handed out again, so its memory is free.
        self.release_event();
        Some((answer, self.cut.clone()))
    }

    fn release_event(&mut self) {
        let _ = self.invocation.event.replace(bytes::Bytes::new());
    }

    /// Fails the invocation if its answer has not begun.
    pub(super) fn fail(&mut self, fault: Fault) {
        if let Some(answer) = self.answer.take() {
            // A client that has left needs no answer.
            let _ = answer.send(Answer::Failed(fault));
        }
    }

    fn has_begun(&self) -> bool {
        self.answer.is_none()
    }

    /// Returns whether the client left before the answer began.
    fn is_abandoned(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// Returns whether the program no longer works on it, given that it asks for more work.
    pub(super) fn is_given_up(&self) -> bool {
        if self.has_begun() {
            return self.connection.is_read_closed()
                || self.is_stalled(Instant::now(), STALLED_RESPONSE);
        }
        self.orphaned || self.is_abandoned()
    }

    /// Returns whether the client has taken nothing for this long.
    fn is_stalled(&self, now: Instant, allowed: Duration) -> bool {
        let client = self.invocation.client.as_ref();
        client
            .and_then(|client| client.stalled_for(now))
            .is_some_and(|stalled| stalled >= allowed)
    }

    /// Returns what becomes of it when this connection has ended.
    ///
    /// The end of a process is seen as such; without one, the connection is all there is to judge
    /// by.
    pub(super) fn lost(&mut self, connection: &Rc<Connection>, is_managed: bool) -> Lost {
        if self.has_begun() || !Rc::ptr_eq(&self.connection, connection) {
            return Lost::Keep;
        }
        if !connection.is_flushed() {
            return if self.is_abandoned() {
                Lost::Remove
            } else {
                Lost::PutBack
            };
        }
        if is_managed {
            return Lost::Keep;
        }
        if self.single_use {
            self.orphaned = true;
            return Lost::Keep;
        }
        self.fail(Fault::exited());
        Lost::Remove
    }

    /// Returns it to the queue's form.
    pub(super) fn into_waiting(self) -> Option<Waiting> {
        self.invocation.recording.put_back();
        Some(Waiting::new(self.invocation, self.answer?))
    }

    /// Fails it if its time is over, and returns whether it is.
    pub(super) fn is_timed_out(&mut self, now: Instant, timeout: Duration) -> bool {
        if now < self.deadline {
            return false;
        }
        self.cut.set(Fault::TimedOut(timeout));
        self.fail(Fault::TimedOut(timeout));
        self.connection.abort();
        true
    }

    /// Ends it if its client left a while ago, and returns whether it did.
    pub(super) fn is_left(&mut self, now: Instant) -> bool {
        if !self.is_abandoned() {
            return false;
        }
        let since = *self.abandoned.get_or_insert(now);
        let is_left = now.saturating_duration_since(since) >= ABANDONED_INVOCATION;
        if is_left {
            self.connection.abort();
        }
        is_left
    }

    /// Ends the client's connection if it has not read for a while.
    pub(super) fn drop_stalled_client(&self, now: Instant, allowed: Duration) {
        if let Some(client) = &self.invocation.client {
            if self.has_begun() && self.is_stalled(now, allowed) {
                client.abort();
            }
        }
    }

    pub(super) fn event(&self) -> &Event {
        &self.invocation.event
    }
}
