//! The local Lambda against peers that leave, hang, do not read, or should not be there.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::local::{
    Program, RawClient, client, failed_end, framed, invoke, post, request, server,
};
use crate::support::patiently;
use lambda_stream::local::{Server, ServerBuilder};
use serde_json::Value;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// Collects what the terminal shows.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Stops the server and returns everything that it showed.
    fn of(self, server: Server) -> String {
        drop(server);
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn start(options: ServerBuilder) -> Server {
    options.address("127.0.0.1:0").start().unwrap()
}

fn message(body: &[u8]) -> String {
    let document: Value = serde_json::from_slice(body).unwrap();
    document["errorMessage"].as_str().unwrap().to_owned()
}

async fn assert_serves(server: &Server) {
    let mut client = invoke(server, r#""next""#).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, r#""next""#);
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn foreign_host_or_page_gets_no_invocation() {
    let lines = Lines::default();
    let server = start(Server::builder().output(lines.clone()));
    for headers in [
        "host: evil.example\r\n",
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: localhost\r\norigin: null\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\n",
        "host: localhost\r\nhost: localhost\r\n",
        "",
    ] {
        for target in ["/invoke", "http://evil.example/invoke"] {
            let mut client = client(&server).await;
            let head = format!("POST {target} HTTP/1.1\r\n{headers}content-length: 1\r\n\r\n1");
            client.write(head).await;
            let (head, body) = client.response().await;
            assert_eq!(head.status, 403, "{headers:?}");
            assert!(message(&body).contains("localhost") || headers.len() < 40);
            client.closed().await;
        }
    }
    let shown = lines.of(server);
    assert!(
        shown.contains("POST /invoke -> 403: requests for the host `evil.example`"),
        "{shown}"
    );
}

#[tokio::test]
async fn foreign_host_does_not_take_an_event() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    for headers in [
        "host: evil.example\r\n",
        "host: localhost\r\norigin: null\r\n",
    ] {
        let mut foreign = RawClient::connect(server.runtime_api()).await;
        foreign
            .write(format!("GET {NEXT} HTTP/1.1\r\n{headers}\r\n"))
            .await;
        let (head, body) = foreign.response().await;
        assert_eq!(head.status, 403);
        assert!(message(&body).contains("web page"), "{body:?}");
    }
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn allowed_host_is_served() {
    let server = start(Server::builder().allow_host("my.test"));
    let mut client = client(&server).await;
    client
        .write("POST /invoke HTTP/1.1\r\nhost: my.test\r\norigin: http://my.test\r\ncontent-length: 1\r\n\r\n1")
        .await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn init_error_of_a_running_program_is_refused() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let mut client = invoke(&server, "1").await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    client.response().await;
    let mut waiting = Program::connect(&server).await;
    waiting.request_next().await;
    for mut caller in [program, Program::connect(&server).await] {
        let (head, body) = caller.post("init/error", "", "{}").await;
        assert_eq!(head.status, 403, "{body}");
        assert!(body.contains("InvalidStateTransition"), "{body}");
    }
    let mut client = invoke(&server, "2").await;
    let invocation = waiting.invocation().await;
    waiting.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn single_use_connection_that_leaves_does_not_stop_hand_outs() {
    let server = server();
    let ask = format!("GET {NEXT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut one = Program::connect(&server).await;
    let mut other = Program::connect(&server).await;
    for program in [&mut one, &mut other] {
        program.0.write(&ask).await;
    }
    // An answer on another connection shows that the ones before were read.
    let mut later = Program::connect(&server).await;
    later.get("/").await;
    assert_eq!(later.reply().await.0.status, 404);
    let mut first = invoke(&server, "1").await;
    // Either may get it.
    let (mut leaving, mut waiting) = tokio::select! {
        _ = one.invocation() => (one, other),
        _ = other.invocation() => (other, one),
    };
    leaving.0.closed().await;
    drop(leaving);
    let (head, body) = first.response().await;
    assert_eq!(head.status, 502);
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains("Runtime.ExitError")
    );
    let mut second = invoke(&server, "2").await;
    let invocation = waiting.invocation().await;
    assert_eq!(invocation.event, "2");
    later.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(second.response().await.1, b"ok");
}

/// A program whose response fills every buffer up to a client that does not read.
async fn blocked(server: &Server) -> (RawClient, Program) {
    let mut client = RawClient::connect_narrow(server.address()).await;
    client.write(post("/invoke", "", "1")).await;
    let mut program = Program(RawClient::connect_narrow(server.runtime_api()).await);
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"")).await;
    assert_eq!(client.head().await.status, 200);
    let chunk = crate::support::local::chunked(&[b'x'; 100_000]);
    while program
        .0
        .try_write_within(&chunk, Duration::from_millis(100))
        .await
    {}
    (client, program)
}

#[tokio::test]
async fn program_that_dies_while_its_client_does_not_read_is_replaced() {
    let server = server();
    let (mut slow, program) = blocked(&server).await;
    drop(program);
    assert_serves(&server).await;
    // The client learns that its response is not whole.
    while slow.chunk().await.is_some_and(|chunk| !chunk.is_empty()) {}
}

#[tokio::test]
async fn client_that_does_not_read_loses_its_place_to_one_that_waits() {
    let lines = Lines::default();
    let server = start(
        Server::builder()
            .client_timeout(Duration::from_millis(200))
            .output(lines.clone()),
    );
    let (_slow, mut program) = blocked(&server).await;
    let mut client = invoke(&server, r#""next""#).await;
    program.0.closed().await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
    let shown = lines.of(server);
    assert!(
        shown.contains("the client did not read on while others waited"),
        "{shown}"
    );
}

#[tokio::test]
async fn half_closed_request_is_answered() {
    let server = server();
    for version in ["1.1", "1.0"] {
        let mut client = client(&server).await;
        client
            .write(format!(
                "POST /invoke HTTP/{version}\r\nhost: localhost\r\ncontent-length: 1\r\n\r\n1"
            ))
            .await;
        client.half_close().await;
        let mut program = Program::connect(&server).await;
        let invocation = program.next().await;
        if version == "1.1" {
            assert_eq!(client.head().await.status, 100);
        }
        program.begin(invocation.id()).await;
        program.chunk(framed("{}", b"first,")).await;
        assert_eq!(client.head().await.status, 200);
        program.chunk("second").await;
        program.end().await;
        program.accepted().await;
        let rest = String::from_utf8(client.closed().await).unwrap();
        assert!(rest.contains("first,") && rest.contains("second"), "{rest}");
    }
}

#[tokio::test]
async fn http_1_0_client_sees_a_failed_stream_as_a_reset() {
    let server = server();
    for fails in [true, false] {
        let mut client = client(&server).await;
        client.write("GET / HTTP/1.0\r\n\r\n").await;
        let mut program = Program::connect(&server).await;
        let invocation = program.next().await;
        program.begin(invocation.id()).await;
        program.chunk(framed("{}", b"payload")).await;
        if fails {
            program.0.write(failed_end("Function.Quota", "")).await;
        } else {
            program.end().await;
        }
        program.accepted().await;
        assert_eq!(client.head().await.status, 200);
        let (body, end) = client.closed_with().await;
        assert_eq!(body, b"payload");
        assert_eq!(end.is_err(), fails, "{end:?}");
    }
}

#[tokio::test]
async fn handler_that_hangs_is_given_up_when_its_client_leaves() {
    let server = server();
    let client = invoke(&server, "1").await;
    let mut hanging = Program::connect(&server).await;
    let invocation = hanging.next().await;
    let mut next = invoke(&server, "2").await;
    drop(client);
    // That nobody waits any more is told by the end of the connection.
    hanging.0.closed().await;
    let mut program = Program::connect(&server).await;
    let (head, body) = program
        .post(
            &format!("invocation/{}/response", invocation.id()),
            "",
            "{}",
        )
        .await;
    assert_eq!(head.status, 410, "{body}");
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(next.response().await.1, b"ok");
}

#[tokio::test]
async fn new_program_takes_over_from_one_whose_client_left() {
    let server = server();
    let client = invoke(&server, "1").await;
    let mut hanging = Program::connect(&server).await;
    hanging.next().await;
    drop(client);
    request(&server, "GET", "/invoke").await.response().await;
    assert_serves(&server).await;
}

#[tokio::test]
async fn timeout_fails_the_invocation_and_frees_its_place() {
    let lines = Lines::default();
    let server = start(
        Server::builder()
            .timeout(Duration::from_millis(300))
            .output(lines.clone()),
    );
    // Before the head.
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    assert_eq!(head.get("x-amzn-errortype"), Some("Sandbox.Timedout"));
    assert_eq!(message(&body), "Task timed out after 0.30 seconds");
    program.0.closed().await;
    let mut late = Program::connect(&server).await;
    let path = format!("invocation/{}/error", invocation.id());
    assert_eq!(late.post(&path, "", "{}").await.0.status, 410);
    // In the middle of a response.
    let mut client = invoke(&server, "2").await;
    let invocation = late.next().await;
    late.begin(invocation.id()).await;
    late.chunk(framed("{}", b"a")).await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(client.chunk().await.unwrap(), b"a");
    assert_eq!(client.chunk().await, None);
    late.0.closed().await;
    assert_serves(&server).await;
    let shown = lines.of(server);
    assert!(
        shown.contains("-> 502: Sandbox.Timedout: Task timed out after 0.30 seconds"),
        "{shown}"
    );
    assert!(
        shown.contains("then failed after 1 chunk: Sandbox.Timedout"),
        "{shown}"
    );
}

/// A terminal that blocks until the test ends.
struct Blocked(Receiver<()>);

impl Write for Blocked {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.recv();
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn blocked_terminal_blocks_nobody() {
    let (_open, gate): (Sender<()>, _) = channel();
    let server = start(Server::builder().output(Blocked(gate)));
    for _ in 0..10 {
        assert_serves(&server).await;
    }
    patiently(tokio::task::spawn_blocking(move || drop(server)))
        .await
        .unwrap();
}

#[tokio::test]
async fn events_beyond_the_memory_bound_are_refused() {
    let lines = Lines::default();
    let server = start(Server::builder().output(lines.clone()));
    let event = "1".repeat(6 * 1024 * 1024);
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(invoke(&server, &event).await);
    }
    // The rest of the memory is less than one more event.
    let mut refused = invoke(&server, &event).await;
    let (head, body) = refused.response().await;
    assert_eq!(head.status, 429);
    assert!(message(&body).contains("64 MB"), "{body:?}");
    clients.clear();
    assert_serves(&server).await;
    let shown = lines.of(server);
    assert!(shown.contains("POST /invoke -> 429: the events"), "{shown}");
}

#[tokio::test]
async fn refusals_appear_on_the_terminal() {
    let lines = Lines::default();
    let server = start(Server::builder().output(lines.clone()));
    let large = "1".repeat(6 * 1024 * 1024 + 1);
    assert_eq!(invoke(&server, &large).await.response().await.0.status, 413);
    request(&server, "GET", "/invoke").await.response().await;
    let shown = lines.of(server);
    for line in [
        "POST /invoke -> 413: the event has 6291457 bytes",
        "GET /invoke -> 405: the event is the body of a POST",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}
