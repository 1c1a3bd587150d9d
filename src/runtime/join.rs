//! Several futures in one task.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::coop::has_budget_remaining;

/// Futures that are polled in one task, each only when it was woken, in the order of their
/// wake-ups.
///
/// Nothing is spawned, so nothing has to be `Send` or `'static`. They share the task's cooperative
/// budget: once it is used up, the task yields, and the next poll goes on *after* the future that
/// used it up. A set that begins with the same futures at each poll would let two busy ones keep
/// the others from ever having a budget.
pub(super) struct Join<F> {
    slots: Vec<Slot<F>>,
    queue: Arc<Queue>,
}

struct Slot<F> {
    /// `None` once the future has completed or was dropped.
    future: Option<Pin<Box<F>>>,
    wakeup: Arc<Wakeup>,
    waker: Waker,
}

/// Which futures were woken, and the task that polls them.
#[derive(Default)]
struct Queue(Mutex<Woken>);

#[derive(Default)]
struct Woken {
    indices: VecDeque<usize>,
    task: Option<Waker>,
}

/// Puts one future into the queue.
struct Wakeup {
    index: usize,
    queued: AtomicBool,
    queue: Arc<Queue>,
}

impl<F: Future> Join<F> {
    /// Every future is polled at the first poll.
    pub(super) fn new(futures: impl Iterator<Item = F>) -> Self {
        let queue = Arc::new(Queue::default());
        let slots: Vec<_> = futures
            .enumerate()
            .map(|(index, future)| {
                let wakeup = Arc::new(Wakeup {
                    index,
                    queued: AtomicBool::new(true),
                    queue: Arc::clone(&queue),
                });
                Slot {
                    future: Some(Box::pin(future)),
                    waker: Waker::from(Arc::clone(&wakeup)),
                    wakeup,
                }
            })
            .collect();
        queue.lock().indices.extend(0..slots.len());
        Self { slots, queue }
    }

    /// Waits until one of the futures completes. Returns `None` when none is left.
    ///
    /// Cancel safe: the futures go on with the next call.
    pub(super) async fn next(&mut self) -> Option<F::Output> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Drops the futures of which `keep` is not true.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if !keep(index) {
                slot.future = None;
            }
        }
    }

    /// Like [`next`](Self::next).
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.slots.iter().all(|slot| slot.future.is_none()) {
            return Poll::Ready(None);
        }
        let turns = self.queue.begin(cx.waker());
        for _ in 0..turns {
            let Some(index) = self.queue.pop() else {
                return Poll::Pending;
            };
            let slot = &mut self.slots[index];
            slot.wakeup.queued.store(false, Ordering::Release);
            let Some(future) = &mut slot.future else {
                continue;
            };
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&slot.waker))
            {
                slot.future = None;
                return Poll::Ready(Some(output));
            }
            if !has_budget_remaining() {
                break;
            }
        }
        if !self.queue.is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Queue {
    /// Notes the task that is polling. Returns how many futures were woken.
    fn begin(&self, task: &Waker) -> usize {
        let mut woken = self.lock();
        match &mut woken.task {
            Some(known) => known.clone_from(task),
            none => *none = Some(task.clone()),
        }
        woken.indices.len()
    }

    fn pop(&self) -> Option<usize> {
        self.lock().indices.pop_front()
    }

    fn is_empty(&self) -> bool {
        self.lock().indices.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let task = {
            let mut woken = self.queue.lock();
            woken.indices.push_back(self.index);
            woken.task.clone()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::mpsc;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn outputs_come_as_they_complete() {
        let mut join = Join::new((0..3).map(|n| async move {
            for _ in 0..n {
                yield_now().await;
            }
            n
        }));
        assert_eq!(join.next().await, Some(0));
        join.retain(|index| index != 1);
        assert_eq!(join.next().await, Some(2));
        assert_eq!(join.next().await, None);
    }

    #[tokio::test]
    async fn only_woken_futures_are_polled() {
        let polls = Cell::new(0);
        let (sender, mut receiver) = mpsc::channel::<()>(1);
        let idle = async {
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                receiver.poll_recv(cx)
            })
            .await;
        };
        let busy = async {
            for _ in 0..100 {
                yield_now().await;
            }
        };
        let futures: [Pin<Box<dyn Future<Output = ()>>>; 2] = [Box::pin(idle), Box::pin(busy)];
        let mut join = Join::new(futures.into_iter());
        join.next().await;
        assert_eq!(polls.get(), 1);
        drop(sender);
        join.next().await;
        assert_eq!(polls.get(), 2);
    }

    /// Two futures use up the budget of every poll; the third needs a budget, too.
    #[tokio::test]
    async fn busy_futures_do_not_starve_another() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let received = Cell::new(0);
        let busy = async || {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            for n in 0..1_000_000 {
                sender.send(n).unwrap();
            }
            while received.get() < 10 {
                assert!(receiver.recv().await.is_some(), "the other has starved");
            }
        };
        let other = async {
            for n in 1..=10 {
                sender.send(n).unwrap();
                receiver.recv().await;
                received.set(n);
            }
        };
        let futures: [Pin<Box<dyn Future<Output = ()> + '_>>; 3] =
            [Box::pin(busy()), Box::pin(busy()), Box::pin(other)];
        let mut join = Join::new(futures.into_iter());
        while join.next().await.is_some() {}
        assert_eq!(received.get(), 10);
    }
}
