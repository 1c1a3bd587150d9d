//! Measured durations.

use std::time::Duration;

/// Measured durations, sorted.
///
/// All of them are kept (16 bytes each), so every percentile is exact, and [`as_slice`](Self::as_slice)
/// hands them to a histogram of your own. Of no durations at all, every figure is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shortest one.
    pub fn min(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }

    /// The same as `percentile(50.0)`.
    pub fn median(&self) -> Duration {
        self.percentile(50.0)
    }

    /// The longest one.
    pub fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> Duration {
        let nanos = self.sum().as_nanos() / (self.0.len() as u128).max(1);
        Duration::from_nanos(nanos.try_into().unwrap_or(u64::MAX))
    }

    /// All of them together, which is what criterion's `iter_custom` asks for.
    pub fn sum(&self) -> Duration {
        self.0
            .iter()
            .fold(Duration::ZERO, |sum, next| sum.saturating_add(*next))
    }

    /// The shortest one that at least this percentage of all does not exceed (nearest rank).
    ///
    /// From 0, which is [`min`](Self::min), to 100, which is [`max`](Self::max); what is beyond counts as
    /// the nearer of the two, and NaN as 0.
    pub fn percentile(&self, percentage: f64) -> Duration {
        // A cast takes what is negative or NaN as 0. Multiplied first, so that whole percentages of whole
        // numbers have no rounding error to be rounded up.
        let rank = (percentage * self.0.len() as f64 / 100.0).ceil() as usize;
        let at = rank.clamp(1, self.0.len().max(1)) - 1;
        self.0.get(at).copied().unwrap_or_default()
    }

    /// The durations, shortest first.
    pub fn as_slice(&self) -> &[Duration] {
        &self.0
    }
}

impl From<Vec<Duration>> for Durations {
    fn from(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(durations: impl IntoIterator<Item = u64>) -> Durations {
        let durations: Vec<_> = durations.into_iter().map(Duration::from_millis).collect();
        durations.into()
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred = ms((1..=100).rev());
        for (percentage, rank) in [
            (0.0, 1),
            (0.1, 1),
            (1.0, 1),
            (1.1, 2),
            (29.0, 29),
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
            assert_eq!(hundred.percentile(percentage), expected, "{percentage}");
        }
        assert_eq!(ms([3, 1, 2]).median(), Duration::from_millis(2));
        assert_eq!(ms([7]).percentile(1.0), Duration::from_millis(7));
    }

    #[test]
    fn the_other_figures() {
        let three = ms([3, 1, 5]);
        assert_eq!(three.min(), Duration::from_millis(1));
        assert_eq!(three.max(), Duration::from_millis(5));
        assert_eq!(three.mean(), Duration::from_millis(3));
        assert_eq!(three.sum(), Duration::from_millis(9));
        assert_eq!(three.as_slice(), [1, 3, 5].map(Duration::from_millis));
        assert_eq!((three.len(), three.is_empty()), (3, false));
        assert_eq!(Durations::from(vec![Duration::MAX; 2]).sum(), Duration::MAX);
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
    }
}
