//! One server-sent event.

use std::fmt::{self, Display, Write as _};
use std::io;
use std::time::Duration;

use memchr::memchr2;
use serde::Serialize;

use crate::error::{Error, EventError, Reason};

/// Room for a short event; the first field that is set allocates it.
const CAPACITY: usize = 128;

/// One server-sent event, written as it is built.
///
/// ```
/// use lambda_stream::format::sse::Event;
///
/// let event = Event::new().event("token").id(7).data("two\nlines");
/// assert_eq!(event.to_string(), "event: token\nid: 7\ndata: two\ndata: lines\n\n");
/// ```
///
/// A page receives nothing of an event without data: one that only sets [`id`](Self::id) or
/// [`retry`](Self::retry) takes effect, but fires nothing.
///
/// # Setting a field twice
///
/// Data and comments get another line. Of event names, ids and retry times the client uses the
/// last.
///
/// # Errors
///
/// Building an event never panics and needs no `?`: the first field that cannot be sent is left out
/// and remembered. The [response](crate::format::Sse) fails with that [`EventError`] instead of
/// sending the event; [`checked`](Self::checked) returns it earlier.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Event {
    lines: Vec<u8>,
    error: Option<EventError>,
}

impl Event {
    /// Creates an event without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds data, which may have several lines.
    ///
    /// `\n`, `\r` and `\r\n` each break a line, as the standard defines it, and the client receives
    /// all of them as `\n`. Everything else arrives as it is. Empty data is data: the event is
    /// fired.
    #[must_use]
    pub fn data(self, text: impl Display) -> Self {
        self.lines("data", b"data: ", |mut lines| write!(lines, "{text}"))
    }

    /// Adds this value in JSON as data.
    ///
    /// An error of its `Serialize` is remembered; see [`Event`].
    ///
    /// ```
    /// use lambda_stream::format::sse::Event;
    ///
    /// let event = Event::new().json_data(&("a", 1));
    /// assert_eq!(event.to_string(), "data: [\"a\",1]\n\n");
    /// ```
    #[must_use]
    pub fn json_data(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.lines("data", b"data: ", |lines| {
            serde_json::to_writer(lines, value)
        })
    }

    /// Names the event: the page listens with `addEventListener(name, …)`. Without a name, or with
    /// an empty one, it is a `message`.
    ///
    /// A name with a line break cannot be sent; see [`Event`].
    #[must_use]
    pub fn event(self, name: impl Display) -> Self {
        self.line("event", b"event: ", name, b"\r\n")
    }

    /// Sets the id that the browser sends back as `Last-Event-ID` when it reconnects; see
    /// [`last_event_id`](super::last_event_id()). It is kept for the events that follow; an empty
    /// id clears it.
    ///
    /// An id with a line break cannot be sent, nor one with a NUL, which the standard makes clients
    /// ignore; see [`Event`].
    #[must_use]
    pub fn id(self, id: impl Display) -> Self {
        self.line("id", b"id: ", id, b"\r\n\0")
    }

    /// Sets how long the browser waits before it reconnects, truncated to whole milliseconds.
    #[must_use]
    pub fn retry(self, delay: Duration) -> Self {
        self.line("retry", b"retry: ", delay.as_millis(), b"")
    }

    /// Adds a comment, which clients skip. It may have several lines.
    #[must_use]
    pub fn comment(self, text: impl Display) -> Self {
        self.lines("comment", b": ", |mut lines| write!(lines, "{text}"))
    }

    /// Returns the error of the first field that cannot be sent.
    pub fn error(&self) -> Option<&EventError> {
        self.error.as_ref()
    }

    /// Returns the event if it can be sent.
    ///
    /// # Errors
    ///
    /// That of the first field that cannot be sent.
    ///
    /// ```
    /// use lambda_stream::format::sse::Event;
    ///
    /// let error = Event::new().event("two\nlines").checked().unwrap_err();
    /// assert_eq!(error.field(), "event");
    /// ```
    pub fn checked(self) -> Result<Self, EventError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// Returns the fields as lines, without the blank line that ends the event.
    pub(super) fn into_lines(self) -> Result<Vec<u8>, EventError> {
        self.checked().map(|event| event.lines)
    }

    /// Adds a field of one or more lines, unless writing its value fails.
    fn lines<E: Into<Error>>(
        mut self,
        field: &'static str,
        start: &'static [u8],
        write: impl FnOnce(Lines<'_>) -> Result<(), E>,
    ) -> Self {
        let before = self.begin();
        self.lines.extend_from_slice(start);
        let lines = Lines {
            out: &mut self.lines,
            start,
            after_cr: false,
        };
        if let Err(error) = write(lines) {
            self.take_back(before, EventError::new(field, Reason::unwritable(error)));
        } else {
            self.lines.push(b'\n');
        }
        self
    }

    /// Adds a field of one line, unless its value contains one of these bytes.
    fn line(
        mut self,
        field: &'static str,
        start: &'static [u8],
        value: impl Display,
        forbidden: &[u8],
    ) -> Self {
        let before = self.begin();
        self.lines.extend_from_slice(start);
        let written = write!(Plain(&mut self.lines), "{value}");
        let text = &self.lines[before + start.len()..];
        let reason = match written {
            Err(error) => Some(Reason::unwritable(error)),
            Ok(()) if text.iter().any(|byte| forbidden.contains(byte)) => {
                Some(Reason::forbidden(text))
            }
            Ok(()) => None,
        };
        match reason {
            Some(reason) => self.take_back(before, EventError::new(field, reason)),
            None => self.lines.push(b'\n'),
        }
        self
    }

    fn begin(&mut self) -> usize {
        if self.lines.capacity() == 0 {
            self.lines.reserve(CAPACITY);
        }
        self.lines.len()
    }

    /// Removes what was written of a field, and remembers the first error.
    fn take_back(&mut self, before: usize, error: EventError) {
        self.lines.truncate(before);
        self.error.get_or_insert(error);
    }
}

/// Formats the event as it is sent, with the blank line at its end.
impl Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", String::from_utf8_lossy(&self.lines))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("lines", &String::from_utf8_lossy(&self.lines))
            .field("error", &self.error)
            .finish()
    }
}

/// Writes text unchanged. `io::Write` would too, but panics if a `Display` fails.
struct Plain<'a>(&'a mut Vec<u8>);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Writes text, and starts another line of the field at each line break in it.
struct Lines<'a> {
    out: &'a mut Vec<u8>,
    start: &'static [u8],
    /// Whether the last byte was a `\r`, to which a following `\n` belongs.
    after_cr: bool,
}

impl Lines<'_> {
    fn push(&mut self, mut text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if std::mem::take(&mut self.after_cr) {
            text = text.strip_prefix(b"\n").unwrap_or(text);
        }
        // Including the line break that follows, so that one long line is one allocation.
        self.out.reserve(text.len() + 2);
        while let Some(at) = memchr2(b'\r', b'\n', text) {
            self.out.extend_from_slice(&text[..at]);
            self.out.push(b'\n');
            self.out.extend_from_slice(self.start);
            let is_cr = text[at] == b'\r';
            text = &text[at + 1..];
            if is_cr {
                self.after_cr = text.is_empty();
                text = text.strip_prefix(b"\n").unwrap_or(text);
            }
        }
        self.out.extend_from_slice(text);
    }
}

impl fmt::Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// JSON contains line breaks only if somebody wrote it by hand (`serde_json::value::RawValue`).
impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_starts_a_line() {
        for (text, written) in [
            ("", "data: \n\n"),
            ("a", "data: a\n\n"),
            (" a", "data:  a\n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("\n", "data: \ndata: \n\n"),
            ("a\rb", "data: a\ndata: b\n\n"),
            ("a\r\nb", "data: a\ndata: b\n\n"),
            ("a\n\rb", "data: a\ndata: \ndata: b\n\n"),
            ("a\r\r\nb", "data: a\ndata: \ndata: b\n\n"),
            ("a\r", "data: a\ndata: \n\n"),
            (
                "a\u{2028}b\u{85}c\u{b}\0",
                "data: a\u{2028}b\u{85}c\u{b}\0\n\n",
            ),
        ] {
            assert_eq!(Event::new().data(text).to_string(), written, "{text:?}");
            // However the text is split into writes.
            let mut pieces = Vec::new();
            let mut lines = Lines {
                out: &mut pieces,
                start: b"data: ",
                after_cr: false,
            };
            lines.push(b"");
            for byte in text.bytes() {
                lines.push(&[byte]);
                lines.push(b"");
            }
            let text = format!("data: {}\n\n", String::from_utf8(pieces).unwrap());
            assert_eq!(text, written);
        }
    }

    #[test]
    fn unsendable_field_is_named_and_left_out() {
        struct Unwritable;

        impl Display for Unwritable {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Err(fmt::Error)
            }
        }

        let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
        for (event, field, says) in [
            (Event::new().event("a\nb"), "event", r#""a\nb""#),
            (Event::new().event("a\r"), "event", r#""a\r""#),
            (Event::new().id("a\nb"), "id", r#""a\nb""#),
            (Event::new().id("a\0"), "id", r#""a\0""#),
            (Event::new().id(Unwritable), "id", "error"),
            (Event::new().data(Unwritable), "data", "error"),
            (Event::new().comment(Unwritable), "comment", "error"),
            (
                Event::new().json_data(&keys),
                "data",
                "key must be a string",
            ),
        ] {
            assert_eq!(event.to_string(), "\n");
            let error = event.data("kept").id("\n").checked().unwrap_err();
            assert_eq!(error.field(), field);
            let text = error.to_string();
            assert!(text.contains(&format!("`{field}`")), "{text}");
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let reason = source.unwrap_or(text);
            assert!(reason.contains(says), "{reason}");
        }
    }

    #[test]
    fn fields_keep_their_order() {
        let event = Event::new()
            .retry(Duration::from_micros(1_500_999))
            .comment("one\ntwo")
            .event("")
            .id("é\t ")
            .json_data("a\nb")
            .data(1);
        assert_eq!(
            event.to_string(),
            "retry: 1500\n: one\n: two\nevent: \nid: é\t \ndata: \"a\\nb\"\ndata: 1\n\n"
        );
        let longest = Event::new().retry(Duration::MAX).to_string();
        assert_eq!(longest, "retry: 18446744073709551615999\n\n");
    }
}
