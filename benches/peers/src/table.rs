//! The table in `docs/performance.md`.

use std::fmt::Write;

use crate::figure::Figures;
use crate::session::PEERS;

/// The text between these two lines is replaced; the text around them stays.
const BEGIN: &str = "<!-- measured by benches/peers: begin -->";
const END: &str = "<!-- measured by benches/peers: end -->";

/// Returns the table in Markdown: a row for each figure, a column for each of these peers.
pub fn table(figures: &Figures, peers: &[usize]) -> String {
    let mut table = String::from("| |");
    for peer in peers {
        let _ = write!(table, " {} |", PEERS[*peer].name);
    }
    table.push_str("\n|---|");
    table.push_str(&"---:|".repeat(peers.len()));
    for row in figures.rows() {
        let _ = write!(table, "\n| {} |", row.name());
        for peer in peers {
            let value = figures.get(row, *peer);
            let _ = write!(table, " {} |", value.map_or(String::new(), |v| row.show(v)));
        }
    }
    table.push('\n');
    table
}

/// Returns the page with this in place of what was measured before.
pub fn replaced(page: &str, measured: &str) -> String {
    let (before, after) = match (page.split_once(BEGIN), page.split_once(END)) {
        (Some((before, _)), Some((_, after))) => (before, after),
        _ => (page, "\n"),
    };
    format!("{before}{BEGIN}\n{measured}\n{END}{after}")
}
