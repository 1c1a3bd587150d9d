//! Keeps web pages of other sites from using either port.
//!
//! A browser lets any page send requests to this machine. It says which page it was in `Origin` and
//! `Sec-Fetch-Site`, and which name it looked up in `Host`: a name that an attacker points to this
//! machine (DNS rebinding) is not one of this machine's.

use std::net::{IpAddr, SocketAddr};

use http::Version;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::request::Parts;
use http::uri::{Authority, Uri};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Names that clients may use for this machine.
#[derive(Debug, Default, Clone)]
pub(crate) struct Guard {
    /// Names beyond those that always mean this machine, in lower case.
    allowed: Vec<String>,
}

/// Why a request is refused; the text says what to do.
pub(crate) type Refusal = String;

impl Guard {
    pub(crate) fn new(allowed: impl IntoIterator<Item = String>) -> Self {
        Self {
            allowed: allowed
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        }
    }

    /// Checks a request that came in on the address `local`.
    pub(crate) fn check(&self, request: &Parts, local: Option<SocketAddr>) -> Result<(), Refusal> {
        self.check_host(request, local)?;
        self.check_origin(&request.headers, local)
    }

    fn check_host(&self, request: &Parts, local: Option<SocketAddr>) -> Result<(), Refusal> {
        let mut hosts = request.headers.get_all(HOST).iter();
        let host = hosts.next();
        if hosts.next().is_some() {
            return Err("the request has more than one Host header; send one".to_owned());
        }
        // The authority of an absolute target is the one that counts (RFC 9112, section 3.2.2).
        let authority = request.uri.authority().cloned();
        let authority = match (authority, host) {
            (Some(authority), _) => authority,
            (None, Some(host)) => parse(host).ok_or_else(|| {
                format!("the Host header {host:?} is not a host; use localhost or 127.0.0.1")
            })?,
            // Every browser names a host, and so does HTTP/1.1 (RFC 9112, section 3.2).
            (None, None) if request.version < Version::HTTP_11 => return Ok(()),
            (None, None) => return Err("the request has no Host header; send one".to_owned()),
        };
        if self.is_allowed(&authority, local) {
            return Ok(());
        }
        let name = authority.host();
        Err(format!(
            "requests for the host `{name}` are refused, because a web page could have pointed that \
             name here (DNS rebinding); use localhost, 127.0.0.1 or the address that the server \
             listens on, have the proxy in between send one of these as Host, or allow `{name}` with \
             {}",
            crate::ALLOWED_HOSTS_VARIABLE
        ))
    }

    fn check_origin(&self, headers: &HeaderMap, local: Option<SocketAddr>) -> Result<(), Refusal> {
        if let Some(origin) = headers.get(ORIGIN) {
            let is_allowed = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.parse::<Uri>().ok())
                .and_then(|origin| origin.into_parts().authority)
                .is_some_and(|authority| self.is_allowed(&authority, local));
            return if is_allowed {
                Ok(())
            } else {
                Err(format!(
                    "requests of web pages from {origin:?} are refused; serve the page from localhost \
                     or 127.0.0.1, or allow its host with {}",
                    crate::ALLOWED_HOSTS_VARIABLE
                ))
            };
        }
        // A page elsewhere can load an image or a script without an Origin. Following a link is
        // left to work: it shows its result to nobody but the person who followed it.
        let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|it| it == value);
        if is(&SEC_FETCH_SITE, "cross-site") && !is(&SEC_FETCH_MODE, "navigate") {
            return Err(format!(
                "requests that a web page of another site makes are refused; use the same host name \
                 for both, such as localhost, or allow the page's host with {} and send the request \
                 with `fetch` in the mode `cors`",
                crate::ALLOWED_HOSTS_VARIABLE
            ));
        }
        Ok(())
    }

    fn is_allowed(&self, authority: &Authority, local: Option<SocketAddr>) -> bool {
        // A name before an `@` is not part of the host, and no client of HTTP sends one.
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .parse::<IpAddr>();
        match address {
            Ok(address) => {
                address.is_loopback() || local.is_some_and(|local| local.ip() == address)
            }
            Err(_) => {
                host == "localhost"
                    || host.ends_with(".localhost")
                    || self.allowed.iter().any(|allowed| allowed == host)
            }
        }
    }
}

fn parse(host: &HeaderValue) -> Option<Authority> {
    host.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let guard = Guard::new(["Allowed.example".to_owned()]);
        guard.check(&parts, Some(([192, 168, 1, 2], 7000).into()))
    }

    #[test]
    fn names_of_this_machine_are_allowed() {
        for host in [
            "localhost",
            "LOCALHOST:7000",
            "localhost.:7000",
            "my-function.lambda-url.localhost:7000",
            "127.0.0.1:7000",
            "127.1.2.3",
            "[::1]:7000",
            "192.168.1.2:7000",
            "allowed.example",
        ] {
            check(&[("host", host)]).unwrap();
            let origin = format!("http://{host}");
            check(&[("host", "localhost"), ("origin", &origin)]).unwrap();
        }
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "192.168.1.3",
            "evil@localhost",
            "127.0.0.1.evil.example",
            "",
            "local host",
        ] {
            let refusal = check(&[("host", host)]).unwrap_err();
            assert!(refusal.contains("localhost"), "{host}: {refusal}");
        }
        check(&[]).unwrap_err();
        check(&[("host", "localhost"), ("host", "localhost")]).unwrap_err();
    }

    #[test]
    fn foreign_pages_are_refused() {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", ""),
            ("origin", "http://localhost.evil.example:7000"),
            ("sec-fetch-site", "cross-site"),
        ] {
            check(&[("host", "localhost"), (name, value)]).unwrap_err();
        }
    }

    #[test]
    fn links_and_same_site_requests_are_followed() {
        let host = ("host", "localhost");
        let cross = ("sec-fetch-site", "cross-site");
        check(&[host, cross, ("sec-fetch-mode", "navigate")]).unwrap();
        check(&[host, cross, ("origin", "http://127.0.0.1:5173")]).unwrap();
        check(&[host, ("sec-fetch-site", "same-site")]).unwrap();
    }
}
