//! A line that shows chunks as they come.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The time that one character of the line stands for.
const STEP: Duration = Duration::from_millis(100);

/// Number of characters for chunks.
const WIDTH: usize = 16;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The bytes of the last moments, as bars: `··▂█▁···▁`.
#[derive(Debug)]
pub(crate) struct ChunkLine {
    begun: Instant,
    /// Bytes in each step, the last one being the present.
    steps: VecDeque<u64>,
    /// Number of steps since the beginning.
    passed: u128,
}

impl ChunkLine {
    pub(crate) fn new(begun: Instant) -> Self {
        Self {
            begun,
            steps: VecDeque::from([0]),
            passed: 0,
        }
    }

    /// Adds bytes that came now.
    pub(crate) fn push(&mut self, now: Instant, bytes: u64) {
        self.pass(now);
        if let Some(last) = self.steps.back_mut() {
            *last += bytes;
        }
    }

    /// Returns the bars.
    pub(crate) fn bars(&mut self, now: Instant) -> String {
        self.pass(now);
        let most = self.steps.iter().copied().max().unwrap_or(0).max(1);
        let bar = |bytes: &u64| match usize::try_from(u128::from(*bytes) * 7 / u128::from(most)) {
            Ok(_) if *bytes == 0 => '·',
            Ok(level) => BARS[level.min(7)],
            Err(_) => BARS[7],
        };
        self.steps.iter().map(bar).collect()
    }

    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.begun).as_millis() / STEP.as_millis();
        while self.passed < passed {
            self.passed += 1;
            // No more than what can be seen, however much time has passed.
            if passed - self.passed < WIDTH as u128 {
                self.steps.push_back(0);
            }
            if self.steps.len() > WIDTH {
                self.steps.pop_front();
            }
        }
    }
}

/// Draws a line that changes, where the terminal is one.
#[derive(Debug)]
pub(crate) struct LiveLine {
    is_terminal: bool,
    drawn: bool,
}

impl LiveLine {
    pub(crate) fn on_stderr() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            drawn: false,
        }
    }

    pub(crate) fn draw(&mut self, text: &str) {
        if self.is_terminal {
            // A line that cannot be drawn is not missed.
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
            self.drawn = true;
        }
    }

    /// Makes room for other output.
    pub(crate) fn erase(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "\r\x1b[K");
            self.drawn = false;
        }
    }
}

/// Returns a duration in the unit that fits.
pub(crate) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

/// Returns a number of bytes in the unit that fits.
pub(crate) fn size(bytes: u64) -> String {
    let exact = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", exact / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", exact / 1e6),
        _ => format!("{:.1} GB", exact / 1e9),
    }
}

/// Returns a number with its noun.
pub(crate) fn chunks(number: u64) -> String {
    match number {
        1 => "1 chunk".to_owned(),
        number => format!("{number} chunks"),
    }
}

/// Returns the text on one line, with control characters escaped: it comes from outside.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            printable.extend(char.escape_default());
        } else {
            printable.push(char);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_bytes_and_gaps() {
        let begun = Instant::now();
        let mut line = ChunkLine::new(begun);
        line.push(begun, 8);
        line.push(begun + 3 * STEP, 1);
        line.push(begun + 3 * STEP, 3);
        assert_eq!(line.bars(begun + 5 * STEP), "█··▄··");
    }

    #[test]
    fn old_bars_leave_the_line() {
        let begun = Instant::now();
        let mut line = ChunkLine::new(begun);
        line.push(begun, 1);
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(line.bars(begun + day), "·".repeat(WIDTH));
        line.push(begun + day, 1);
        assert!(line.bars(begun + day).ends_with("·█"));
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(2_100), "2.1 kB");
        assert_eq!(size(3_000_000_000), "3.0 GB");
    }
}
