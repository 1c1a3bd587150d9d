//! Invocations that wait for a program.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::{Notify, oneshot};

use super::{Answer, Fault, Invocation};
use crate::limits::{QUEUED_INVOCATIONS, TOLD_WAIT};

/// An invocation and who waits for its answer.
pub(super) struct Waiting {
    pub(super) invocation: Invocation,
    pub(super) answer: oneshot::Sender<Answer>,
    since: Instant,
    /// Whether the terminal has been told that it waits.
    told: bool,
}

impl Waiting {
    pub(super) fn new(invocation: Invocation, answer: oneshot::Sender<Answer>) -> Self {
        Self {
            invocation,
            answer,
            since: Instant::now(),
            told: false,
        }
    }
}

/// As many invocations wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl std::fmt::Display for QueueFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{QUEUED_INVOCATIONS} invocations wait for the program, which is as many as may; try again \
             when some of them have been answered"
        )
    }
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Why the program could not be set up, until one asks for work.
    init_error: Option<Fault>,
}

/// The queue of invocations, in the order of their arrival.
#[derive(Default)]
pub(crate) struct Queue {
    state: RefCell<State>,
    /// There may be something to take.
    ready: Notify,
    /// There is something to watch over.
    active: Notify,
}

impl Queue {
    /// Queues an invocation; dropping the ticket takes it out again.
    pub(crate) fn submit(self: &Rc<Self>, invocation: Invocation) -> Result<Ticket, QueueFull> {
        let (sender, answer) = oneshot::channel();
        let id = invocation.id.clone();
        let mut state = self.state.borrow_mut();
        if let Some(fault) = &state.init_error {
            let _ = sender.send(Answer::Failed(fault.clone()));
        } else if state.waiting.len() >= QUEUED_INVOCATIONS {
            return Err(QueueFull);
        } else {
            state.waiting.push_back(Waiting::new(invocation, sender));
            self.wake();
        }
        drop(state);
        Ok(Ticket {
            queue: Rc::clone(self),
            id,
            answer,
        })
    }

    /// Takes the invocation that has waited longest.
    pub(super) fn take(&self) -> Option<Waiting> {
        self.state.borrow_mut().waiting.pop_front()
    }

    /// Puts an invocation back that no program has seen.
    pub(super) fn put_back(&self, waiting: Waiting) {
        self.state.borrow_mut().waiting.push_front(waiting);
        self.wake();
    }

    /// Fails everything that waits and that comes, until a program asks for work.
    pub(super) fn fail(&self, fault: &Fault) {
        let mut state = self.state.borrow_mut();
        for waiting in state.waiting.drain(..) {
            let _ = waiting.answer.send(Answer::Failed(fault.clone()));
        }
        state.init_error = Some(fault.clone());
    }

    /// A program asks for work, so it has been set up.
    pub(super) fn recover(&self) {
        self.state.borrow_mut().init_error = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of invocations that wait.
    pub(crate) fn len(&self) -> usize {
        self.state.borrow().waiting.len()
    }

    /// Fails the invocation that has waited longest: the program that was started for it ended.
    pub(super) fn fail_first(&self, fault: &Fault) {
        if let Some(first) = self.take() {
            let _ = first.answer.send(Answer::Failed(fault.clone()));
        }
    }

    /// Wakes whoever may have something to take, or to watch over.
    pub(crate) fn wake(&self) {
        self.ready.notify_waiters();
        self.active.notify_waiters();
    }

    /// Completes once there may be something to take.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Completes once there may be something to watch over.
    pub(crate) async fn active(&self) {
        self.active.notified().await;
    }

    /// Returns what has waited so long that the terminal should say so, once each.
    pub(super) fn long_waiting(&self, now: Instant) -> Vec<Rc<str>> {
        let mut state = self.state.borrow_mut();
        state
            .waiting
            .iter_mut()
            .filter(|it| !it.told && now.saturating_duration_since(it.since) >= TOLD_WAIT)
            .map(|it| {
                it.told = true;
                Rc::clone(&it.invocation.label)
            })
            .collect()
    }

    fn remove(&self, id: &str) {
        let mut state = self.state.borrow_mut();
        state.waiting.retain(|waiting| waiting.invocation.id != id);
    }
}

/// A client's place in the queue.
pub(crate) struct Ticket {
    queue: Rc<Queue>,
    id: String,
    answer: oneshot::Receiver<Answer>,
}

impl Ticket {
    /// Waits for the program's answer.
    pub(crate) async fn answer(mut self) -> Answer {
        (&mut self.answer)
            .await
            .unwrap_or_else(|_| Answer::Failed(Fault::exited()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::invocation::{Budget, Event};

    fn invocation(number: usize) -> Invocation {
        Invocation {
            id: number.to_string(),
            label: "POST /invoke".into(),
            event: Event::new(Bytes::new(), Budget::default().reserve()),
            headers: http::HeaderMap::new(),
            log: None,
            recording: crate::record::Recording::off(),
            client: None,
        }
    }

    #[test]
    fn full_queue_refuses_until_a_client_leaves() {
        let queue = Rc::new(Queue::default());
        let mut tickets: Vec<Ticket> = (0..QUEUED_INVOCATIONS)
            .map(|number| queue.submit(invocation(number)).unwrap())
            .collect();
        let refused = queue.submit(invocation(QUEUED_INVOCATIONS));
        assert!(refused.is_err_and(|it| it.to_string().starts_with("1000 invocations wait")));
        tickets.pop();
        queue.submit(invocation(QUEUED_INVOCATIONS)).unwrap();
    }
}
