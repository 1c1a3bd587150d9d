//! Durations and sizes as people read them: three digits and a unit.

use std::time::Duration;

const SECONDS: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const BYTES: [(f64, &str); 5] = [
    (1e12, "TB"),
    (1e9, "GB"),
    (1e6, "MB"),
    (1e3, "kB"),
    (1.0, "B"),
];

pub(super) fn duration(duration: Duration) -> String {
    let (value, unit) = scaled(duration.as_nanos() as f64, &SECONDS);
    three_digits(value, unit)
}

/// The same without digits that say nothing, for bounds that are round.
pub(super) fn round_duration(duration: Duration) -> String {
    let (value, unit) = scaled(duration.as_nanos() as f64, &SECONDS);
    format!("{value} {unit}")
}

pub(super) fn bytes(bytes: f64) -> String {
    let (value, unit) = scaled(bytes, &BYTES);
    three_digits(value, unit)
}

/// The value in the largest unit of which there is one, as it is shown.
fn scaled(value: f64, units: &[(f64, &'static str)]) -> (f64, &'static str) {
    let fits = |(unit, _): &&(f64, &str)| value >= unit * 0.9995;
    let (unit, name) = units
        .iter()
        .find(fits)
        .or(units.last())
        .unwrap_or(&(1.0, ""));
    (value / unit, name)
}

fn three_digits(value: f64, unit: &str) -> String {
    let decimals = match value {
        _ if value.fract() == 0.0 && value < 1000.0 && (unit == "B" || unit == "ns") => 0,
        _ if value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_shown() {
        for (nanos, shown) in [
            (0, "0 ns"),
            (7, "7 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (22_640, "22.6 µs"),
            (99_960, "100 µs"),
            (999_400, "999 µs"),
            (999_600, "1.00 ms"),
            (43_845_000, "43.8 ms"),
            (1_500_000_000, "1.50 s"),
            (900_000_000_000, "900 s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), shown);
        }
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(64.0), "64 B");
        assert_eq!(bytes(2_107_000.0), "2.11 MB");
        assert_eq!(bytes(f64::INFINITY), "inf TB");
        assert_eq!(round_duration(Duration::from_micros(15)), "15 µs");
        assert_eq!(round_duration(Duration::from_nanos(1_500)), "1.5 µs");
    }
}
