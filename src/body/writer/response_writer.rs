//! A response that has not begun.

use super::Closed;
use super::body_writer::BodyWriter;
use super::state::Shared;
use crate::response::{Form, Head};

/// A response that has not begun; sending the head begins it.
///
/// A handler that returns without sending a head fails the invocation with
/// [`NO_HEAD`](crate::failure::kind::NO_HEAD).
#[derive(Debug)]
#[must_use = "a response needs a head"]
pub struct ResponseWriter {
    shared: Shared,
}

impl ResponseWriter {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// Sends the head.
    ///
    /// It leaves when the handler first sends a chunk or waits for something. To have it on the
    /// wire before a long computation, [`flush`](BodyWriter::flush) the body.
    ///
    /// A head that cannot be sent (see [`Head`]) fails the invocation with nothing sent; the
    /// handler is then dropped.
    ///
    /// # Errors
    ///
    /// When the response is over already, because the writer was moved away from its handler.
    pub fn send_head(self, head: Head) -> Result<BodyWriter, Closed> {
        self.begin(Form::Http(head))
    }

    /// Begins a response that has no head and whose payload has this content type, for callers that
    /// invoke the function directly; see [`Raw`](crate::Raw).
    ///
    /// # Errors
    ///
    /// As [`send_head`](Self::send_head).
    pub fn without_head(self, content_type: impl AsRef<str>) -> Result<BodyWriter, Closed> {
        self.begin(Form::raw(content_type.as_ref()))
    }

    fn begin(self, form: Form) -> Result<BodyWriter, Closed> {
        self.shared.lock().begin(form)?;
        Ok(BodyWriter::new(self.shared))
    }
}
