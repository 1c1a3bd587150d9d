//! Starting and stopping the local Lambda.

use lambda_stream::local::{ADDRESS_VARIABLE, DEFAULT_ADDRESS, Server};

use crate::support::local::{Program, client, invoke, server};

#[test]
fn port_0_takes_a_free_port() {
    let (one, two) = (server(), server());
    assert!(one.address().ip().is_loopback());
    assert!(one.runtime_api().ip().is_loopback());
    let ports = [
        one.address().port(),
        one.runtime_api().port(),
        two.address().port(),
        two.runtime_api().port(),
    ];
    for (at, port) in ports.iter().enumerate() {
        assert_ne!(*port, 0);
        assert!(!ports[..at].contains(port), "{ports:?}");
    }
}

#[test]
fn host_names_are_resolved() {
    let server = Server::start("localhost:0").unwrap();
    assert!(server.address().ip().is_loopback());
    assert_ne!(server.address().port(), 0);
}

#[test]
fn port_in_use_suggests_another() {
    let server = server();
    let address = server.address().to_string();
    let port = server.address().port();
    let error = Server::start(&address).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "cannot listen on {address}: address already in use; another program has port {port}"
        )),
        "{text}"
    );
    assert!(
        text.contains("LAMBDA_STREAM_LOCAL_ADDR=127.0.0.1:"),
        "{text}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn malformed_address_names_the_variable() {
    for address in [
        "",
        "7000",
        ":7000",
        "localhost",
        "localhost:",
        "127.0.0.1:70000",
    ] {
        let text = Server::start(address).unwrap_err().to_string();
        assert!(text.contains(&format!("`{address}`")), "{text}");
        assert!(text.contains(ADDRESS_VARIABLE), "{text}");
        assert!(text.contains(DEFAULT_ADDRESS), "{text}");
    }
}

#[tokio::test]
async fn drop_closes_connections_and_ports() {
    let server = server();
    let (address, runtime_api) = (server.address(), server.runtime_api());
    let mut idle = client(&server).await;
    let mut waiting = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    program.next().await;
    program.begin("unknown").await;
    drop(server);
    idle.closed().await;
    waiting.closed().await;
    program.0.closed().await;
    for address in [address, runtime_api] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
    // The port is free again.
    Server::start(&address.to_string()).unwrap();
}

#[test]
fn address_for_other_machines_has_to_be_allowed() {
    let text = Server::start("0.0.0.0:0").unwrap_err().to_string();
    assert!(text.contains("other machines can reach it"), "{text}");
    assert!(text.contains("LAMBDA_STREAM_LOCAL_PUBLIC=1"), "{text}");
    let public = Server::builder().address("0.0.0.0:0").allow_public(true);
    assert!(!public.start().unwrap().address().ip().is_loopback());
}
