//! What comes of an invocation.

use std::cell::RefCell;
use std::rc::Rc;

use http::header::HeaderValue;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::Fault;
use crate::terminal::Report;

/// What the client of an invocation gets.
pub(crate) enum Answer {
    Response(RuntimeResponse),
    Failed(Fault),
}

/// The program's `POST …/response`, handed over as it is: no channel and no task stands between its
/// socket and the client's.
pub(crate) struct RuntimeResponse {
    /// Whether the response mode was `streaming`.
    pub(crate) streaming: bool,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Incoming,
    /// Tells the `POST` how the delivery ended. Dropped without a message: nobody reads the rest.
    pub(crate) delivered: oneshot::Sender<Delivered>,
    /// Why the server ended the program's side, if it did.
    pub(crate) cut: Cut,
}

/// How the delivery of a response ended.
pub(crate) enum Delivered {
    /// The body was read to its end.
    Read,
    /// A buffered response was larger than Lambda takes.
    TooLarge,
    /// The client has its whole answer, and there may be more of the body.
    Rest(Incoming, Report),
}

/// Why the server ended a response, shared by both of its sides.
#[derive(Clone, Default)]
pub(crate) struct Cut(Rc<RefCell<Option<Fault>>>);

impl Cut {
    pub(crate) fn set(&self, fault: Fault) {
        *self.0.borrow_mut() = Some(fault);
    }

    pub(crate) fn take(&self) -> Option<Fault> {
        self.0.borrow_mut().take()
    }
}
