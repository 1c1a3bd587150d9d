//! Where the Runtime API is.

use std::env::{self, VarError};
use std::io;

use http::header::HeaderValue;
use http::uri::Authority;
use lambda_stream_wire::api;
use tokio::net::TcpStream;

use super::error::RunError;
#[cfg(feature = "testing")]
use super::in_memory::InMemory;
use super::socket::Transport;

/// Where the Runtime API listens. Set by the service, and unset anywhere else.
pub(super) const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The Runtime API: where to connect, and what every path begins with.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    authority: Authority,
    host: HeaderValue,
    port: u16,
    base: String,
    /// Where to connect instead of to host and port.
    #[cfg(feature = "testing")]
    in_memory: Option<InMemory>,
}

impl Endpoint {
    /// Parses `host:port`, which the service sets, or a URL such as `http://host:port/.rt`, which
    /// `cargo lambda watch` prints. `setting` names where the value comes from.
    pub(super) fn parse(setting: &str, value: &str) -> Result<Self, RunError> {
        let refuse = |reason: &str| {
            RunError::invalid(format!(
                "{setting} is {value:?}: {reason}; set it to `host:port`, such as 127.0.0.1:9001, or to \
                 `http://host:port/path`"
            ))
        };
        let rest = value.strip_prefix("http://").unwrap_or(value);
        if rest.contains("://") {
            return Err(refuse("the Runtime API speaks plain HTTP only"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => (host, port),
            _ if authority.is_empty() || authority.starts_with(':') => {
                return Err(refuse("the host is missing"));
            }
            _ => return Err(refuse("the port is missing")),
        };
        let port = match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ if port.is_empty() => return Err(refuse("the port is missing")),
            _ => return Err(refuse("the port is not a number from 1 to 65535")),
        };
        let parsed: Result<Authority, _> = authority.parse();
        let Some(authority) = parsed
            .ok()
            .filter(|authority| !host.contains('@') && !authority.host().is_empty())
        else {
            return Err(refuse("the host is not valid"));
        };
        let Ok(host) = HeaderValue::from_str(authority.as_str()) else {
            return Err(refuse("the host is not valid"));
        };
        let path = path.trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if !path.bytes().all(is_plain) {
            return Err(refuse(
                "the path may consist of letters, digits and `-._~/` only",
            ));
        }
        Ok(Self {
            base: format!("{path}{}", api::VERSION),
            authority,
            host,
            port,
            #[cfg(feature = "testing")]
            in_memory: None,
        })
    }

    /// A Runtime API in this process; host and port are names only.
    #[cfg(feature = "testing")]
    pub(super) fn in_memory(in_memory: InMemory) -> Self {
        Self {
            base: api::VERSION.to_owned(),
            authority: Authority::from_static("localhost:80"),
            host: HeaderValue::from_static("localhost:80"),
            port: 80,
            in_memory: Some(in_memory),
        }
    }

    /// Connects.
    pub(super) async fn connect(&self) -> io::Result<Transport> {
        #[cfg(feature = "testing")]
        if let Some(in_memory) = &self.in_memory {
            return in_memory.connect().map(Transport::Right);
        }
        let stream = TcpStream::connect(self.host_and_port()).await?;
        // With Nagle's algorithm, a chunk waits for the acknowledgement of the one before, which
        // the other side delays by up to 44 ms.
        stream.set_nodelay(true)?;
        #[cfg(feature = "testing")]
        let stream = Transport::Left(stream);
        Ok(stream)
    }

    /// Reads [`RUNTIME_API`]; `None` where it is not set, so where this is not AWS.
    pub(super) fn from_env() -> Result<Option<Self>, RunError> {
        match env::var(RUNTIME_API) {
            Ok(value) => Self::parse(RUNTIME_API, &value).map(Some),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(value)) => Err(RunError::invalid(format!(
                "{RUNTIME_API} is {value:?}, which is not UTF-8"
            ))),
        }
    }

    /// Returns `host:port`.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the value of the `Host` header.
    pub(super) fn host_header(&self) -> HeaderValue {
        self.host.clone()
    }

    /// Returns the host without brackets, and the port.
    fn host_and_port(&self) -> (&str, u16) {
        let host = self.authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        (host, self.port)
    }

    /// Returns the whole path of a call.
    pub(super) fn path(&self, call: &str) -> String {
        format!("{}{call}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_url_are_accepted() {
        for (value, authority, path) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", "/2018-06-01"),
            ("localhost:80", "localhost:80", "/2018-06-01"),
            ("http://h:1", "h:1", "/2018-06-01"),
            ("http://h:1/", "h:1", "/2018-06-01"),
            ("http://h:1/.rt", "h:1", "/.rt/2018-06-01"),
            ("http://h:1/a/b/", "h:1", "/a/b/2018-06-01"),
        ] {
            let endpoint = Endpoint::parse(RUNTIME_API, value).unwrap();
            assert_eq!(endpoint.authority(), authority);
            assert_eq!(endpoint.path(""), path);
        }
        let endpoint = Endpoint::parse(RUNTIME_API, "[::1]:9001").unwrap();
        assert_eq!(endpoint.host_and_port(), ("::1", 9001));
    }

    #[test]
    fn malformed_address_names_setting_value_and_reason() {
        for (value, reason) in [
            ("", "the host is missing"),
            (":", "the host is missing"),
            (":9001", "the host is missing"),
            ("host", "the port is missing"),
            ("host:", "the port is missing"),
            ("host:port", "not a number"),
            ("host:0", "not a number"),
            ("host:99999", "not a number"),
            ("https://h:1", "plain HTTP"),
            ("ftp://h:1", "plain HTTP"),
            ("http://", "the host is missing"),
            ("u@h:1", "the host is not valid"),
            ("a b:1", "the host is not valid"),
            ("h:1/a b", "the path"),
            ("h:1/?q", "the path"),
            ("h:1\r\nx", "not a number"),
        ] {
            let error = Endpoint::parse("the option", value)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("the option"), "{error}");
            assert!(error.contains(&format!("{value:?}")), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }
}
