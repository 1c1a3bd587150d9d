//! What a path below the page's address asks for.

use http::request::Parts;
use http::{Method, StatusCode};

use crate::query;
use crate::record::DoorName;

/// The page's path, without the slash at its end.
const ROOT: &str = "/_lambda";

/// What a request to the page asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    View(View),
    /// Sends an event through this door.
    Send(DoorName),
    /// Sends the event of an invocation again.
    Resend(String),
    Nowhere(Unrouted),
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// Leads to the page.
    Slash,
    Page,
    Style,
    Script,
    Icon,
    Samples,
    Invocations,
    Invocation(String),
    Payload(String),
    Event(String),
    /// The feed of all invocations, and of one in full.
    Events(Option<String>),
}

/// A request that asks for nothing that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unrouted {
    NotFound,
    /// The path takes this method.
    Method(&'static str),
    /// The path takes JSON. A web page of another site can send other types without being asked.
    NotJson,
    UnknownDoor,
}

impl Unrouted {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownDoor => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn message(self) -> String {
        match self {
            Self::NotFound => format!("the page {ROOT}/ has nothing at this path"),
            Self::Method(method) => format!("this path takes {method}"),
            Self::NotJson => "send the header `content-type: application/json`".to_owned(),
            Self::UnknownDoor => {
                "the parameter `door` is not one of function-url, api-gateway, invoke".to_owned()
            }
        }
    }
}

impl Route {
    /// Returns what a request asks for; `None` if it is not one to the page.
    pub(crate) fn parse(request: &Parts) -> Option<Self> {
        let path = request.uri.path().strip_prefix(ROOT)?;
        if !path.is_empty() && !path.starts_with('/') {
            return None;
        }
        let query = request.uri.query().unwrap_or_default();
        Some(Self::of(&request.method, path, query, request))
    }

    fn of(method: &Method, path: &str, query: &str, request: &Parts) -> Self {
        let Some(route) = Self::at(path, query, *method == Method::POST) else {
            return Self::Nowhere(Unrouted::NotFound);
        };
        let is_read = *method == Method::GET || *method == Method::HEAD;
        match &route {
            Self::View(_) if !is_read => Self::Nowhere(Unrouted::Method("GET")),
            Self::Send(_) | Self::Resend(_) if *method != Method::POST => {
                Self::Nowhere(Unrouted::Method("POST"))
            }
            Self::Send(_) | Self::Resend(_) if !is_json(request) => {
                Self::Nowhere(Unrouted::NotJson)
            }
            _ => route,
        }
    }

    fn at(path: &str, query: &str, sends: bool) -> Option<Self> {
        let view = match path {
            "" => View::Slash,
            "/" => View::Page,
            "/page.css" => View::Style,
            "/page.js" => View::Script,
            "/icon.svg" => View::Icon,
            "/samples" => View::Samples,
            "/events" => View::Events(query::value(query, "invocation")),
            "/invocations" if sends => {
                let door = query::value(query, "door").as_deref().and_then(door);
                return Some(door.map_or(Self::Nowhere(Unrouted::UnknownDoor), Self::Send));
            }
            "/invocations" => View::Invocations,
            _ => {
                let rest = path.strip_prefix("/invocations/")?;
                let (key, part) = rest.split_once('/').unwrap_or((rest, ""));
                let key = key.to_owned();
                match part {
                    "" => View::Invocation(key),
                    "payload" => View::Payload(key),
                    "event" => View::Event(key),
                    "resend" => return Some(Self::Resend(key)),
                    _ => return None,
                }
            }
        };
        Some(Self::View(view))
    }
}

fn door(name: &str) -> Option<DoorName> {
    match name {
        "function-url" => Some(DoorName::FunctionUrl),
        "api-gateway" => Some(DoorName::ApiGateway),
        "invoke" => Some(DoorName::Invoke),
        _ => None,
    }
}

fn is_json(request: &Parts) -> bool {
    request
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parse(method: &str, uri: &str, content_type: &str) -> Option<Route> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", content_type);
        Route::parse(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn paths_lead_to_their_views() {
        let key = || "5".to_owned();
        for (path, view) in [
            ("", View::Slash),
            ("/", View::Page),
            ("/?x=1", View::Page),
            ("/invocations", View::Invocations),
            ("/invocations/5", View::Invocation(key())),
            ("/invocations/5/payload", View::Payload(key())),
            ("/invocations/5/event", View::Event(key())),
            ("/events", View::Events(None)),
            ("/events?invocation=5", View::Events(Some(key()))),
        ] {
            let route = parse("GET", &format!("/_lambda{path}"), "").unwrap();
            assert_eq!(route, Route::View(view), "{path}");
        }
        assert_eq!(parse("GET", "/_lambdas", ""), None);
        assert_eq!(parse("GET", "/", ""), None);
    }

    #[test]
    fn only_json_posts_send_events() {
        let (send, resend) = (
            "/_lambda/invocations?door=invoke",
            "/_lambda/invocations/5/resend",
        );
        let json = "application/json; charset=utf-8";
        assert_eq!(
            parse("POST", send, json),
            Some(Route::Send(DoorName::Invoke))
        );
        assert_eq!(
            parse("POST", resend, json),
            Some(Route::Resend("5".to_owned()))
        );
        let nowhere = |unrouted| Some(Route::Nowhere(unrouted));
        for uri in [send, resend] {
            for simple in ["text/plain", "application/x-www-form-urlencoded", ""] {
                assert_eq!(
                    parse("POST", uri, simple),
                    nowhere(Unrouted::NotJson),
                    "{uri}"
                );
            }
        }
        assert_eq!(
            parse("GET", resend, json),
            nowhere(Unrouted::Method("POST"))
        );
        assert_eq!(
            parse("DELETE", "/_lambda/", ""),
            nowhere(Unrouted::Method("GET"))
        );
        let unknown = "/_lambda/invocations?door=window";
        assert_eq!(parse("POST", unknown, json), nowhere(Unrouted::UnknownDoor));
        assert_eq!(parse("GET", "/_lambda/x", ""), nowhere(Unrouted::NotFound));
    }
}
