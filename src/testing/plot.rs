//! Durations as bars of text.

use std::fmt;
use std::time::Duration;

use super::durations::Durations;
use super::units;

/// Where rows begin within each power of ten: steps that look alike on a logarithmic scale.
const STEPS: [u64; 6] = [10, 15, 20, 30, 50, 70];

/// Length of the longest bar, in characters.
const WIDTH: u128 = 40;

/// The eighths of a character.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Number of durations in each row, from the first row that has any to the last.
#[derive(Debug)]
pub(super) struct Plot(Vec<(Duration, u64)>);

impl Plot {
    pub(super) fn new(durations: &Durations) -> Self {
        // From 10 ns, with whatever is shorter, to 7,000 s, with whatever is longer.
        let bounds = (0..12).flat_map(|power| STEPS.map(|step| step * 10u64.pow(power)));
        let mut rows: Vec<_> = bounds
            .map(|nanos| (Duration::from_nanos(nanos), 0))
            .collect();
        for (duration, count) in durations.counts() {
            let row = rows.partition_point(|(bound, _)| *bound <= duration);
            rows[row.saturating_sub(1)].1 += count;
        }
        let counted = |(_, count): &(Duration, u64)| *count > 0;
        rows.truncate(rows.iter().rposition(counted).map_or(0, |last| last + 1));
        rows.drain(..rows.iter().position(counted).unwrap_or(0));
        Self(rows)
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = WIDTH as usize;
        let most = self.0.iter().map(|(_, count)| *count).max().unwrap_or(0);
        for (bound, count) in &self.0 {
            // Something is never shown as nothing.
            let eighths = (u128::from(*count) * WIDTH * 8).div_ceil(u128::from(most.max(1)));
            let bar = "█".repeat((eighths / 8) as usize) + PARTS[(eighths % 8) as usize];
            let bound = units::round_duration(*bound);
            writeln!(f, "{bound:>10} {bar:<width$} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(micros: &[u64]) -> String {
        let durations = micros.iter().copied().map(Duration::from_micros);
        Plot::new(&durations.collect()).to_string()
    }

    #[test]
    fn each_row_has_bar_and_count() {
        let rows = plot(&[15, 19, 20, 50, 60, 69, 69]);
        let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split(' ').collect()).collect();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .copied()
                    .filter(|word| !word.is_empty())
                    .collect()
            })
            .collect::<Vec<Vec<&str>>>();
        let bars = ["█".repeat(20), "█".repeat(10), "█".repeat(40)];
        assert_eq!(
            shown,
            [
                vec!["15", "µs", &bars[0], "2"],
                vec!["20", "µs", &bars[1], "1"],
                vec!["30", "µs", "0"],
                vec!["50", "µs", &bars[2], "4"],
            ]
        );
    }

    #[test]
    fn no_duration_is_left_out() {
        assert_eq!(plot(&[]), "");
        let extremes = [Duration::ZERO, Duration::MAX];
        let Plot(rows) = Plot::new(&extremes.into_iter().collect());
        assert_eq!(rows.iter().map(|(_, count)| count).sum::<u64>(), 2);
        assert_eq!(rows[0], (Duration::from_nanos(10), 1));
        assert_eq!(rows[rows.len() - 1], (Duration::from_secs(7_000), 1));
    }

    #[test]
    fn smallest_count_has_a_bar() {
        let mut micros = vec![15; 100_000];
        micros.push(25);
        assert!(plot(&micros).contains('▏'));
    }
}
