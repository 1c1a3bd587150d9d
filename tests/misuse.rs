//! Mistakes that other runtimes report at run time do not compile here, with a message that says
//! why.
//!
//! Each program of `tests/misuse` is compiled against the library that this test is linked with,
//! and the compiler's messages are compared with those recorded next to it. Set `UPDATE` in the
//! environment to record them anew. This takes a second or two; a tool that builds a package for
//! the programs would build all dependencies once more.
//!
//! The programs of `tests/misuse` are compiled with the default features and those of
//! `tests/misuse_web` with all features, since the compiler lists the other types that would fit,
//! and their number depends on the features.
#![cfg(any(
    all(
        feature = "default",
        not(any(feature = "csv", feature = "web", feature = "testing"))
    ),
    all(
        feature = "axum",
        feature = "csv",
        feature = "local",
        feature = "testing"
    )
))]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// Folder of the programs, and the crates that they use.
#[cfg(not(feature = "axum"))]
const PROGRAMS: (&str, &[&str]) = ("tests/misuse", &["lambda_stream", "futures_core"]);
#[cfg(feature = "axum")]
const PROGRAMS: (&str, &[&str]) = ("tests/misuse_web", &["lambda_stream", "axum", "http"]);

/// Asks Cargo which libraries this test is linked with: there may be several of one name in its
/// folder.
fn libraries(names: &[&str]) -> Vec<(String, PathBuf)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--no-run", "--locked", "--offline"]);
    cargo.args(["--test", "misuse", "--message-format=json"]);
    if cfg!(feature = "axum") {
        cargo.arg("--all-features");
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let messages: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let path = |name: &str| {
        let library = messages
            .iter()
            .filter(|message| message["reason"] == "compiler-artifact")
            .find(|message| message["target"]["name"] == name)
            .unwrap_or_else(|| panic!("no library {name}: {errors}"));
        library["filenames"][0].as_str().unwrap().into()
    };
    names
        .iter()
        .map(|name| ((*name).to_owned(), path(name)))
        .collect()
}

/// Compiles a program, and returns the messages of the compiler.
///
/// # Panics
///
/// When it compiles.
fn compile(program: &Path, libraries: &[(String, PathBuf)]) -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let dependencies = libraries[0].1.parent().unwrap().display();
    let output = Command::new(rustc)
        .args([
            "--edition=2024",
            "--emit=metadata",
            "--diagnostic-width=140",
        ])
        .args(["--verbose", "--color=never"])
        .args(["--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .arg(format!("-Ldependency={dependencies}"))
        .args(
            libraries
                .iter()
                .map(|(name, path)| format!("--extern={name}={}", path.display())),
        )
        .arg(program)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{} compiles", program.display());
    portable(&String::from_utf8(output.stderr).unwrap())
}

/// Removes what depends on this machine or on unrelated changes: absolute paths, the line numbers
/// of the library, and the summary at the end.
fn portable(messages: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let messages = messages.replace(root, "");
    let diagnostics = messages.trim_end().split("\n\n").filter(|diagnostic| {
        let summaries = [
            "error: aborting",
            "Some errors have",
            "For more information",
        ];
        !summaries.iter().any(|text| diagnostic.starts_with(text))
    });
    let diagnostics: Vec<_> = diagnostics.map(without_library_lines).collect();
    diagnostics.join("\n\n") + "\n"
}

/// Blanks the line numbers of the library, and makes the margin as narrow as the others allow.
fn without_library_lines(diagnostic: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mut lines, mut margin, mut width) = (Vec::new(), 0, 0);
    let mut is_library = false;
    for line in diagnostic.lines() {
        let mut line = line.to_owned();
        if let Some(at) = line.find("--> ") {
            margin = at;
            is_library = line[at..].starts_with("--> src/");
            let end = line.find(".rs:").map_or(line.len(), |at| at + ".rs".len());
            line.truncate(if is_library { end } else { line.len() });
        } else if let Some((number, _)) = line.split_once(" |") {
            let number = number.trim().to_owned();
            if is_number(&number) && is_library {
                line = line.replacen(&number, &" ".repeat(number.len()), 1);
            } else if is_number(&number) {
                width = width.max(number.len());
            }
        }
        lines.push(line);
    }
    let blank = " ".repeat(margin - width);
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.strip_prefix(&blank).unwrap_or(line))
        .collect();
    lines.join("\n")
}

#[test]
fn misuse_does_not_compile() {
    let (folder, crates) = PROGRAMS;
    let libraries = libraries(crates);
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let program = entry.unwrap().path();
        if program
            .extension()
            .is_none_or(|extension| extension != "rs")
        {
            continue;
        }
        count += 1;
        let messages = compile(&program, &libraries);
        let recorded = program.with_extension("stderr");
        if env::var_os("UPDATE").is_some() {
            fs::write(&recorded, &messages).unwrap();
        }
        let expected = fs::read_to_string(&recorded).unwrap();
        assert!(
            messages == expected,
            "{}:\n{messages}\nexpected:\n{expected}",
            program.display()
        );
    }
    assert!(count >= 3, "{count} programs");
}
