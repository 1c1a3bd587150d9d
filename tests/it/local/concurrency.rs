//! Several invocations at once.

use crate::support::local::{Program, framed, invoke};
use lambda_stream::local::Server;

fn server(concurrency: usize) -> Server {
    Server::builder()
        .address("127.0.0.1:0")
        .concurrency(concurrency)
        .start()
        .unwrap()
}

#[tokio::test]
async fn each_connection_that_asks_is_handed_an_invocation() {
    const CLIENTS: usize = 10;
    let server = server(CLIENTS);
    let mut programs = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        programs.push(Program::connect(&server).await);
        clients.push(invoke(&server, "1").await);
    }
    let mut ids = Vec::new();
    for program in &mut programs {
        let invocation = program.next().await;
        program.begin(invocation.id()).await;
        program.chunk(framed("{}", b"")).await;
        ids.push(invocation.id().to_owned());
    }
    // All of them are open at once; they end in another order than they began.
    for client in &mut clients {
        assert_eq!(client.head().await.status, 200);
    }
    for (program, id) in programs.iter_mut().zip(&ids).rev() {
        program.chunk(id).await;
        program.end().await;
        program.accepted().await;
    }
    let mut seen = Vec::new();
    for client in &mut clients {
        seen.push(String::from_utf8(client.chunk().await.unwrap()).unwrap());
        assert_eq!(client.chunk().await.unwrap(), b"");
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn more_than_the_concurrency_is_refused() {
    let server = server(2);
    let mut clients = Vec::new();
    let mut programs = Vec::new();
    for _ in 0..3 {
        clients.push(invoke(&server, "1").await);
        programs.push(Program::connect(&server).await);
    }
    let first = programs[0].next().await;
    programs[1].next().await;
    programs[2].request_next().await;
    assert_eq!(programs[2].reply().await.0.status, 403);
    // An answer makes room, and the answer may come on any connection.
    programs[2].respond(first.id(), "{}", b"ok").await;
    programs[2].next().await;
}

#[tokio::test]
async fn program_that_goes_fails_only_its_own_invocation() {
    let server = server(2);
    let mut clients = [invoke(&server, "1").await, invoke(&server, "2").await];
    let mut one = Program::connect(&server).await;
    one.next().await;
    let mut other = Program::connect(&server).await;
    let invocation = other.next().await;
    drop(one);
    assert_eq!(clients[0].head().await.status, 502);
    other.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(clients[1].response().await.1, b"ok");
}

#[tokio::test]
async fn slow_client_holds_back_its_own_invocation_only() {
    let server = server(2);
    let mut slow = crate::support::local::RawClient::connect_narrow(server.address()).await;
    slow.write(crate::support::local::post("/invoke", "", "1"))
        .await;
    let mut blocked =
        Program(crate::support::local::RawClient::connect_narrow(server.runtime_api()).await);
    let invocation = blocked.next().await;
    blocked.begin(invocation.id()).await;
    blocked.chunk(framed("{}", b"")).await;
    let chunk = crate::support::local::chunked(&[b'x'; 100_000]);
    let limit = std::time::Duration::from_millis(100);
    while blocked.0.try_write_within(&chunk, limit).await {}
    let mut program = Program::connect(&server).await;
    for _ in 0..3 {
        let mut client = invoke(&server, "2").await;
        let invocation = program.next().await;
        program.respond(invocation.id(), "{}", b"ok").await;
        assert_eq!(client.response().await.1, b"ok");
    }
}
