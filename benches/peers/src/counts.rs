//! What can be counted: instructions, heap allocations, system calls and bytes.
//!
//! Each count is the difference between two processes of which one serves twice as much, so that what
//! happens at start and at end is left out.

use std::path::Path;

use crate::figure::{Figure, Figures};
use crate::plan::Plan;
use crate::session::{Nagle, PEERS, Peer, Session};
use crate::source::Error;

/// A tool that counts what a process does and writes the count into a file.
struct Tool {
    program: &'static str,
    options: &'static [&'static str],
    /// Takes the name of that file.
    file_option: &'static str,
    /// Finds the count.
    read: fn(&str) -> Option<f64>,
    /// What it finds out: per invocation, per ready chunk, per chunk that is ready alone.
    figures: [Option<Figure>; 3],
}

const TOOLS: [Tool; 3] = [
    Tool {
        program: "valgrind",
        options: &["--tool=callgrind", "--quiet"],
        file_option: "--callgrind-out-file=",
        read: |text| number_behind(text, "totals:"),
        figures: [
            Some(Figure::InstructionsPerInvocation),
            Some(Figure::InstructionsPerChunk),
            Some(Figure::InstructionsPerLoneChunk),
        ],
    },
    Tool {
        program: "valgrind",
        options: &["--tool=memcheck", "--undef-value-errors=no"],
        file_option: "--log-file=",
        read: |text| number_behind(text, "total heap usage:"),
        figures: [
            Some(Figure::AllocationsPerInvocation),
            Some(Figure::AllocationsPerChunk),
            None,
        ],
    },
    Tool {
        program: "strace",
        options: &["-c", "-f", "--quiet=all"],
        file_option: "--output=",
        read: |text| {
            let line = text.lines().find(|line| line.ends_with(" total"))?;
            line.split_whitespace().nth(3)?.parse().ok()
        },
        figures: [
            Some(Figure::SystemCallsPerInvocation),
            Some(Figure::SystemCallsPerChunk),
            Some(Figure::SystemCallsPerLoneChunk),
        ],
    },
];

/// So many invocations, or chunks, more does the second process serve.
const INVOCATIONS: u32 = 500;
const INVOCATIONS_THAT_WAIT: u32 = 50;
const CHUNKS: u32 = 20_000;
const LONE_CHUNKS: u32 = 5_000;

/// Counts what one peer does. A tool that is not installed is left out.
///
/// # Errors
///
/// When a process cannot be started or does not end well.
pub fn count(figures: &mut Figures, peer: usize, directory: &Path) -> Result<(), Error> {
    let size = directory.join(PEERS[peer].program).metadata()?.len();
    figures.add(Figure::Size, peer, size as f64 / 1e6);
    if PEERS[peer].nagle == Nagle::ForcedOff {
        // It runs the same code as with the algorithm on, and the system call that switches it off is one
        // that valgrind does not know.
        return Ok(());
    }
    for tool in TOOLS {
        if !is_there(tool.program) {
            continue;
        }
        let invocations = match PEERS[peer].nagle {
            Nagle::On => INVOCATIONS_THAT_WAIT,
            _ => INVOCATIONS,
        };
        let [per_invocation, per_chunk, per_lone_chunk] = tool.figures;
        for (figure, more, served) in [
            (
                per_invocation,
                invocations,
                (|n| (n, Plan::ready(1, 64))) as fn(u32) -> (u32, Plan),
            ),
            (per_chunk, CHUNKS, |n| (1, Plan::ready(n, 64))),
            (per_lone_chunk, LONE_CHUNKS, |n| (1, Plan::alone(n, 64))),
        ] {
            let Some(figure) = figure else { continue };
            let once = tool.count(&PEERS[peer], directory, served(more))?;
            let twice = tool.count(&PEERS[peer], directory, served(2 * more))?;
            figures.add(figure, peer, (twice - once) / f64::from(more));
        }
    }
    Ok(())
}

impl Tool {
    fn count(
        &self,
        peer: &Peer,
        directory: &Path,
        (invocations, plan): (u32, Plan),
    ) -> Result<f64, Error> {
        let file = directory.join(format!("count-{}", std::process::id()));
        let option = format!("{}{}", self.file_option, file.display());
        let mut under = vec![self.program];
        under.extend_from_slice(self.options);
        under.push(&option);
        let mut session = Session::start(peer, directory, &under)?;
        // What is only done for the first few belongs to the start.
        for _ in 0..20 {
            session.server.invoke(Plan::ready(1, 64), drop);
        }
        for _ in 0..invocations {
            session.server.invoke(plan, drop);
        }
        session.end()?;
        let text = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        (self.read)(&text).ok_or_else(|| format!("no count from {}: {text}", self.program).into())
    }
}

fn is_there(program: &str) -> bool {
    std::process::Command::new(program)
        .arg("--version")
        .stdout(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn number_behind(text: &str, label: &str) -> Option<f64> {
    let (_, behind) = text.split_once(label)?;
    let number = behind.split_whitespace().next()?;
    number.replace(',', "").parse().ok()
}
