//! Where and with what it was measured.

use std::process::Command;

/// The versions that were compiled in.
const LOCK: &str = include_str!("../Cargo.lock");

const COMPARED: [&str; 4] = ["lambda-stream", "lambda_runtime", "hyper", "tokio"];

/// Date, machine and versions, in one sentence each.
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
    let (_, behind) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    behind.split('"').next()
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
