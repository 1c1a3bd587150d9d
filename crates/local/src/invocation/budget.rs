//! A bound on the memory that events take.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;

use crate::limits::EVENT_BYTES;

/// The number of bytes that events take at present.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget(Rc<Cell<usize>>);

/// The memory is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// Returns a reservation of nothing, which can grow.
    pub(crate) fn reserve(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

/// A part of the budget; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Budget,
    bytes: usize,
}

impl Reservation {
    /// Makes the reservation this large.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let others = self.budget.0.get() - self.bytes;
        let total = others.saturating_add(bytes);
        if total > EVENT_BYTES && bytes > self.bytes {
            return Err(Exhausted);
        }
        self.budget.0.set(total);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.0.set(self.budget.0.get() - self.bytes);
    }
}

/// An event and the memory that is reserved for it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) bytes: Bytes,
    reservation: Reservation,
}

impl Event {
    pub(crate) fn new(bytes: Bytes, reservation: Reservation) -> Self {
        Self { bytes, reservation }
    }

    /// Replaces what was received by the event that is made of it.
    pub(crate) fn replace(&mut self, bytes: Bytes) -> Result<(), Exhausted> {
        self.reservation.resize(bytes.len())?;
        self.bytes = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_share_one_bound() {
        let budget = Budget::default();
        let (mut one, mut two) = (budget.reserve(), budget.reserve());
        one.resize(EVENT_BYTES).unwrap();
        assert_eq!(two.resize(1), Err(Exhausted));
        one.resize(10).unwrap();
        two.resize(EVENT_BYTES - 10).unwrap();
        drop(one);
        two.resize(EVENT_BYTES).unwrap();
        drop(two);
        assert_eq!(budget.0.get(), 0);
    }
}
