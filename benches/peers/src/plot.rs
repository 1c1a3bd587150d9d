//! The plot `docs/performance.svg`: bars on a logarithmic scale.

use std::fmt::Write;

use crate::figure::{Figure, Figures};
use crate::session::PEERS;

/// What is shown; whether less is better.
const PANELS: [(Figure, &str, bool); 4] = [
    (
        Figure::FirstByteP50,
        "first payload byte, warm, p50 (µs)",
        true,
    ),
    (Figure::Invocations, "warm invocations a second", false),
    (Figure::Rate64B, "64 B ready chunks (MB/s)", false),
    (
        Figure::LatencyP99,
        "a 64 B chunk each 2 ms, latency p99 (µs)",
        true,
    ),
];

const WIDTH: f64 = 760.0;
const LABELS: f64 = 150.0;
const BARS: f64 = 500.0;
const BAR: f64 = 16.0;
const TITLE: f64 = 34.0;

/// The plot as SVG.
pub fn plot(figures: &Figures) -> String {
    let panel = TITLE + BAR * PEERS.len() as f64 + 14.0;
    let height = panel * PANELS.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (at, (figure, title, less_is_better)) in PANELS.into_iter().enumerate() {
        let top = panel * at as f64;
        let better = if less_is_better { "less" } else { "more" };
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{title}: {better} is better, \
             logarithmic</text>",
            top + 22.0
        );
        bars(&mut svg, figures, figure, top + TITLE);
    }
    svg.push_str("</svg>\n");
    svg
}

fn bars(svg: &mut String, figures: &Figures, figure: Figure, top: f64) {
    let values = PEERS.iter().enumerate().map(|(peer, _)| {
        let value = figures.get(figure, peer).unwrap_or(1.0);
        value.max(f64::MIN_POSITIVE).log10()
    });
    let values: Vec<_> = values.collect();
    // The shortest bar is still to be seen, and begins at a power of ten.
    let least = values.iter().copied().fold(f64::MAX, f64::min).floor() - 0.3;
    let most = values.iter().copied().fold(f64::MIN, f64::max);
    for (peer, value) in values.iter().enumerate() {
        let y = top + BAR * peer as f64;
        let length = BARS * (value - least) / (most - least).max(0.1);
        let colour = if peer == 0 { "#c2410c" } else { "#94a3b8" };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            LABELS - 6.0,
            y + 10.0,
            PEERS[peer].name,
            y,
            BAR - 3.0,
            LABELS + length + 5.0,
            y + 10.0,
            figure.show(10_f64.powf(*value)),
        );
    }
}
