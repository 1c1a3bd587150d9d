//! A response that has not begun.

use super::WriteError;
use super::body_writer::BodyWriter;
use super::state::Shared;
use crate::response::{Form, Head};

/// A response that has not begun; sending the head begins it.
///
/// Dropped without a head, it fails the invocation with `Function.NoHead`.
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
    /// It leaves when the handler first waits for something, together with what it has written until then.
    /// To have it on the wire before a long computation, [`flush`](BodyWriter::flush) the body.
    ///
    /// A head that cannot be sent (see [`Head`]) fails the invocation, with nothing sent; the handler is then
    /// dropped.
    ///
    /// # Errors
    ///
    /// When the response is over already, because the writer was moved away from its handler.
    ///
    /// # Cancel safety
    ///
    /// It never waits.
    pub async fn send_head(self, head: Head) -> Result<BodyWriter, WriteError> {
        self.begin(Form::Http(head))
    }

    /// Begins a response that has no head, whose payload has this content type, for callers that invoke the
    /// function directly; see [`Raw`](crate::Raw).
    ///
    /// # Errors
    ///
    /// As [`send_head`](Self::send_head).
    ///
    /// # Cancel safety
    ///
    /// It never waits.
    pub async fn without_head(
        self,
        content_type: impl AsRef<str>,
    ) -> Result<BodyWriter, WriteError> {
        self.begin(Form::raw(content_type.as_ref()))
    }

    fn begin(self, form: Form) -> Result<BodyWriter, WriteError> {
        let begun = self.shared.lock().begin(form);
        begun.map(|()| BodyWriter::new(self.shared))
    }
}
