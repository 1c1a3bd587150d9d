//! Measures all peers against one server, and writes `docs/performance.md` and
//! `docs/performance.svg`.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` from the root of the repository
//! does all of it. These options are for work on the library:
//!
//! * `--rounds N` takes N rounds instead of five.
//! * `--dry` prints the table and writes nothing.
//! * `--only PROGRAM,PROGRAM` measures these peers only, and prints.
//! * `--timings` leaves the counts out, and prints.

use std::path::{Path, PathBuf};
use std::{env, fs};

use lambda_stream_peers::counts::{self, COUNTED};
use lambda_stream_peers::figure::{Figure, Figures};
use lambda_stream_peers::session::{Nagle, PEERS};
use lambda_stream_peers::source::Error;
use lambda_stream_peers::{machine, plot, programs, table, timings};

/// Number of rounds unless told otherwise.
const ROUNDS: usize = 5;

struct Options {
    rounds: usize,
    /// Indices into [`PEERS`].
    peers: Vec<usize>,
    counts: bool,
    dry: bool,
}

impl Options {
    fn from_args() -> Result<Self, Error> {
        let mut options = Self {
            rounds: ROUNDS,
            peers: (0..PEERS.len()).collect(),
            counts: true,
            dry: false,
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--rounds" => {
                    options.rounds = arguments.next().ok_or("how many rounds?")?.parse()?;
                }
                "--dry" => options.dry = true,
                "--only" => {
                    let programs = arguments.next().ok_or("which programs?")?;
                    let is_wanted = |peer: &usize| {
                        let mut wanted = programs.split(',');
                        wanted.any(|program| program == PEERS[*peer].program)
                    };
                    options.peers.retain(is_wanted);
                    options.dry = true;
                }
                "--timings" => (options.counts, options.dry) = (false, true),
                unknown => return Err(format!("unknown option {unknown}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<(), Error> {
    let options = Options::from_args()?;
    let peers = &options.peers;
    let mut needed: Vec<_> = peers.iter().map(|peer| PEERS[*peer].program).collect();
    if options.counts {
        counts::have_tools()?;
        needed.push("written");
    }
    let directory = programs::build(needed)?;

    let mut figures = Figures::default();
    if options.counts {
        for peer in peers {
            count(&mut figures, *peer, &directory)?;
        }
    }
    for round in 0..options.rounds {
        let number = format!("round {} of {}", round + 1, options.rounds);
        eprintln!("{number}: starts");
        timings::starts(&mut figures, peers, &directory)?;
        for turn in 0..peers.len() {
            // Each peer has each place in a round, so that it does not always follow the same one.
            let peer = peers[(turn + round) % peers.len()];
            eprintln!("{number}: {}", PEERS[peer].name);
            timings::round(&mut figures, peer, &directory)?;
        }
    }
    let measured = format!(
        "{}\nMedians of {} rounds, in which the peers took turns.\n\n{}",
        machine::describe(),
        options.rounds,
        table::table(&figures, peers),
    );
    println!("{measured}");
    if options.dry {
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

/// Adds what does not depend on time: the counts and the size of the program.
fn count(figures: &mut Figures, peer: usize, directory: &Path) -> Result<(), Error> {
    let size = directory.join(PEERS[peer].program).metadata()?.len();
    figures.add(Figure::Size, peer, size as f64 / 1e6);
    if PEERS[peer].nagle == Nagle::ForcedOff {
        // It runs the same code as with the algorithm on, and valgrind does not know the system call
        // that switches it off.
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
