//! The end of what a program wrote during an invocation.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::limits::LOG_TAIL;

/// The end of a log, shared by the program's side and the client's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Rc<RefCell<VecDeque<u8>>>);

impl Log {
    /// Adds a line.
    pub(super) fn push(&self, line: &str) {
        let mut log = self.0.borrow_mut();
        log.extend(line.as_bytes());
        log.push_back(b'\n');
        let excess = log.len().saturating_sub(LOG_TAIL);
        log.drain(..excess);
    }

    /// Returns the log as text.
    pub(crate) fn text(&self) -> String {
        let mut log = self.0.borrow_mut();
        String::from_utf8_lossy(log.make_contiguous()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_keeps_its_end() {
        let log = Log::default();
        for n in 0..2000 {
            log.push(&n.to_string());
        }
        let text = log.text();
        assert_eq!(text.len(), LOG_TAIL);
        assert!(text.ends_with("1998\n1999\n"), "{text}");
    }
}
