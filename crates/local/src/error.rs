//! Why the local Lambda did not start.

use std::error::Error;
use std::fmt;
use std::io;

use crate::{ADDRESS_VARIABLE, DEFAULT_ADDRESS, PUBLIC_VARIABLE};

/// Why the local Lambda did not start; its text names the address, the variable and what to do.
///
/// The [source](Error::source) is the error of the system, if there was one.
///
/// ```
/// let error = lambda_stream_local::Server::start("7000").unwrap_err();
/// assert!(error.to_string().contains("LAMBDA_STREAM_LOCAL_ADDR"));
/// ```
#[derive(Debug)]
pub struct LocalError {
    problem: Problem,
    source: Option<io::Error>,
}

#[derive(Debug)]
enum Problem {
    /// The address does not have the form `host:port`.
    Malformed { address: String },
    /// The host has no address.
    UnknownHost { address: String },
    /// Other machines could reach the address, and that is not allowed.
    Public { address: String },
    /// The address was understood, and the system refused it.
    Refused { address: String, port: u16 },
    /// The value of a variable is not a number.
    NotANumber {
        variable: &'static str,
        value: String,
    },
    /// The system does not give a second port, a thread or an event loop.
    System { what: &'static str },
}

impl LocalError {
    pub(crate) fn malformed(address: &str) -> Self {
        let address = address.to_owned();
        Self::new(Problem::Malformed { address }, None)
    }

    pub(crate) fn unknown_host(address: &str, source: io::Error) -> Self {
        let address = address.to_owned();
        Self::new(Problem::UnknownHost { address }, Some(source))
    }

    pub(crate) fn public(address: &str) -> Self {
        let address = address.to_owned();
        Self::new(Problem::Public { address }, None)
    }

    pub(crate) fn refused(address: &str, port: u16, source: io::Error) -> Self {
        let address = address.to_owned();
        Self::new(Problem::Refused { address, port }, Some(source))
    }

    pub(crate) fn not_a_number(variable: &'static str, value: String) -> Self {
        Self::new(Problem::NotANumber { variable, value }, None)
    }

    /// The system cannot do `what`, which is a verb with its object.
    pub(crate) fn system(what: &'static str, source: io::Error) -> Self {
        Self::new(Problem::System { what }, Some(source))
    }

    fn new(problem: Problem, source: Option<io::Error>) -> Self {
        Self { problem, source }
    }

    /// Returns what the system says.
    fn reason(&self) -> String {
        match &self.source {
            Some(source) => source.to_string(),
            None => "unknown reason".to_owned(),
        }
    }
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Malformed { address } => write!(
                f,
                "the local Lambda cannot listen on `{address}`, which is not host:port; \
                 set {ADDRESS_VARIABLE} to an address such as {DEFAULT_ADDRESS} (port 0 takes any free \
                 one)"
            ),
            Problem::UnknownHost { address } => write!(
                f,
                "the local Lambda cannot listen on `{address}`: {}; \
                 set {ADDRESS_VARIABLE} to an address of this machine, such as {DEFAULT_ADDRESS}",
                self.reason()
            ),
            Problem::Public { address } => write!(
                f,
                "the local Lambda does not listen on {address}, because other machines can reach it and \
                 could invoke the function; use a loopback address such as {DEFAULT_ADDRESS}, or allow \
                 it with {PUBLIC_VARIABLE}=1 (on the command line: --public)"
            ),
            Problem::Refused { address, port } => {
                write!(f, "cannot listen on {address}: ")?;
                self.write_refusal(f, address, *port)
            }
            Problem::NotANumber { variable, value } => {
                write!(f, "{variable} is {value:?}, not a number from 0 on")
            }
            Problem::System { what } => {
                write!(f, "the local Lambda cannot {what}: {}", self.reason())
            }
        }
    }
}

impl LocalError {
    fn write_refusal(&self, f: &mut fmt::Formatter<'_>, address: &str, port: u16) -> fmt::Result {
        match self.source.as_ref().map(io::Error::kind) {
            Some(io::ErrorKind::AddrInUse) => write!(
                f,
                "address already in use; another program has port {port}, so stop it or choose another \
                 address with {ADDRESS_VARIABLE}={} (port 0 takes any free one)",
                other_address(address, port)
            ),
            Some(io::ErrorKind::PermissionDenied) => write!(
                f,
                "permission denied for port {port}; choose another address with \
                 {ADDRESS_VARIABLE}={DEFAULT_ADDRESS} (port 0 takes any free one)"
            ),
            _ => write!(
                f,
                "{}; choose another address with {ADDRESS_VARIABLE}=127.0.0.1:{port} (port 0 takes any \
                 free one)",
                self.reason()
            ),
        }
    }
}

impl Error for LocalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Returns the same host with the next port, or with any free one after the last.
fn other_address(address: &str, port: u16) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    format!("{host}:{}", port.checked_add(1).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_port_says_what_to_do() {
        let in_use = io::Error::from(io::ErrorKind::AddrInUse);
        let error = LocalError::refused("127.0.0.1:7000", 7000, in_use);
        assert_eq!(
            error.to_string(),
            "cannot listen on 127.0.0.1:7000: address already in use; another program has port 7000, so \
             stop it or choose another address with LAMBDA_STREAM_LOCAL_ADDR=127.0.0.1:7001 (port 0 \
             takes any free one)"
        );
        assert!(error.source().is_some());
    }

    #[test]
    fn address_after_the_last_port_is_any() {
        assert_eq!(other_address("[::1]:65535", 65535), "[::1]:0");
    }
}
