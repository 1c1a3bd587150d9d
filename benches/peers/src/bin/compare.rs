//! Measures all peers against one server, and writes `docs/performance.md` and `docs/performance.svg`.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` from the root of the repository does
//! all of it. With `--rounds N` it takes N rounds in place of five, and with `--dry` it only prints.

use std::path::{Path, PathBuf};
use std::{env, fs};

use lambda_stream_peers::counts::{self, COUNTED};
use lambda_stream_peers::figure::{Figure, Figures};
use lambda_stream_peers::session::{Nagle, PEERS};
use lambda_stream_peers::source::Error;
use lambda_stream_peers::{machine, plot, programs, table, timings};

/// As many rounds as a median needs.
const ROUNDS: usize = 5;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = env::args().collect();
    let rounds = match arguments.iter().position(|argument| argument == "--rounds") {
        Some(at) => arguments.get(at + 1).ok_or("how many rounds?")?.parse()?,
        None => ROUNDS,
    };
    counts::have_tools()?;
    let directory = programs::build(&programs::all())?;

    let mut figures = Figures::default();
    for peer in 0..PEERS.len() {
        count(&mut figures, peer, &directory)?;
    }
    for round in 0..rounds {
        eprintln!("round {} of {rounds}: starts", round + 1);
        timings::starts(&mut figures, &directory)?;
        for turn in 0..PEERS.len() {
            // Each peer has each place in a round, so that no one always follows the same other.
            let peer = (turn + round) % PEERS.len();
            eprintln!("round {} of {rounds}: {}", round + 1, PEERS[peer].name);
            timings::round(&mut figures, peer, &directory)?;
        }
    }
    let measured = format!(
        "{}\nMedians of {rounds} rounds, in which the peers took turns.\n\n{}\n{}",
        machine::describe(),
        table::table(&figures),
        table::ratios(&figures),
    );
    println!("{measured}");
    if arguments.iter().any(|argument| argument == "--dry") {
        return Ok(());
    }
    let docs = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../docs");
    let page = docs.join("performance.md");
    let before = fs::read_to_string(&page).unwrap_or_default();
    fs::create_dir_all(&docs)?;
    fs::write(&page, table::replaced(&before, &measured))?;
    fs::write(docs.join("performance.svg"), plot::plot(&figures))?;
    Ok(())
}

/// Everything about a peer that is no matter of time.
fn count(figures: &mut Figures, peer: usize, directory: &Path) -> Result<(), Error> {
    let size = directory.join(PEERS[peer].program).metadata()?.len();
    figures.add(Figure::Size, peer, size as f64 / 1e6);
    if PEERS[peer].nagle == Nagle::ForcedOff {
        // It runs the same code as with the algorithm on, and the system call that switches it off is one
        // that valgrind does not know.
        return Ok(());
    }
    eprintln!("counting: {}", PEERS[peer].name);
    for (count, works) in COUNTED {
        for work in works.iter().copied() {
            if let Some(value) = count.of(work, &PEERS[peer], directory)? {
                figures.add(Figure::Counted(count, work), peer, value);
            }
        }
    }
    Ok(())
}
