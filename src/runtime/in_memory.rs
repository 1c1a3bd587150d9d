//! Connections to a Runtime API in the same process.

use std::io;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// Capacity of a connection in each direction, in bytes.
const CAPACITY: usize = 64 * 1024;

/// The way to a Runtime API in the same process.
///
/// Nothing of the operating system is involved: no port is taken, and under tokio's paused time the
/// clock does not advance while bytes are on their way.
#[derive(Debug, Clone)]
pub(crate) struct InMemory(mpsc::UnboundedSender<DuplexStream>);

impl InMemory {
    /// Returns the way, and the other ends of the connections that are made.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<DuplexStream>) {
        let (connect, accept) = mpsc::unbounded_channel();
        (Self(connect), accept)
    }

    pub(super) fn connect(&self) -> io::Result<DuplexStream> {
        let (client, server) = duplex(CAPACITY);
        self.0
            .send(server)
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(client)
    }
}
