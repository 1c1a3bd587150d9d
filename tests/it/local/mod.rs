//! The local Lambda, on raw sockets and from end to end.

mod api_gateway;
mod attacks;
mod concurrency;
mod end_to_end;
mod events;
mod faults;
mod function_url;
mod invoke_api;
mod page;
mod responses;
mod runtime_api;
mod server;

use lambda_stream::local::Server;

use crate::support::local::{Invocation, Program, RawClient, invoke};

/// Connects a client, and a program that has been handed its invocation.
pub async fn hand_out(server: &Server, event: &str) -> (RawClient, Program, Invocation) {
    let client = invoke(server, event).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    (client, program, invocation)
}

/// Connects a client, and a program that has begun to respond to it.
pub async fn respond_to_client(server: &Server) -> (RawClient, Program) {
    let (client, mut program, invocation) = hand_out(server, "1").await;
    program.begin(invocation.id()).await;
    (client, program)
}

/// Asserts that one more invocation succeeds. What was smuggled in before would be an event of its
/// own.
pub async fn assert_serves(server: &Server) {
    let (mut client, mut program, invocation) = hand_out(server, r#""next""#).await;
    assert_eq!(invocation.event, r#""next""#);
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}
