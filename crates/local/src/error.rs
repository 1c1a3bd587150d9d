//! Why the local Lambda did not start.

use std::fmt;
use std::io;

use crate::{ADDRESS_VARIABLE, DEFAULT_ADDRESS, PUBLIC_VARIABLE};

/// Why the local Lambda did not start; its text names the address, the variable and what to do.
///
/// `Debug` prints the same sentence, because `main` prints an error by its `Debug`.
///
/// ```
/// let error = lambda_stream_local::Server::start("7000").unwrap_err();
/// assert!(error.to_string().contains("LAMBDA_STREAM_LOCAL_ADDR"));
/// ```
pub struct LocalError(String);

impl LocalError {
    /// The address has not the form `host:port`.
    pub(crate) fn malformed(address: &str) -> Self {
        Self(format!(
            "the local Lambda cannot listen on `{address}`, which is not host:port; \
             set {ADDRESS_VARIABLE} to an address such as 127.0.0.1:7000 (port 0 takes any free one)"
        ))
    }

    /// The host of the address has no address of its own.
    pub(crate) fn unknown_host(address: &str, error: &io::Error) -> Self {
        Self(format!(
            "the local Lambda cannot listen on `{address}`: {error}; \
             set {ADDRESS_VARIABLE} to an address of this machine, such as 127.0.0.1:7000"
        ))
    }

    /// The address was understood, and the system refused it.
    pub(crate) fn refused(address: &str, port: u16, error: &io::Error) -> Self {
        let other = other_address(address, port);
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "address already in use; another program has port {port}, so stop it or choose another \
                 address with {ADDRESS_VARIABLE}={other} (port 0 takes any free one)"
            ),
            io::ErrorKind::PermissionDenied => format!(
                "permission denied for port {port}; choose another address with \
                 {ADDRESS_VARIABLE}=127.0.0.1:7000 (port 0 takes any free one)"
            ),
            _ => format!(
                "{error}; choose another address with {ADDRESS_VARIABLE}=127.0.0.1:{port} (port 0 takes \
                 any free one)"
            ),
        };
        Self(format!("cannot listen on {address}: {advice}"))
    }

    /// Other machines could reach the address, and that is not allowed.
    pub(crate) fn public(address: &str) -> Self {
        Self(format!(
            "the local Lambda does not listen on {address}, because other machines can reach it and \
             could invoke the function; use a loopback address such as {DEFAULT_ADDRESS}, or allow it \
             with {PUBLIC_VARIABLE}=1 (on the command line: --public)"
        ))
    }

    /// The system gave no second port, thread or event loop.
    pub(crate) fn system(what: &str, error: &io::Error) -> Self {
        Self(format!("the local Lambda cannot {what}: {error}"))
    }
}

/// The same host with the next port.
fn other_address(address: &str, port: u16) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    format!("{host}:{}", port.checked_add(1).unwrap_or(0))
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LocalError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_says_what_to_do() {
        let error = LocalError::refused(
            "127.0.0.1:7000",
            7000,
            &io::Error::from(io::ErrorKind::AddrInUse),
        );
        assert_eq!(
            error.to_string(),
            "cannot listen on 127.0.0.1:7000: address already in use; another program has port 7000, so \
             stop it or choose another address with LAMBDA_STREAM_LOCAL_ADDR=127.0.0.1:7001 (port 0 \
             takes any free one)"
        );
        assert_eq!(format!("{error:?}"), error.to_string());
    }

    #[test]
    fn behind_the_last_port_comes_any() {
        assert_eq!(other_address("[::1]:65535", 65535), "[::1]:0");
    }
}
