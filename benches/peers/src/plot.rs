//! The plot `docs/performance.svg`: a dot for each peer, on a logarithmic axis.
//!
//! Not bars: the length of a bar on a logarithmic axis has no meaning.

use std::fmt::Write;

use crate::figure::{Figure, Figures, with_commas};
use crate::session::PEERS;

struct Panel {
    figure: Figure,
    title: &'static str,
    unit: &'static str,
    lower_is_better: bool,
}

const PANELS: [Panel; 4] = [
    Panel {
        figure: Figure::FirstByteP50,
        title: "Time to first byte of the payload, warm, median",
        unit: "µs",
        lower_is_better: true,
    },
    Panel {
        figure: Figure::Invocations,
        title: "Warm invocations per second, one after another",
        unit: "per s",
        lower_is_better: false,
    },
    Panel {
        figure: Figure::Rate64B,
        title: "Throughput of 64 B chunks that are all ready",
        unit: "MB/s",
        lower_is_better: false,
    },
    Panel {
        figure: Figure::LatencyP99,
        title: "Latency of a 64 B chunk every 2 ms, 99th percentile",
        unit: "µs",
        lower_is_better: true,
    },
];

const WIDTH: f64 = 820.0;
/// Where the axis begins and ends; names stand to its left, the last value may stand to its right.
const AXIS: [f64; 2] = [350.0, 715.0];
const ROW: f64 = 22.0;
const TITLE: f64 = 44.0;
const TICKS: f64 = 40.0;

/// Colours for a light and for a dark page.
const STYLE: &str = "\
text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px }
.note, .tick { fill: #59636e }
.tick { font-size: 11px }
.ours { font-weight: 600 }
.paper { fill: #ffffff }
.grid { stroke: #d1d9e0 }
.row { stroke: #eaeef2 }
.dot { fill: #6e7781 }
.dot.ours { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.note, .tick { fill: #9198a1 }
.paper { fill: #0d1117 }
.grid { stroke: #3d444d }
.row { stroke: #212830 }
.dot { fill: #9198a1 }
.dot.ours { fill: #f0883e }
}
";

/// Returns the plot as SVG.
pub fn plot(figures: &Figures) -> String {
    let panel_height = TITLE + ROW * PEERS.len() as f64 + TICKS;
    let height = panel_height * PANELS.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"The figures of the table, as dots on logarithmic axes\">\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
    );
    for (at, panel) in PANELS.iter().enumerate() {
        draw(&mut svg, figures, panel, panel_height * at as f64);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, figures: &Figures, panel: &Panel, top: f64) {
    let values: Vec<(usize, f64)> = (0..PEERS.len())
        .filter_map(|peer| Some((peer, figures.get(panel.figure, peer)?)))
        .filter(|(_, value)| *value > 0.0)
        .collect();
    let logs = values.iter().map(|(_, value)| value.log10());
    let least = logs.clone().fold(f64::MAX, f64::min).floor();
    let most = logs.fold(least + 1.0, f64::max).ceil();
    let [left, right] = AXIS;
    let x = |log: f64| left + (right - left) * (log - least) / (most - least);

    let better = match panel.lower_is_better {
        true => "lower is better",
        false => "higher is better",
    };
    let _ = writeln!(
        svg,
        "<text x=\"12\" y=\"{}\"><tspan class=\"title\">{}</tspan>\
         <tspan class=\"note\" dx=\"8\">{better}</tspan></text>",
        top + 28.0,
        panel.title,
    );
    let rows = top + TITLE;
    let bottom = rows + ROW * PEERS.len() as f64;
    for power in least as i32..=most as i32 {
        let x = x(f64::from(power));
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {rows}V{bottom}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            tick(power, panel.unit),
        );
    }
    for (peer, value) in values {
        let y = rows + ROW * (peer as f64 + 0.5);
        let x = x(value.log10());
        let ours = if peer == 0 { " ours" } else { "" };
        let _ = writeln!(
            svg,
            "<path class=\"row\" d=\"M{left} {y}H{right}\"/>\
             <text class=\"name{ours}\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <circle class=\"dot{ours}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"5\"/>\
             <text class=\"value{ours}\" x=\"{:.1}\" y=\"{}\">{}</text>",
            left - 14.0,
            y + 4.5,
            PEERS[peer].name,
            x + 11.0,
            y + 4.5,
            quantity(value, panel.unit),
        );
    }
}

/// A value with its unit, in three digits where they matter.
fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "µs" if value >= 1_000.0 => three_digits(value / 1_000.0) + " ms",
        "µs" => three_digits(value) + " µs",
        _ => format!("{} {unit}", with_commas(value)),
    }
}

fn three_digits(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A power of ten with its unit.
fn tick(power: i32, unit: &str) -> String {
    let value = 10_f64.powi(power);
    match unit {
        "µs" if power >= 3 => format!("{} ms", with_commas(value / 1_000.0)),
        _ => format!("{} {unit}", with_commas(value)),
    }
}
