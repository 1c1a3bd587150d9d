//! Measured durations.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Significant decimal digits of a percentile.
const DIGITS: u8 = 3;

/// Longest duration that is told from longer ones: far beyond the timeout of a function.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Measured durations.
///
/// Percentiles are exact to three digits, whatever their number, in memory of constant size; the
/// other figures are exact. Of no durations at all, every figure is zero.
#[derive(Clone, PartialEq)]
pub struct Durations {
    /// In nanoseconds.
    histogram: Histogram<u64>,
    min: Duration,
    max: Duration,
    sum: Duration,
}

impl Durations {
    pub(super) fn record(&mut self, duration: Duration) {
        self.min = match self.histogram.is_empty() {
            true => duration,
            false => self.min.min(duration),
        };
        self.max = self.max.max(duration);
        self.sum = self.sum.saturating_add(duration);
        // The histogram grows as needed, and every value below the longest has its place in it.
        let _ = self.histogram.record(nanos(duration.min(LONGEST)));
    }

    /// Number of durations.
    pub fn len(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }

    /// Returns the shortest one.
    pub fn min(&self) -> Duration {
        self.min
    }

    /// Returns the same as `percentile(50.0)`.
    pub fn median(&self) -> Duration {
        self.percentile(50.0)
    }

    /// Returns the longest one.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns the arithmetic mean.
    pub fn mean(&self) -> Duration {
        let mean = self.sum.as_nanos() / u128::from(self.len().max(1));
        Duration::from_nanos(mean.try_into().unwrap_or(u64::MAX))
    }

    /// Returns the sum of all durations, which is what criterion's `iter_custom` asks for.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the shortest duration that at least this percentage of all does not exceed.
    ///
    /// The percentage goes from 0, which is [`min`](Self::min), to 100, which is
    /// [`max`](Self::max); anything beyond counts as the nearer of the two, and NaN as 0.
    pub fn percentile(&self, percentage: f64) -> Duration {
        if percentage.is_nan() || percentage <= 0.0 {
            return self.min;
        }
        if percentage >= 100.0 {
            return self.max;
        }
        let longest = self.histogram.value_at_quantile(percentage / 100.0);
        // The middle of what is equal to three digits: either end would be off in one direction.
        let nanos = self.histogram.median_equivalent(longest);
        Duration::from_nanos(nanos).clamp(self.min, self.max)
    }

    /// Returns groups of durations that are equal to three digits, shortest first: the longest of
    /// each group, and how many there are.
    pub fn counts(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.histogram.iter_recorded().map(|group| {
            let longest = Duration::from_nanos(group.value_iterated_to());
            (longest.min(self.max), group.count_since_last_iteration())
        })
    }
}

impl Default for Durations {
    #[allow(clippy::expect_used, reason = "a constant number of digits, in range")]
    fn default() -> Self {
        Self {
            histogram: Histogram::new(DIGITS).expect("three digits are in range"),
            min: Duration::ZERO,
            max: Duration::ZERO,
            sum: Duration::ZERO,
        }
    }
}

/// The histogram would be thousands of numbers.
impl fmt::Debug for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durations")
            .field("len", &self.len())
            .field("min", &self.min)
            .field("median", &self.median())
            .field("max", &self.max)
            .field("sum", &self.sum)
            .finish()
    }
}

impl FromIterator<Duration> for Durations {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut all = Self::default();
        durations
            .into_iter()
            .for_each(|duration| all.record(duration));
        all
    }
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(durations: impl IntoIterator<Item = u64>) -> Durations {
        durations.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_have_three_digits() {
        let hundred = ms((1..=100).rev());
        for (percentage, rank) in [
            (0.0, 1),
            (0.1, 1),
            (1.0, 1),
            (1.1, 2),
            (50.0, 50),
            (99.0, 99),
            (99.1, 100),
            (100.0, 100),
            (-3.0, 1),
            (1e300, 100),
            (f64::NEG_INFINITY, 1),
            (f64::INFINITY, 100),
            (f64::NAN, 1),
        ] {
            let expected = Duration::from_millis(rank);
            let percentile = hundred.percentile(percentage);
            let error = percentile.abs_diff(expected);
            assert!(error <= expected / 1000, "{percentage}: {percentile:?}");
        }
        assert_eq!(ms([7]).percentile(1.0), Duration::from_millis(7));
        assert_eq!(hundred.percentile(0.0), hundred.min());
        assert_eq!(hundred.percentile(100.0), hundred.max());
    }

    #[test]
    fn other_figures_are_exact() {
        let three: Durations = [3_000_001, 1_000_001, 5_000_001]
            .map(Duration::from_nanos)
            .into_iter()
            .collect();
        assert_eq!(three.min(), Duration::from_nanos(1_000_001));
        assert_eq!(three.max(), Duration::from_nanos(5_000_001));
        assert_eq!(three.mean(), Duration::from_nanos(3_000_001));
        assert_eq!(three.sum(), Duration::from_nanos(9_000_003));
        assert_eq!((three.len(), three.is_empty()), (3, false));
    }

    #[test]
    fn absurd_durations_are_counted() {
        let durations: Durations = [Duration::MAX, Duration::ZERO, Duration::MAX]
            .into_iter()
            .collect();
        assert_eq!(durations.len(), 3);
        assert_eq!(durations.sum(), Duration::MAX);
        assert_eq!(durations.min(), Duration::ZERO);
        assert_eq!(durations.counts().map(|(_, count)| count).sum::<u64>(), 3);
    }

    #[test]
    fn counts_group_what_is_equal() {
        let counts: Vec<_> = ms([5, 1, 5, 900])
            .counts()
            .map(|(_, count)| count)
            .collect();
        assert_eq!(counts, [1, 2, 1]);
    }

    #[test]
    fn without_durations_every_figure_is_zero() {
        let none = Durations::default();
        assert_eq!((none.len(), none.is_empty()), (0, true));
        for figure in [
            none.min(),
            none.median(),
            none.max(),
            none.mean(),
            none.sum(),
            none.percentile(99.0),
        ] {
            assert_eq!(figure, Duration::ZERO);
        }
        assert_eq!(none.counts().count(), 0);
    }
}
