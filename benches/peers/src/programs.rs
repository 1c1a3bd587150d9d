//! Builds the programs that are watched: `cargo run` has built only the one that watches.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::session::PEERS;
use crate::source::Error;

/// All programs there are, each once.
pub fn all() -> Vec<&'static str> {
    let mut all: Vec<_> = PEERS.iter().map(|peer| peer.program).collect();
    all.push("written");
    all.sort_unstable();
    all.dedup();
    all
}

/// Builds these, each with its own feature only: what another program needs would make it larger, and slower
/// to start. Returns where they are.
///
/// # Errors
///
/// When one of them cannot be built.
pub fn build(programs: &[&str]) -> Result<PathBuf, Error> {
    for program in programs {
        let status = Command::new(env::var("CARGO")?)
            .args(["build", "--release", "--locked", "--features", program])
            .args(["--bin", program, "--manifest-path"])
            // Cargo says where this package is, so that no path is compiled in.
            .arg(PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml"))
            .status()?;
        if !status.success() {
            return Err(format!("{program} cannot be built").into());
        }
    }
    let this = env::current_exe()?;
    let directory = this.parent().ok_or("a program without a directory")?;
    Ok(directory.to_owned())
}
