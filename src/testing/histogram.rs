//! Durations as bars of text.

use std::fmt;
use std::time::Duration;

use super::durations::Durations;
use super::units;

/// What a row begins at, within each power of ten: steps that look alike on a logarithmic scale.
const STEPS: [u64; 6] = [10, 15, 20, 30, 50, 70];

/// How many characters the longest bar has.
const WIDTH: usize = 40;

/// Eighths of a character.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// How many durations begin at which bound; from the first row that has any to the last.
pub(super) struct Histogram(Vec<(Duration, usize)>);

impl Histogram {
    pub(super) fn of(durations: &Durations) -> Self {
        let sorted = durations.as_slice();
        let mut rows = Vec::new();
        let mut seen = 0;
        // From 10 ns, with whatever is shorter, to 7,000 s, with whatever is longer.
        let bounds = (0..12).flat_map(|power| STEPS.map(|step| step * 10u64.pow(power)));
        let bounds: Vec<_> = bounds.map(Duration::from_nanos).collect();
        for (at, bound) in bounds.iter().enumerate() {
            let end = match bounds.get(at + 1) {
                Some(next) => sorted.partition_point(|duration| duration < next),
                None => sorted.len(),
            };
            if end > 0 && seen < sorted.len() {
                rows.push((*bound, end - seen));
            }
            seen = end;
        }
        Self(rows)
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.0.iter().map(|(_, count)| *count).max().unwrap_or(0);
        for (bound, count) in &self.0 {
            // Something is never shown as nothing.
            let eighths = (count * WIDTH * 8).div_ceil(most.max(1));
            let bar = "█".repeat(eighths / 8) + PARTS[eighths % 8];
            let bound = units::round_duration(*bound);
            writeln!(f, "{bound:>10} {bar:<WIDTH$} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(micros: &[u64]) -> String {
        let durations: Vec<_> = micros.iter().copied().map(Duration::from_micros).collect();
        Histogram::of(&durations.into()).to_string()
    }

    #[test]
    fn each_row_has_its_count_and_a_bar_of_that_length() {
        let rows = histogram(&[15, 19, 20, 50, 60, 69, 69]);
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
        assert_eq!(histogram(&[]), "");
        let extremes = vec![Duration::ZERO, Duration::MAX];
        let Histogram(rows) = Histogram::of(&extremes.into());
        assert_eq!(rows.iter().map(|(_, count)| count).sum::<usize>(), 2);
        assert_eq!(rows[0], (Duration::from_nanos(10), 1));
        assert_eq!(rows[rows.len() - 1], (Duration::from_secs(7_000), 1));
    }

    #[test]
    fn one_among_many_still_has_a_bar() {
        let mut micros = vec![15; 100_000];
        micros.push(25);
        assert!(histogram(&micros).contains('▏'));
    }
}
