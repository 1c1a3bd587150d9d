//! Invocations on their way from a client to a program and back.
//!
//! The [`Queue`] holds what waits, an [`Environment`] what one program is working on, and a
//! [`Ticket`] stands for the client. Everything happens on the server's one thread, and no borrow
//! of a state lives across an await.

mod answer;
mod budget;
mod environment;
mod fault;
mod in_flight;
mod log;
mod queue;

use std::rc::Rc;

use http::header::HeaderMap;

pub(crate) use self::answer::{Answer, Cut, Delivered, RuntimeResponse};
pub(crate) use self::budget::{Budget, Event};
pub(crate) use self::environment::{Answering, Environment, EnvironmentOptions, Handed, Refusal};
pub(crate) use self::fault::{Fault, buffered_too_large, truncated};
pub(crate) use self::log::Log;
pub(crate) use self::queue::{Queue, Ticket};
use crate::connection::Connection;
use crate::record::Recording;

/// What a client asks a program to do.
pub(crate) struct Invocation {
    pub(crate) id: String,
    /// What the terminal calls it.
    pub(crate) label: Rc<str>,
    pub(crate) event: Event,
    /// Additional headers for the program.
    pub(crate) headers: HeaderMap,
    /// What the program writes meanwhile, if the client wants it.
    pub(crate) log: Option<Log>,
    pub(crate) recording: Recording,
    /// The client's connection, if a client waits.
    pub(crate) client: Option<Rc<Connection>>,
}
