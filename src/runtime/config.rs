//! Where the Runtime API is, and what the environment says.

use std::env::{self, VarError};

use http::uri::Authority;

use super::error::RunError;
use crate::event::Environment;
use lambda_stream_wire::api;

/// Where the Runtime API listens. Set by the service; unset anywhere else.
pub(crate) const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The Runtime API: where to connect, and what every path begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    authority: Authority,
    base: String,
}

impl Endpoint {
    /// Reads `host:port`, which is what the service sets, or a URL such as `http://host:port/.rt`, which
    /// `cargo lambda watch` prints.
    pub(crate) fn parse(value: &str) -> Result<Self, RunError> {
        let refuse = |why: &str| {
            RunError::configuration(format_args!(
                "{RUNTIME_API} is {value:?}: {why}; it has to be host:port, such as 127.0.0.1:9001, or \
                 http://host:port/path"
            ))
        };
        let rest = value.strip_prefix("http://").unwrap_or(value);
        if rest.contains("://") {
            return Err(refuse("only plain HTTP is spoken there"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority: Authority = authority
            .parse()
            .map_err(|_| refuse("that is no host and port"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(refuse("that is no host and port"));
        }
        if authority.port_u16().is_none() {
            return Err(refuse("the port is missing"));
        }
        let path = path.trim_end_matches('/');
        if !path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte))
        {
            return Err(refuse("the path has characters that do not belong there"));
        }
        Ok(Self {
            base: format!("{path}{}", api::VERSION),
            authority,
        })
    }

    /// Reads [`RUNTIME_API`]; `None` when it is not set, so when this is not AWS.
    pub(crate) fn from_env() -> Result<Option<Self>, RunError> {
        match env::var(RUNTIME_API) {
            Ok(value) => Self::parse(&value).map(Some),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(value)) => Err(RunError::configuration(format_args!(
                "{RUNTIME_API} is {value:?}, which is not UTF-8"
            ))),
        }
    }

    /// `host:port`.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The host without brackets, and the port.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        // `parse` lets no authority without a port through.
        (host, self.authority.port_u16().unwrap_or(80))
    }

    /// What every path begins with.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }
}

impl Environment {
    pub(crate) fn from_env() -> Self {
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
            function_version: text("AWS_LAMBDA_FUNCTION_VERSION"),
            memory_size_mb: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|size| size.parse().ok()),
            log_group: text("AWS_LAMBDA_LOG_GROUP_NAME"),
            log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        for (value, authority, path) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", "/2018-06-01"),
            ("localhost:80", "localhost:80", "/2018-06-01"),
            ("http://h:1", "h:1", "/2018-06-01"),
            ("http://h:1/", "h:1", "/2018-06-01"),
            ("http://h:1/.rt", "h:1", "/.rt/2018-06-01"),
            ("http://h:1/a/b/", "h:1", "/a/b/2018-06-01"),
        ] {
            let endpoint = Endpoint::parse(value).unwrap();
            assert_eq!(endpoint.authority(), authority);
            assert_eq!(endpoint.base(), path);
        }
        assert_eq!(
            Endpoint::parse("[::1]:9001").unwrap().host_and_port(),
            ("::1", 9001)
        );
    }

    #[test]
    fn a_malformed_address_is_an_error_that_names_variable_and_value() {
        for value in [
            "",
            ":",
            ":9001",
            "host",
            "host:",
            "host:port",
            "host:99999",
            "https://h:1",
            "ftp://h:1",
            "http://",
            "u@h:1",
            "h:1/a b",
            "h:1/?q",
            "h:1\r\nx",
        ] {
            let error = Endpoint::parse(value).unwrap_err().to_string();
            assert!(error.contains(RUNTIME_API), "{error}");
            assert!(error.contains(&format!("{value:?}")), "{error}");
        }
    }
}
