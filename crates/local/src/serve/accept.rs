//! The accept loop that all listeners share.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long to wait after the system refused a connection for want of something, such as file
/// descriptors (EMFILE): without a pause the loop would spin until one is free.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves each connection on a task of its own, for ever.
pub async fn accept_each<F>(listener: TcpListener, serve: impl Fn(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A chunk leaves when it is written: Nagle's algorithm would hold it back until the
                // one before is acknowledged. Where the option is refused, chunks come later.
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(serve(stream, peer));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
