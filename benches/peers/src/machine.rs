//! The machine and the versions that were measured.

use std::process::Command;

/// The lock file, which has the versions.
const LOCK: &str = include_str!("../Cargo.lock");

const COMPARED: [&str; 4] = ["lambda-stream", "lambda_runtime", "hyper", "tokio"];

/// Returns date, machine and versions, as a sentence each.
pub fn describe() -> String {
    let versions = COMPARED
        .map(|name| format!("{name} {}", version(name).unwrap_or("?")))
        .join(", ");
    format!(
        "Measured on {} with {} ({} cores, {}), {}. {versions}.",
        output("date", &["-u", "+%F"]),
        processor(),
        std::thread::available_parallelism().map_or(1, usize::from),
        output("uname", &["-srm"]),
        output("rustc", &["--version"]),
    )
}

fn version(name: &str) -> Option<&'static str> {
    let (_, after) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    after.split('"').next()
}

fn processor() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(": ")?.1.to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "?".to_owned(), |text| text.trim().to_owned())
}
