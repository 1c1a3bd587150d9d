//! The table in `docs/performance.md`.

use std::fmt::Write;

use crate::figure::{Figure, Figures};
use crate::session::PEERS;

/// What stands between these two lines is written anew; what stands around them stays.
const BEGIN: &str = "<!-- measured by benches/peers: begin -->";
const END: &str = "<!-- measured by benches/peers: end -->";

/// The table in Markdown.
pub fn table(figures: &Figures) -> String {
    let mut table = String::from("| |");
    for peer in PEERS {
        let _ = write!(table, " {} |", peer.name);
    }
    table.push_str("\n|---|");
    table.push_str(&"---:|".repeat(PEERS.len()));
    for row in figures.rows() {
        let _ = write!(table, "\n| {} |", row.name());
        for peer in 0..PEERS.len() {
            let value = figures.get(row, peer);
            let _ = write!(table, " {} |", value.map_or(String::new(), |v| row.show(v)));
        }
    }
    table.push('\n');
    table
}

/// What is to be read as a ratio: how much of hyper's start and size this library takes.
pub fn ratios(figures: &Figures) -> String {
    let hyper = PEERS.iter().position(|peer| peer.name == "hyper");
    let ratio = |figure| {
        let ours = figures.get(figure, 0)?;
        let theirs = figures.get(figure, hyper?)?;
        Some(format!("{:.2}", ours / theirs))
    };
    let [start, size] =
        [Figure::Start, Figure::Size].map(|figure| ratio(figure).unwrap_or_default());
    format!(
        "From exec to the first `/next` takes {start} of hyper's time, the binary {size} of hyper's size.\n"
    )
}

/// The page with this in place of what was measured before.
pub fn replaced(page: &str, measured: &str) -> String {
    let (before, after) = match (page.split_once(BEGIN), page.split_once(END)) {
        (Some((before, _)), Some((_, after))) => (before, after),
        _ => (page, "\n"),
    };
    format!("{before}{BEGIN}\n{measured}\n{END}{after}")
}
