//! The local Lambda, on raw sockets and from end to end.

mod end_to_end;
mod events;
mod function_url;
mod responses;
mod runtime_api;
mod server;

use lambda_stream::local::Server;

use crate::support::local::{Program, RawClient, invoke};

/// A client, and the program that has begun to answer it.
pub async fn answering(server: &Server) -> (RawClient, Program) {
    let client = invoke(server, "1").await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    (client, program)
}

/// One more invocation goes through from end to end.
pub async fn assert_serves(server: &Server) {
    let mut client = invoke(server, r#""next""#).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, r#""next""#);
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}
