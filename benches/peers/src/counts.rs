//! Counts of instructions, heap allocations and system calls.
//!
//! Each count is the difference between two processes, one of which serves twice as much, so that
//! start and end are left out.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::plan::Plan;
use crate::session::{Peer, Session};
use crate::source::Error;
use crate::work::Work;

/// A quantity that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    Allocations,
    Instructions,
    SystemCalls,
}

/// The counts, each with the work that it is taken of.
pub const COUNTED: [(Count, &[Work]); 3] = [
    (
        Count::Allocations,
        &[
            Work::Invocations,
            Work::Ready64B,
            Work::Ready64KiB,
            Work::Alone,
            Work::Written64B,
        ],
    ),
    (Count::Instructions, &Work::ALL),
    (
        Count::SystemCalls,
        &[
            Work::Invocations,
            Work::Ready64B,
            Work::Ready64KiB,
            Work::Alone,
            Work::Paced,
        ],
    ),
];

/// A tool that counts what a process does and writes the count into a file.
struct Tool {
    program: &'static str,
    options: &'static [&'static str],
    /// Takes the name of that file.
    file_option: &'static str,
    /// Finds the count.
    read: fn(&str) -> Option<f64>,
}

impl Count {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allocations => "heap allocations",
            Self::Instructions => "instructions",
            Self::SystemCalls => "system calls",
        }
    }

    fn tool(self) -> Tool {
        match self {
            Self::Allocations => Tool {
                program: "valgrind",
                options: &["--tool=memcheck", "--undef-value-errors=no"],
                file_option: "--log-file=",
                read: |text| number_after(text, "total heap usage:"),
            },
            Self::Instructions => Tool {
                program: "valgrind",
                // Batches are bounded by time, so the quickest tool distorts them least.
                options: &[
                    "--tool=cachegrind",
                    "--cache-sim=no",
                    "--log-file=/dev/null",
                ],
                file_option: "--cachegrind-out-file=",
                read: |text| number_after(text, "summary:"),
            },
            Self::SystemCalls => Tool {
                program: "strace",
                options: &["-c", "-f", "--quiet=all"],
                file_option: "--output=",
                read: |text| {
                    let line = text.lines().find(|line| line.ends_with(" total"))?;
                    line.split_whitespace().nth(3)?.parse().ok()
                },
            },
        }
    }

    /// Counts what a peer does for one unit of this work; `None` if the peer does not do it.
    ///
    /// # Errors
    ///
    /// When the tool is not installed, or a process exits with an error.
    pub fn of(self, work: Work, peer: &Peer, directory: &Path) -> Result<Option<f64>, Error> {
        let Some(peer) = work.done_by(peer) else {
            return Ok(None);
        };
        let count = self.per_unit(work.units(&peer), directory, |units, under| {
            let (invocations, plan) = work.of(units);
            let mut session = Session::start(&peer, directory, under)?;
            // Work that only the first few cause belongs to the start.
            for _ in 0..20 {
                session.server.invoke(Plan::ready(1, 64), drop);
            }
            for _ in 0..invocations {
                session.server.invoke(plan, drop);
            }
            session.end()
        });
        count.map(Some)
    }

    /// Counts what a process does for one unit. `run` runs it for a number of units, under the tool
    /// that the beginning of its command line names; it is called again for twice as many units.
    ///
    /// # Errors
    ///
    /// When the tool is not installed, or a process exits with an error.
    pub fn per_unit(
        self,
        units: u32,
        directory: &Path,
        mut run: impl FnMut(u32, &[&str]) -> Result<(), Error>,
    ) -> Result<f64, Error> {
        let tool = self.tool();
        let once = tool.count(directory, |under| run(units, under))?;
        let twice = tool.count(directory, |under| run(2 * units, under))?;
        Ok((twice - once) / f64::from(units))
    }
}

/// Checks that all tools are installed.
///
/// # Errors
///
/// When a tool is not installed; the error says which.
pub fn have_tools() -> Result<(), Error> {
    for (count, _) in COUNTED {
        let program = count.tool().program;
        let version = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if !version.is_ok_and(|status| status.success()) {
            let name = count.name();
            return Err(format!(
                "{name} are counted by {program}, which is not installed: apt-get install {program}"
            )
            .into());
        }
    }
    Ok(())
}

impl Tool {
    fn count(
        &self,
        directory: &Path,
        run: impl FnOnce(&[&str]) -> Result<(), Error>,
    ) -> Result<f64, Error> {
        let file = directory.join(format!("count-{}", std::process::id()));
        let option = format!("{}{}", self.file_option, file.display());
        let mut under = vec![self.program];
        under.extend_from_slice(self.options);
        under.push(&option);
        run(&under)?;
        let text = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        (self.read)(&text).ok_or_else(|| format!("no count from {}: {text}", self.program).into())
    }
}

fn number_after(text: &str, label: &str) -> Option<f64> {
    let (_, after) = text.split_once(label)?;
    let number = after.split_whitespace().next()?;
    number.replace(',', "").parse().ok()
}
