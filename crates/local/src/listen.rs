//! Accepts the connections of a port, as many as it may have.

use std::cell::Cell;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};

use crate::front_door::FrontDoor;
use crate::limits::CONNECTIONS;
use crate::runtime_api::RuntimeApi;
use crate::serve::accept_each;
use crate::terminal::Terminal;

/// Serves clients, for ever.
pub(crate) async fn serve_clients(listener: TcpListener, door: Rc<FrontDoor>, terminal: Terminal) {
    let connections = Connections::new(terminal, CONNECTIONS);
    accept_each(listener, move |stream, peer| {
        let (open, door) = (connections.open(&stream), Rc::clone(&door));
        async move {
            if let Some(_open) = open {
                door.serve(stream, peer.ip()).await;
            }
        }
    })
    .await;
}

/// Serves one program, for ever.
pub(crate) async fn serve_program(listener: TcpListener, api: Rc<RuntimeApi>, terminal: Terminal) {
    let connections = Connections::new(terminal, CONNECTIONS);
    accept_each(listener, move |stream, _| {
        let (open, api) = (connections.open(&stream), Rc::clone(&api));
        async move {
            if let Some(_open) = open {
                api.serve(stream).await;
            }
        }
    })
    .await;
}

/// Bounds the number of open connections of a port.
struct Connections {
    open: Rc<Cell<usize>>,
    maximum: usize,
    terminal: Terminal,
}

/// One of the open connections.
struct Open(Rc<Cell<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Connections {
    fn new(terminal: Terminal, maximum: usize) -> Self {
        Self {
            open: Rc::default(),
            maximum,
            terminal,
        }
    }

    /// Counts a new connection, or answers it with a refusal.
    fn open(&self, stream: &TcpStream) -> Option<Open> {
        if self.open.get() >= self.maximum {
            self.terminal.line(&format!(
                "a connection was refused: {} are open, which is as many as may",
                self.maximum
            ));
            // One write to a new connection always fits.
            let _ = stream.try_write(
                b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            );
            return None;
        }
        self.open.set(self.open.get() + 1);
        Some(Open(Rc::clone(&self.open)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn connections_beyond_the_maximum_are_refused() {
        let connections = Connections::new(Terminal::new(None), 1);
        let (_client, accepted) = pair().await;
        let open = connections.open(&accepted);
        assert!(open.is_some());
        let (mut client, refused) = pair().await;
        assert!(connections.open(&refused).is_none());
        drop(refused);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        drop(open);
        assert!(connections.open(&accepted).is_some());
    }
}
