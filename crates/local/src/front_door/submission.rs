//! An event on its way into the queue, and into the records.

use std::rc::Rc;

use http::header::HeaderMap;

use super::FrontDoor;
use super::refusal::Refusal;
use crate::connection::Connection;
use crate::invocation::{Event, Invocation, Log, Ticket};
use crate::record::{DoorName, Opening, Outcome};
use crate::terminal::Report;

/// What an invocation is made of.
pub(super) struct Submission<'a> {
    pub(super) id: String,
    pub(super) door: DoorName,
    pub(super) label: &'a Rc<str>,
    /// What the page calls it.
    pub(super) request: Rc<str>,
    pub(super) event: Event,
    /// Additional headers for the program.
    pub(super) headers: HeaderMap,
    /// What the program writes meanwhile, if the client wants it.
    pub(super) log: Option<Log>,
    /// The client's connection, if a client waits.
    pub(super) client: Option<Rc<Connection>>,
    /// The invocation whose event is sent again.
    pub(super) repeats: Option<u64>,
}

impl<'a> Submission<'a> {
    /// An invocation that nobody waits for.
    pub(super) fn new(id: String, door: DoorName, label: &'a Rc<str>, event: Event) -> Self {
        Self {
            id,
            door,
            label,
            request: Rc::clone(label),
            event,
            headers: HeaderMap::new(),
            log: None,
            client: None,
            repeats: None,
        }
    }
}

impl FrontDoor {
    /// Records and queues an invocation.
    pub(super) fn submit(&self, submission: Submission<'_>) -> Result<(Ticket, Report), Refusal> {
        let mut recording = self.records.begin(Opening {
            id: &submission.id,
            door: submission.door,
            request: &submission.request,
            event: &submission.event.bytes,
            repeats: submission.repeats,
        });
        let queued = self.queue.submit(Invocation {
            id: submission.id,
            label: Rc::clone(submission.label),
            event: submission.event,
            headers: submission.headers,
            log: submission.log,
            recording: recording.share(),
            client: submission.client.clone(),
        });
        match queued {
            Ok(ticket) => {
                let label = Rc::clone(submission.label);
                let report = Report::new(&self.terminal, recording, label, submission.client);
                Ok((ticket, report))
            }
            Err(full) => {
                let refusal = Refusal::too_many(full.to_string());
                recording.status(refusal.status());
                recording.end(Outcome::refused(refusal.error_type(), refusal.message()));
                Err(refusal)
            }
        }
    }
}
