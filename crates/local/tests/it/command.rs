//! The command `lambda-stream`.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::client::{assert_gone, invoke, pid};
use crate::program::{ARGUMENTS, AS_PROGRAM};

/// A running command, and where it serves clients.
struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    address: SocketAddr,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-stream"));
    command.arg("local").stderr(Stdio::piped());
    command
}

fn start(options: &[&str]) -> Running {
    let mut child = command()
        .args(["--address", "127.0.0.1:0", "--name", "tested"])
        .args(options)
        .args(["--env", &format!("{AS_PROGRAM}=runs"), "--"])
        .arg(std::env::current_exe().unwrap())
        .args(ARGUMENTS)
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut banner = String::new();
    stderr.read_line(&mut banner).unwrap();
    let address = banner.trim_end().rsplit("http://").next().unwrap();
    Running {
        address: address.parse().unwrap(),
        child,
        stderr,
    }
}

impl Running {
    /// Asks the command to end, and returns what it showed.
    fn stop(mut self, signal: &str) -> String {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(kill.success());
        let mut shown = String::new();
        self.stderr.read_to_string(&mut shown).unwrap();
        assert!(self.child.wait().unwrap().success());
        shown
    }
}

#[test]
#[cfg(unix)]
fn program_is_served_and_ended_with_the_command() {
    for signal in ["-INT", "-TERM"] {
        let running = start(&[]);
        let program = pid(running.address, "1");
        let shown = running.stop(signal);
        assert!(shown.contains("[1] event 1"), "{shown}");
        assert!(shown.contains("POST /invoke -> 200, 1 chunk"), "{shown}");
        assert_gone(&program);
    }
}

#[test]
#[cfg(unix)]
fn timeout_ends_a_hanging_program() {
    let running = start(&["--timeout", "0.5", "--processes", "1"]);
    let (status, body) = invoke(running.address, "\"hang\"");
    assert_eq!(status, "502");
    assert!(body.contains("timed out after 0.50 seconds"), "{body}");
    pid(running.address, "1");
    let shown = running.stop("-INT");
    assert!(
        shown.contains("[1] the program was ended at the timeout"),
        "{shown}"
    );
}

#[test]
fn mistakes_are_named() {
    for (options, names) in [
        (&["--", "program"][..], "cannot listen"),
        (&["--address", "0.0.0.0:0", "--", "program"], "--public"),
        (&["--timeout", "901", "--", "program"], "between"),
        (&["--env", "=x", "--", "program"], "NAME=VALUE"),
        (&[], "<PROGRAM>"),
    ] {
        let mut command = command();
        if names == "cannot listen" {
            command.args(["--address", "7000"]);
        }
        let output = command.args(options).output().unwrap();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(shown.contains(names), "{shown}");
    }
}
