//! A client of the front door, and what the terminal shows.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::read;

#[derive(Clone, Default)]
pub(crate) struct Lines(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends an event and returns status and body of the answer.
pub(crate) fn invoke(address: SocketAddr, event: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let post = format!(
        "POST /invoke HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{event}",
        event.len()
    );
    stream.write_all(post.as_bytes()).unwrap();
    let (status, _, body) = read(&mut BufReader::new(stream)).unwrap();
    (status[9..12].to_owned(), String::from_utf8(body).unwrap())
}

/// Returns the document at a path below the page's.
pub(crate) fn page(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let get = format!("GET /_lambda/{path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(get.as_bytes()).unwrap();
    let (_, _, body) = read(&mut BufReader::new(stream)).unwrap();
    String::from_utf8(body).unwrap()
}

/// Returns the process that answered.
pub(crate) fn pid(address: SocketAddr, event: &str) -> String {
    let (status, body) = invoke(address, event);
    assert_eq!(status, "200", "{body}");
    let (pid, name) = body.split_once(' ').unwrap();
    assert_eq!(name, "tested");
    pid.to_owned()
}

/// Waits until a process is gone; only Linux tells.
pub(crate) fn assert_gone(pid: &str) {
    let begun = Instant::now();
    while is_running(pid) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{pid} survives");
        std::thread::yield_now();
    }
}

fn is_running(pid: &str) -> bool {
    // `1 (name) S …`: a zombie has ended, and waits for its parent to take note.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(") ")
            .next()
            .is_some_and(|it| it.starts_with('Z'))
    })
}
