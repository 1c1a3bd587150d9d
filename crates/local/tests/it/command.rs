//! The command `lambda-stream`.

use std::io::{BufRead, BufReader, Read, Write};
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

/// A test that fails leaves no command behind.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Asked, not killed: it has a program to end.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").arg(pid).status();
            let _ = self.child.wait();
        }
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

/// Runs `lambda-stream invoke` and returns its output, and whether it succeeded.
fn invoked(running: &Running, arguments: &[&str], input: &str) -> (String, String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-stream"))
        .args(["invoke", "--address", &running.address.to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = command.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = command.wait_with_output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.success(),
    )
}

#[test]
#[cfg(unix)]
fn invoke_shows_the_payload_and_its_chunks() {
    let running = start(&[]);
    for (arguments, input) in [
        (&["1"][..], ""),
        (&["-"], "1"),
        (&["--sample", "invoke"], ""),
    ] {
        let (payload, shown, is_success) = invoked(&running, arguments, input);
        assert!(payload.ends_with(" tested") && is_success, "{shown}");
        assert!(shown.starts_with("1 chunk, "), "{shown}");
        assert!(
            !shown.contains('\u{1b}'),
            "no line is drawn over another: {shown:?}"
        );
    }
    let (payload, shown, _) = invoked(&running, &["--quiet", "1"], "");
    assert!(payload.ends_with(" tested") && shown.is_empty(), "{shown}");
}

#[test]
#[cfg(unix)]
fn invoke_fails_with_the_function() {
    let running = start(&[]);
    for (arguments, says) in [
        (
            &["\"exit\""][..],
            "Runtime.ExitError: Runtime exited with exit status: 7",
        ),
        (&["{"], "400 Bad Request: Could not parse request body"),
        (
            &["@/nonexistent/event.json"],
            "the event /nonexistent/event.json cannot be read",
        ),
    ] {
        let (payload, shown, is_success) = invoked(&running, arguments, "");
        assert!(payload.is_empty() && !is_success, "{payload}");
        assert!(shown.contains(says), "{shown}");
    }
}

#[test]
#[cfg(unix)]
fn tail_shows_each_invocation_once() {
    let running = start(&[]);
    pid(running.address, "1");
    let mut tail = Command::new(env!("CARGO_BIN_EXE_lambda-stream"))
        .args(["tail", "--address", &running.address.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().starts_with("#1 POST /invoke -> 200, 1 chunk, "));
    invoke(running.address, "\"exit\"");
    let failed = next();
    assert!(
        failed.starts_with("#2 POST /invoke -> 502, no body, "),
        "{failed}"
    );
    assert!(failed.contains("failed: Runtime.ExitError: "), "{failed}");
    drop(running);
    assert_eq!(lines.next().transpose().unwrap(), None);
    assert!(!tail.wait().unwrap().success());
}

#[test]
fn missing_local_lambda_is_named() {
    for command in ["invoke", "tail"] {
        let output = Command::new(env!("CARGO_BIN_EXE_lambda-stream"))
            .args([command, "--address", "127.0.0.1:1"])
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(
            shown.contains("there is no local Lambda at 127.0.0.1:1"),
            "{shown}"
        );
    }
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
