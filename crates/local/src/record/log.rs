//! The lines that a program wrote during an invocation.

use std::collections::VecDeque;
use std::time::Duration;

/// What a line takes besides its text, in bytes.
const OVERHEAD: usize = 64;

/// The last lines of a log, as many as may be kept.
#[derive(Debug)]
pub(crate) struct LogLines {
    lines: VecDeque<(Duration, Box<str>)>,
    /// What the lines take, in bytes.
    held: usize,
    /// Number of lines that were dropped at the beginning.
    dropped: u64,
    limit: usize,
}

impl LogLines {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            held: 0,
            dropped: 0,
            limit,
        }
    }

    pub(super) fn push(&mut self, at: Duration, line: &str) {
        self.held += line.len() + OVERHEAD;
        self.lines.push_back((at, line.into()));
        while self.held > self.limit {
            let Some((_, line)) = self.lines.pop_front() else {
                break;
            };
            self.held -= line.len() + OVERHEAD;
            self.dropped += 1;
        }
    }

    /// Number of lines that were dropped at the beginning.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns the lines that are kept from this one on, counted from the first that was written.
    pub(crate) fn from(&self, line: u64) -> impl Iterator<Item = (Duration, &str)> {
        let skipped = usize::try_from(line.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let lines = self.lines.iter().skip(skipped);
        lines.map(|(at, line)| (*at, &**line))
    }

    /// Number of lines that were written.
    pub(crate) fn written(&self) -> u64 {
        self.dropped + self.lines.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &LogLines, from: u64) -> Vec<&str> {
        log.from(from).map(|(_, line)| line).collect()
    }

    #[test]
    fn oldest_lines_make_room() {
        let mut log = LogLines::new(2 * (OVERHEAD + 1));
        for line in ["a", "b", "c"] {
            log.push(Duration::ZERO, line);
        }
        assert_eq!(texts(&log, 0), ["b", "c"]);
        assert_eq!(texts(&log, 2), ["c"]);
        assert_eq!(texts(&log, 3), [""; 0]);
        assert_eq!((log.dropped(), log.written()), (1, 3));
    }

    #[test]
    fn line_beyond_the_limit_is_dropped() {
        let mut log = LogLines::new(10);
        log.push(Duration::ZERO, "a");
        assert_eq!((log.dropped(), log.held), (1, 0));
    }
}
