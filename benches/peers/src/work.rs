//! The work that a peer does while a tool counts.

use crate::plan::Plan;
use crate::session::{Nagle, PEERS, Peer};

/// A kind of work, of which a peer does many units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Whole invocations with one small chunk each.
    Invocations,
    /// Chunks that are ready together.
    Ready64B,
    Ready1KiB,
    Ready64KiB,
    /// Chunks of a source that is pending before each of them, and wakes itself.
    Alone,
    /// Chunks that a timer gives.
    Paced,
    /// Chunks that are ready together, written by a handler instead of returned.
    Written64B,
    Written1KiB,
}

impl Work {
    pub const ALL: [Self; 8] = [
        Self::Invocations,
        Self::Ready64B,
        Self::Ready1KiB,
        Self::Ready64KiB,
        Self::Alone,
        Self::Paced,
        Self::Written64B,
        Self::Written1KiB,
    ];

    /// Returns the name of one unit in the table.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Invocations => "invocation",
            Self::Ready64B => "ready 64 B chunk",
            Self::Ready1KiB => "ready 1 KiB chunk",
            Self::Ready64KiB => "ready 64 KiB chunk",
            Self::Alone => "64 B chunk, each pending first",
            Self::Paced => "64 B chunk from a timer",
            Self::Written64B => "written 64 B chunk",
            Self::Written1KiB => "written 1 KiB chunk",
        }
    }

    /// Returns its name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invocations => "invocations",
            Self::Ready64B => "ready",
            Self::Ready1KiB => "ready-1k",
            Self::Ready64KiB => "large",
            Self::Alone => "alone",
            Self::Paced => "paced",
            Self::Written64B => "written",
            Self::Written1KiB => "written-1k",
        }
    }

    /// Returns how many units are enough to tell what one of them takes.
    pub fn units(self, peer: &Peer) -> u32 {
        match self {
            Self::Invocations if peer.nagle == Nagle::On => 50,
            Self::Invocations => 500,
            // The timer makes them slow.
            Self::Paced => 500,
            Self::Ready64KiB => 1_000,
            Self::Alone => 5_000,
            _ => 20_000,
        }
    }

    /// Returns these units as a number of invocations of a plan.
    pub fn of(self, units: u32) -> (u32, Plan) {
        match self {
            Self::Invocations => (units, Plan::ready(1, 64)),
            Self::Ready64B | Self::Written64B => (1, Plan::ready(units, 64)),
            Self::Ready1KiB | Self::Written1KiB => (1, Plan::ready(units, 1024)),
            Self::Ready64KiB => (1, Plan::ready(units, 64 * 1024)),
            Self::Alone => (1, Plan::alone(units, 64)),
            // tokio's timer has a resolution of 1 ms: at that pace, two would sometimes come together.
            Self::Paced => (1, Plan::paced(units, 64, 2_000)),
        }
    }

    /// Returns the peer's program for this work. Only this library has one that writes.
    pub fn done_by(self, peer: &Peer) -> Option<Peer> {
        match self {
            Self::Written64B | Self::Written1KiB => (peer.name == PEERS[0].name).then_some(Peer {
                program: "written",
                ..*peer
            }),
            _ => Some(*peer),
        }
    }
}
