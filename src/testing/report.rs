//! The report of a measurement.

use std::fmt;
use std::time::Duration;

use super::durations::Durations;
use super::plot::Plot;
use super::units;

/// The columns of the table, and the percentile that stands in each.
const COLUMNS: [(&str, f64); 5] = [
    ("min", 0.0),
    ("p50", 50.0),
    ("p90", 90.0),
    ("p99", 99.0),
    ("max", 100.0),
];

/// The report of a measurement; see [`Measure::run`](super::Measure::run).
///
/// It is printed as a table, with a plot of the chunk latency below. What it looks like is no
/// promise: programs ask the methods.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub(super) invocations: u64,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    pub(super) time_to_first_byte: Durations,
    pub(super) chunk_latency: Durations,
}

impl Report {
    /// Number of invocations that were counted.
    pub fn invocations(&self) -> u64 {
        self.invocations
    }

    /// For each invocation, the time from the event being handed out until the first byte of the
    /// payload is read. An invocation whose response has no payload has none.
    ///
    /// The payload begins after the head, so this contains whatever the handler waits for before
    /// its first chunk.
    pub fn time_to_first_byte(&self) -> &Durations {
        &self.time_to_first_byte
    }

    /// For each chunk, the time from the stream giving it until its last byte is read.
    ///
    /// What the stream waited for before it gave the chunk is not in it.
    pub fn chunk_latency(&self) -> &Durations {
        &self.chunk_latency
    }

    /// Number of chunks that the streams gave, without empty ones, which are never sent.
    pub fn chunks(&self) -> u64 {
        self.chunk_latency.len()
    }

    /// Number of bytes of payload that were read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long the invocations took together, each from the event being handed out until the last
    /// bytes of its response are read.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Bytes of payload a second, over [`elapsed`](Self::elapsed); 0 if nothing was measured.
    pub fn throughput(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        self.bytes as f64 / self.elapsed.as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} invocations, {} chunks, {} in {}, {}/s",
            self.invocations,
            self.chunks(),
            units::bytes(self.bytes as f64),
            units::duration(self.elapsed),
            units::bytes(self.throughput()),
        )?;
        write!(f, "\n{:18}", "")?;
        for (name, _) in COLUMNS {
            write!(f, " {name:>9}")?;
        }
        writeln!(f)?;
        for (name, durations) in [
            ("time to first byte", &self.time_to_first_byte),
            ("chunk latency", &self.chunk_latency),
        ] {
            write!(f, "{name:18}")?;
            for (_, percentage) in COLUMNS {
                let cell = if durations.is_empty() {
                    "-".to_owned()
                } else {
                    units::duration(durations.percentile(percentage))
                };
                write!(f, " {cell:>9}")?;
            }
            writeln!(f)?;
        }
        if !self.chunk_latency.is_empty() {
            write!(
                f,
                "\nchunk latency, from\n{}",
                Plot::new(&self.chunk_latency)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_a_table_and_a_plot() {
        let micros = |micros: &[u64]| -> Durations {
            micros.iter().copied().map(Duration::from_micros).collect()
        };
        let report = Report {
            invocations: 2,
            bytes: 12_000,
            elapsed: Duration::from_millis(3),
            time_to_first_byte: micros(&[120, 80]),
            chunk_latency: micros(&[31, 32, 33, 1_000]),
        };
        let text = report.to_string();
        let trimmed: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            trimmed[..8],
            [
                "2 invocations, 4 chunks, 12.0 kB in 3.00 ms, 4.00 MB/s",
                "",
                "                         min       p50       p90       p99       max",
                "time to first byte   80.0 µs   80.0 µs    120 µs    120 µs    120 µs",
                "chunk latency        31.0 µs   32.0 µs   1.00 ms   1.00 ms   1.00 ms",
                "",
                "chunk latency, from",
                "     30 µs ████████████████████████████████████████ 3",
            ]
        );
        assert_eq!(
            *trimmed.last().unwrap(),
            "      1 ms █████████████▍                           1"
        );
    }

    #[test]
    fn empty_report_has_no_plot() {
        let report = Report::default();
        assert_eq!(report.throughput(), 0.0);
        let text = report.to_string();
        assert!(text.starts_with("0 invocations, 0 chunks, 0 B in 0 ns, 0 B/s\n"));
        assert_eq!(text.lines().count(), 5, "{text}");
    }
}
