//! Programs that the server starts.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lambda_stream_local::{Program, Server, ServerBuilder};

use crate::client::{Lines, assert_gone, invoke, page, pid};
use crate::program::{ARGUMENTS, AS_PROGRAM, program, read};

fn start(options: ServerBuilder) -> (Server, Lines) {
    let lines = Lines::default();
    let server = options.address("127.0.0.1:0").output(lines.clone());
    (server.start().unwrap(), lines)
}

#[test]
fn one_process_serves_one_invocation_after_the_other() {
    let (server, lines) = start(Server::builder().program(program("runs"), 10));
    let first = pid(server.address(), "1");
    for _ in 0..5 {
        assert_eq!(pid(server.address(), "1"), first);
    }
    drop(server);
    assert_gone(&first);
    let shown = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("[1] event 1\n"), "{shown}");
}

#[test]
fn invocations_at_once_get_processes_of_their_own() {
    let (server, _) = start(Server::builder().program(program("runs"), 3));
    let address = server.address();
    let threads: Vec<_> = (0..6)
        .map(|_| std::thread::spawn(move || pid(address, "\"slow\"")))
        .collect();
    let mut pids: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), 3, "as many as may");
    drop(server);
    pids.iter().for_each(|pid| assert_gone(pid));
}

#[test]
fn crashed_program_fails_its_invocation_and_is_replaced() {
    let (server, lines) = start(Server::builder().program(program("runs"), 1));
    let first = pid(server.address(), "1");
    let (status, body) = invoke(server.address(), "\"exit\"");
    assert_eq!(status, "502");
    assert!(body.contains("Runtime.ExitError"), "{body}");
    assert!(body.contains("exit status: 7"), "{body}");
    assert_ne!(pid(server.address(), "1"), first);
    drop(server);
    let shown = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(
        shown.contains("[1] the program ended: exit status: 7"),
        "{shown}"
    );
}

/// The last lines may be read after the end of the process, and are the ones that say why.
#[test]
fn page_shows_what_the_program_wrote() {
    let (server, _) = start(Server::builder().program(program("runs"), 1));
    let address = server.address();
    pid(address, "1");
    assert_eq!(invoke(address, "\"exit\"").0, "502");
    for (number, line) in [(1, r#""event 1"]"#), (2, r#""event \"exit\""]"#)] {
        let begun = Instant::now();
        loop {
            let shown = page(address, &format!("invocations/{number}"));
            assert!(shown.contains(r#""captured":true"#), "{shown}");
            if shown.contains(line) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{shown}");
        }
    }
}

#[test]
fn hanging_program_is_killed_at_the_timeout() {
    let options = Server::builder().timeout(Duration::from_millis(700));
    let (server, _) = start(options.program(program("runs"), 1));
    let first = pid(server.address(), "1");
    let (status, body) = invoke(server.address(), "\"hang\"");
    assert_eq!(status, "502");
    assert!(body.contains("Task timed out after 0.70 seconds"), "{body}");
    assert_gone(&first);
    assert_ne!(pid(server.address(), "1"), first);
}

#[test]
fn program_that_fails_to_start_fails_each_invocation() {
    for (program, says) in [
        (program("fails"), "exit status: 3"),
        (Program::new("/nonexistent/bootstrap"), "cannot be started"),
    ] {
        let (server, _) = start(Server::builder().program(program, 2));
        for _ in 0..2 {
            let (status, body) = invoke(server.address(), "1");
            assert_eq!(status, "502");
            assert!(body.contains(says), "{body}");
        }
    }
}

#[test]
fn further_processes_help_a_busy_program() {
    let (server, _) = start(Server::builder().further_processes(program("runs"), 1));
    let (address, runtime_api) = (server.address(), server.runtime_api());
    // The program that was started elsewhere takes the first invocation and keeps it.
    let mut busy = TcpStream::connect(runtime_api).unwrap();
    let get = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\n\r\n";
    busy.write_all(get.as_bytes()).unwrap();
    let waiting = std::thread::spawn(move || invoke(address, "1"));
    let (status, _, _) = read(&mut BufReader::new(busy.try_clone().unwrap())).unwrap();
    assert!(status.contains("200"), "{status}");
    assert_ne!(pid(address, "2"), std::process::id().to_string());
    drop(busy);
    assert_eq!(waiting.join().unwrap().0, "502");
}

#[test]
fn changed_file_replaces_the_program() {
    let file = std::env::temp_dir().join(format!("lambda-stream-watch-{}", std::process::id()));
    std::fs::write(&file, "1").unwrap();
    let (server, lines) = start(Server::builder().program(program("runs").watch(&file), 1));
    let first = pid(server.address(), "1");
    std::fs::write(&file, "2").unwrap();
    // The old one goes by itself.
    assert_gone(&first);
    assert_ne!(pid(server.address(), "1"), first);
    drop(server);
    std::fs::remove_file(&file).unwrap();
    let shown = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("the program has changed"), "{shown}");
}

#[test]
#[cfg(unix)]
fn processes_of_the_program_end_with_it() {
    let script = r#"sleep 1000 & echo "started $!"; exec "$0" "$@""#;
    let shell = Program::new("sh")
        .argument("-c")
        .argument(script)
        .argument(std::env::current_exe().unwrap());
    let program = ARGUMENTS
        .into_iter()
        .fold(shell, Program::argument)
        .variable(AS_PROGRAM, "runs")
        .function_name("tested");
    let (server, lines) = start(Server::builder().program(program, 1));
    pid(server.address(), "1");
    assert_eq!(invoke(server.address(), "\"exit\"").0, "502");
    pid(server.address(), "1");
    drop(server);
    let shown = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let started: Vec<_> = shown
        .lines()
        .filter_map(|line| line.split_once("started "))
        .collect();
    assert_eq!(started.len(), 2, "{shown}");
    for (_, pid) in started {
        assert_gone(pid);
    }
}
