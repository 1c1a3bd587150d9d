//! When the chunks of a response came.

use std::time::Duration;

use crate::limits::KEPT_MARKS;

/// Chunks that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When the first of them came, since the invocation began.
    pub(crate) at: Duration,
    pub(crate) bytes: u64,
    pub(crate) chunks: u64,
}

/// A time in which no chunk came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) begin: Duration,
    pub(crate) length: Duration,
}

/// The chunks of a response, in a bounded number of marks of the same resolution: when there are
/// too many, each two become one, and so do those that follow.
#[derive(Debug)]
pub(crate) struct Timeline {
    marks: Vec<Mark>,
    /// Number of bursts that share a mark.
    stride: u64,
    bursts: u64,
    chunks: u64,
    bytes: u64,
    last: Option<Duration>,
    longest_gap: Option<Gap>,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            marks: Vec::new(),
            stride: 1,
            bursts: 0,
            chunks: 0,
            bytes: 0,
            last: None,
            longest_gap: None,
        }
    }

    /// Adds chunks that came together: the first at `burst.at`, the last at `end`.
    pub(super) fn push(&mut self, burst: Mark, end: Duration) {
        self.measure_gap(burst.at, end);
        self.chunks += burst.chunks;
        self.bytes += burst.bytes;
        let starts_a_mark = self.bursts % self.stride == 0;
        self.bursts += 1;
        match self.marks.last_mut().filter(|_| !starts_a_mark) {
            Some(last) => {
                last.bytes += burst.bytes;
                last.chunks += burst.chunks;
            }
            None => {
                if self.marks.len() == KEPT_MARKS {
                    self.halve();
                }
                self.marks.push(burst);
            }
        }
    }

    fn measure_gap(&mut self, begin: Duration, end: Duration) {
        if let Some(last) = self.last {
            let length = begin.saturating_sub(last);
            if self.longest_gap.is_none_or(|gap| length > gap.length) {
                self.longest_gap = Some(Gap {
                    begin: last,
                    length,
                });
            }
        }
        self.last = Some(end);
    }

    /// Joins each two marks. Their number is even, so the next burst starts a mark.
    fn halve(&mut self) {
        let joined = self.marks.chunks(2).map(|pair| Mark {
            at: pair[0].at,
            bytes: pair.iter().map(|mark| mark.bytes).sum(),
            chunks: pair.iter().map(|mark| mark.chunks).sum(),
        });
        self.marks = joined.collect();
        self.stride *= 2;
    }

    pub(super) fn finish(&mut self) {
        self.marks.shrink_to_fit();
    }

    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Returns how many bursts share a mark; it changes when marks are joined.
    pub(crate) fn stride(&self) -> u64 {
        self.stride
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.chunks
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns when the first chunk came.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.marks.first().map(|mark| mark.at)
    }

    /// Returns the longest time between two chunks.
    pub(crate) fn longest_gap(&self) -> Option<Gap> {
        self.longest_gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(ms: u64) -> Mark {
        Mark {
            at: Duration::from_millis(ms),
            bytes: 2,
            chunks: 1,
        }
    }

    fn timeline(times: impl IntoIterator<Item = u64>) -> Timeline {
        let mut timeline = Timeline::new();
        for ms in times {
            timeline.push(mark(ms), Duration::from_millis(ms));
        }
        timeline
    }

    #[test]
    fn few_bursts_are_kept_as_they_came() {
        let timeline = timeline([1, 5, 6]);
        assert_eq!(timeline.marks(), [mark(1), mark(5), mark(6)]);
        assert_eq!(timeline.first(), Some(Duration::from_millis(1)));
        assert_eq!((timeline.chunks(), timeline.bytes()), (3, 6));
    }

    #[test]
    fn longest_gap_is_found() {
        let gap = timeline([1, 5, 6]).longest_gap().unwrap();
        assert_eq!(gap.begin, Duration::from_millis(1));
        assert_eq!(gap.length, Duration::from_millis(4));
        assert_eq!(timeline([1]).longest_gap(), None);
    }

    #[test]
    fn many_bursts_share_marks_evenly() {
        let count = 10 * KEPT_MARKS as u64 + 3;
        let timeline = timeline(0..count);
        assert!(timeline.marks().len() <= KEPT_MARKS);
        assert_eq!(timeline.stride(), 16);
        let (last, others) = timeline.marks().split_last().unwrap();
        for (at, mark) in others.iter().enumerate() {
            assert_eq!(mark.chunks, 16, "mark {at}");
            assert_eq!(mark.at, Duration::from_millis(16 * at as u64));
        }
        assert_eq!(last.chunks, count % 16);
        let bytes: u64 = timeline.marks().iter().map(|mark| mark.bytes).sum();
        assert_eq!((bytes, timeline.bytes()), (2 * count, 2 * count));
    }
}
