//! The figures: names, formats and medians.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::counts::Count;
use crate::work::Work;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    FirstByteP50,
    FirstByteP99,
    Invocations,
    Rate64B,
    Rate1KiB,
    Rate64KiB,
    RateMixed,
    LatencyP50,
    LatencyP99,
    Start,
    Counted(Count, Work),
    Size,
}

impl Figure {
    /// Returns its name in the table, with its unit.
    pub fn name(self) -> Cow<'static, str> {
        let name = match self {
            Self::FirstByteP50 => "first byte of the payload, warm, p50 (µs)",
            Self::FirstByteP99 => "the same, p99 (µs)",
            Self::Invocations => "warm invocations per second, one after another",
            Self::Rate64B => "ready chunks of 64 B (MB/s)",
            Self::Rate1KiB => "ready chunks of 1 KiB (MB/s)",
            Self::Rate64KiB => "ready chunks of 64 KiB (MB/s; bound by the kernel)",
            Self::RateMixed => "ready chunks of 17 B to 16 KiB, most of them small (MB/s)",
            Self::LatencyP50 => "a 64 B chunk every 2 ms, latency p50 (µs)",
            Self::LatencyP99 => "the same, p99 (µs)",
            Self::Start => "start of the process to the first `/next`, p50 (ms)",
            Self::Counted(count, work) => {
                return format!("{} per {}", count.name(), work.unit()).into();
            }
            Self::Size => "binary, stripped (MB)",
        };
        name.into()
    }

    /// Formats a value for the table, with its significant digits only.
    pub fn show(self, value: f64) -> String {
        // The difference of two counts can be slightly negative.
        let value = value.max(0.0);
        match self {
            Self::FirstByteP50 | Self::FirstByteP99 | Self::LatencyP50 | Self::LatencyP99
                if value < 100.0 =>
            {
                format!("{value:.1}")
            }
            Self::Counted(Count::Instructions, _) => with_commas(value),
            Self::Counted(_, Work::Invocations)
            | Self::Counted(Count::SystemCalls, Work::Alone | Work::Paced) => {
                format!("{value:.1}")
            }
            Self::Counted(..) => format!("{value:.3}"),
            Self::Start | Self::Size => format!("{value:.2}"),
            _ => with_commas(value),
        }
    }
}

/// Formats a whole number with commas between groups of three digits.
pub fn with_commas(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The figures of all peers, with one value per round.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<(Figure, usize), Vec<f64>>);

impl Figures {
    pub fn add(&mut self, figure: Figure, peer: usize, value: f64) {
        self.0.entry((figure, peer)).or_default().push(value);
    }

    /// Returns the median of the rounds.
    pub fn get(&self, figure: Figure, peer: usize) -> Option<f64> {
        let mut values = self.0.get(&(figure, peer))?.clone();
        Some(percentile(&mut values, 50))
    }

    /// Returns the figures that were measured, in the order of the rows.
    pub fn rows(&self) -> Vec<Figure> {
        let mut rows: Vec<_> = self.0.keys().map(|(figure, _)| *figure).collect();
        rows.dedup();
        rows
    }
}

/// Returns the smallest value that is not less than this percentage of all values.
///
/// # Panics
///
/// When there are no values.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100);
    values[rank.saturating_sub(1)]
}
