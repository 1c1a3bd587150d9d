//! The program: this test binary, started with a variable set.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use lambda_stream_local::Program;

/// Makes this binary the program.
pub(crate) const AS_PROGRAM: &str = "TEST_AS_PROGRAM";

/// The arguments that make it run nothing else.
pub(crate) const ARGUMENTS: [&str; 3] = ["--exact", "program::as_program", "--nocapture"];

/// One HTTP message: its first line, its headers in one text, and its body.
pub(crate) fn read(reader: &mut impl BufRead) -> Option<(String, String, Vec<u8>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_ascii_lowercase());
    }
    let headers = lines.join("\n");
    let length = header(&headers, "content-length");
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length.parse().unwrap(), 0);
            reader.read_exact(&mut body).ok()?;
        }
        None => {
            reader.read_to_end(&mut body).ok()?;
        }
    }
    Some((lines[0].clone(), headers, body))
}

pub(crate) fn header(headers: &str, name: &str) -> Option<String> {
    let mut lines = headers.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
}

/// Does what events say, when this binary is started as the program.
#[test]
fn as_program() {
    let Ok(mode) = std::env::var(AS_PROGRAM) else {
        return;
    };
    if mode == "fails" {
        std::process::exit(3);
    }
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let get = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(get.as_bytes()).unwrap();
        let Some((_, headers, event)) = read(&mut reader) else {
            return;
        };
        let id = header(&headers, "lambda-runtime-aws-request-id").unwrap();
        let event = String::from_utf8(event).unwrap();
        println!("event {event}");
        match event.as_str() {
            "\"exit\"" => std::process::exit(7),
            "\"hang\"" => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            _ => {}
        }
        if event == "\"slow\"" {
            std::thread::sleep(Duration::from_millis(300));
        }
        let answer = format!(
            "{} {}",
            std::process::id(),
            std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap()
        );
        let post = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: localhost\r\n\
             content-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        stream.write_all(post.as_bytes()).unwrap();
        read(&mut reader);
    }
}

pub(crate) fn program(mode: &str) -> Program {
    let program = Program::new(std::env::current_exe().unwrap());
    ARGUMENTS
        .into_iter()
        .fold(program, Program::argument)
        .variable(AS_PROGRAM, mode)
        .function_name("tested")
}
