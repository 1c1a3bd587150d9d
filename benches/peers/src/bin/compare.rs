//! Measures all peers against one server, and writes `docs/performance.md` and `docs/performance.svg`.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` from the root of the repository does
//! all of it. With `--rounds N` it takes N rounds in place of five, and with `--dry` it only prints.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use lambda_stream_peers::figure::Figures;
use lambda_stream_peers::session::PEERS;
use lambda_stream_peers::source::Error;
use lambda_stream_peers::{counts, machine, plot, table, timings};

/// As many rounds as a median needs.
const ROUNDS: usize = 5;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = env::args().collect();
    let rounds = match arguments.iter().position(|argument| argument == "--rounds") {
        Some(at) => arguments.get(at + 1).ok_or("how many rounds?")?.parse()?,
        None => ROUNDS,
    };
    // Cargo says where this package is, so that no path is compiled in.
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    build(&package)?;
    let program = env::current_exe()?;
    let directory = program.parent().ok_or("a program without a directory")?;

    let mut figures = Figures::default();
    for (peer, name) in PEERS.iter().map(|peer| peer.name).enumerate() {
        eprintln!("counting: {name}");
        counts::count(&mut figures, peer, directory)?;
    }
    for round in 0..rounds {
        for turn in 0..PEERS.len() {
            // Each peer has each place in a round, so that no one always follows the same other.
            let peer = (turn + round) % PEERS.len();
            eprintln!("round {} of {rounds}: {}", round + 1, PEERS[peer].name);
            timings::round(&mut figures, peer, directory)?;
        }
    }
    let measured = format!(
        "{}\nMedians of {rounds} rounds, in which the peers took turns.\n\n{}",
        machine::describe(),
        table::table(&figures)
    );
    println!("{measured}");
    if arguments.iter().any(|argument| argument == "--dry") {
        return Ok(());
    }
    let docs = package.join("../../docs");
    let page = docs.join("performance.md");
    let before = fs::read_to_string(&page).unwrap_or_default();
    fs::create_dir_all(&docs)?;
    fs::write(&page, table::replaced(&before, &measured))?;
    fs::write(docs.join("performance.svg"), plot::plot(&figures))?;
    Ok(())
}

/// Builds the peers: `cargo run` has built this program only.
fn build(package: &Path) -> Result<(), Error> {
    let status = Command::new(env::var("CARGO")?)
        .args(["build", "--release", "--bins", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("the peers cannot be built".into())
    }
}
