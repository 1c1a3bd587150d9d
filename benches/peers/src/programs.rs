//! Builds the programs that are measured: `cargo run` has built only the one that measures.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::source::Error;

/// Builds these programs, and returns the directory they are in.
///
/// Each is built with its own feature only: what another program needs would make it larger, and
/// slower to start.
///
/// # Errors
///
/// When one of them cannot be built.
pub fn build(mut programs: Vec<&str>) -> Result<PathBuf, Error> {
    programs.sort_unstable();
    programs.dedup();
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
