//! One end of a TCP connection, read and written byte by byte.

#[cfg(feature = "local")]
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::patience::patiently;

/// A connection whose bytes the test itself frames, so that no HTTP library's habits stand between
/// the test and the code under test.
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Everything received so far; a test may clear it.
    pub received: Vec<u8>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Returns the non-blocking socket.
    ///
    /// # Panics
    ///
    /// When something was received that the test has not read yet.
    pub fn into_std(self) -> std::net::TcpStream {
        assert!(self.unread.is_empty(), "unread: {:?}", self.unread_text());
        self.stream.into_std().unwrap()
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).await.unwrap();
    }

    /// Writes to a peer that may have closed the connection.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        patiently(self.stream.write_all(bytes.as_ref())).await
    }

    /// Reads whatever arrives next. Returns false at the end of the connection.
    async fn fill(&mut self) -> bool {
        self.unread.reserve(64 * 1024);
        let len = self.unread.len();
        let read = patiently(self.stream.read_buf(&mut self.unread)).await;
        self.received.extend_from_slice(&self.unread[len..]);
        matches!(read, Ok(read) if read > 0)
    }

    fn unread_text(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Reads up to and including `end`. Returns `None` when the connection ends before.
    pub async fn try_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.unread.windows(end.len()).position(|it| it == end);
            if let Some(at) = found {
                return Some(self.unread.drain(..at + end.len()).collect());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads up to and including `end`.
    pub async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        match self.try_until(end).await {
            Some(read) => read,
            None => panic!("closed after {:?}", self.unread_text()),
        }
    }

    pub async fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            assert!(self.fill().await, "closed after {:?}", self.unread_text());
        }
        self.unread.drain(..len).collect()
    }

    /// Reads the head of a request or of a response.
    pub async fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n").await).unwrap()
    }

    /// Reads one chunk of a chunked body. The last chunk has no data, and what follows it is left
    /// to be read. Returns `None` when the connection ends instead.
    pub async fn try_chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.try_until(b"\r\n").await?;
        let size = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return Some(Vec::new());
        }
        let mut data = self.exactly(size + 2).await;
        assert_eq!(data.split_off(size), b"\r\n");
        Some(data)
    }

    /// Ends this side of the connection; the other end can still write.
    pub async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Waits until the other end has closed, and returns what was not read yet.
    pub async fn closed(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.unread)
    }
}

/// What only the tests of the local Lambda do.
#[cfg(feature = "local")]
impl Connection {
    /// Writes, unless the other end takes nothing for this long.
    pub async fn try_write_within(&mut self, bytes: &[u8], limit: Duration) -> bool {
        tokio::time::timeout(limit, self.stream.write_all(bytes))
            .await
            .is_ok_and(|written| written.is_ok())
    }

    /// Ends this end's direction of the connection.
    pub async fn half_close(&mut self) {
        patiently(self.stream.shutdown()).await.unwrap();
    }

    /// Reads to the end, and returns how the connection ended.
    pub async fn closed_with(&mut self) -> (Vec<u8>, std::io::Result<()>) {
        let read = patiently(self.stream.read_to_end(&mut self.unread)).await;
        (std::mem::take(&mut self.unread), read.map(drop))
    }
}
