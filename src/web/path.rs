//! The path that the app sees.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::event::Pairs;

/// What a query of a URI may not have (RFC 3986, section 3.4), apart from `%`, which is looked at
/// separately.
pub(super) const NOT_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The same for a path (section 3.3), which a `?` would end.
const NOT_IN_PATH: &AsciiSet = &NOT_IN_QUERY.add(b'?');

/// The same for a path that was decoded, where a `%` is one that the client has encoded.
const NOT_IN_DECODED_PATH: &AsciiSet = &NOT_IN_PATH.add(b'%');

/// How paths of events become paths of requests; documented at [`App`](super::App).
#[derive(Debug, Clone, Default)]
pub(super) struct PathRules {
    pub(super) keeps_stage: bool,
    /// Begins with `/` and does not end with it, or is empty.
    base_path: String,
}

/// What an event says of its path.
#[derive(Debug)]
pub(super) struct EventPath<'a> {
    pub(super) path: &'a str,
    /// The path as the client asked for it.
    pub(super) full: &'a str,
    /// The stage that `path` may begin with, where no route tells.
    pub(super) stage: Option<&'a str>,
    /// What the route of API Gateway matched, which is an end of `path`.
    pub(super) route: Option<String>,
    /// Whether the front door has decoded the path.
    pub(super) is_decoded: bool,
}

impl PathRules {
    pub(super) fn set_base_path(&mut self, prefix: &str) {
        let prefix = prefix.trim_matches('/');
        self.base_path = match prefix {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
    }

    /// Returns the path of the request: it begins with `/` and can stand in a URI.
    pub(super) fn apply(&self, event: &EventPath<'_>) -> String {
        let path = if self.keeps_stage {
            self.without_base_path(event.full)
        } else if let Some((prefix, matched)) = event.split_at_route() {
            // The base path of a mapping is in front of what the route matched, and gone with it.
            match self.strip_base_path(prefix) {
                Some(_) => matched,
                None => self.without_base_path(matched),
            }
        } else {
            self.without_stage(event)
        };
        encoded(path, event.is_decoded)
    }

    /// The stage comes first, unless a base path mapping is in front of it.
    fn without_stage<'a>(&self, event: &EventPath<'a>) -> &'a str {
        let strip = |path| event.stage.and_then(|stage| strip_segment(path, stage));
        match strip(event.path) {
            Some(path) => self.without_base_path(path),
            None => match self.strip_base_path(event.path) {
                Some(path) => strip(path).unwrap_or(path),
                None => event.path,
            },
        }
    }

    fn without_base_path<'a>(&self, path: &'a str) -> &'a str {
        self.strip_base_path(path).unwrap_or(path)
    }

    /// Returns what follows the base path, if there is one and the path begins with it.
    fn strip_base_path<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.base_path.as_str() {
            "" => None,
            base_path => strip_segments(path, base_path),
        }
    }
}

impl<'a> EventPath<'a> {
    /// Splits the path where the route begins to match.
    fn split_at_route(&self) -> Option<(&'a str, &'a str)> {
        let route = self.route.as_deref()?.trim_end_matches('/');
        // Path parameters come without the slash at the end of a path.
        let at = self.path.trim_end_matches('/').strip_suffix(route)?.len();
        let (prefix, matched) = self.path.split_at(at);
        Some(match matched {
            // Slashes alone are not a prefix that a front door puts there.
            _ if prefix.bytes().all(|byte| byte == b'/') => ("", self.path),
            "" => (prefix, "/"),
            matched => (prefix, matched),
        })
    }
}

/// Returns the path that a route such as `/users/{id}/{proxy+}` matched with these parameters.
pub(super) fn route(template: &str, parameters: &Pairs<'_>) -> Option<String> {
    let mut path = String::new();
    for segment in template.strip_prefix('/')?.split('/') {
        path.push('/');
        let name = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
        path.push_str(match name {
            None => segment,
            // Test events of AWS's console have a slash in front of a greedy parameter.
            Some(name) => match name.strip_suffix('+') {
                Some(name) => parameters.get(name)?.trim_start_matches('/'),
                None => parameters.get(name)?,
            },
        });
    }
    Some(path)
}

/// Returns what follows a prefix of whole segments; never nothing.
fn strip_segments<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    match path.strip_prefix(prefix)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

fn strip_segment<'a>(path: &'a str, segment: &str) -> Option<&'a str> {
    let rest = strip_segments(path.strip_prefix('/')?, segment)?;
    Some(rest)
}

fn encoded(path: &str, is_decoded: bool) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    if is_decoded {
        encoded.extend(utf8_percent_encode(path, NOT_IN_DECODED_PATH));
    } else {
        keep_escapes(path, NOT_IN_PATH, &mut encoded);
    }
    encoded
}

/// Percent-encodes what is in `set`, and each `%` that does not begin an escape.
pub(super) fn keep_escapes(text: &str, set: &'static AsciiSet, into: &mut String) {
    let mut parts = text.split('%');
    into.extend(utf8_percent_encode(parts.next().unwrap_or_default(), set));
    for part in parts {
        let is_escape = part.len() >= 2 && part.bytes().take(2).all(|b| b.is_ascii_hexdigit());
        into.push_str(if is_escape { "%" } else { "%25" });
        into.extend(utf8_percent_encode(part, set));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'a>(path: &'a str, stage: Option<&'a str>, full: &'a str) -> EventPath<'a> {
        EventPath {
            path,
            full,
            stage,
            route: None,
            is_decoded: false,
        }
    }

    #[test]
    fn stage_is_left_out_unless_it_is_kept() {
        let mut rules = PathRules::default();
        assert_eq!(rules.apply(&path("/prod/a", Some("prod"), "/prod/a")), "/a");
        assert_eq!(rules.apply(&path("/prod", Some("prod"), "/prod")), "/");
        let other = "/production/a";
        assert_eq!(rules.apply(&path(other, Some("prod"), other)), other);
        assert_eq!(rules.apply(&path("/a", None, "/prod/a")), "/a");
        rules.keeps_stage = true;
        assert_eq!(rules.apply(&path("/a", None, "/prod/a")), "/prod/a");
    }

    #[test]
    fn base_path_is_left_out_by_whole_segments() {
        for given in ["/v1", "v1", "/v1/", "v1/"] {
            let mut rules = PathRules::default();
            rules.set_base_path(given);
            assert_eq!(rules.apply(&path("/v1/a", None, "")), "/a");
            assert_eq!(rules.apply(&path("/v1", None, "")), "/");
            assert_eq!(rules.apply(&path("/v10", None, "")), "/v10");
            assert_eq!(rules.apply(&path("/a", None, "")), "/a");
            assert_eq!(rules.apply(&path("/v1/p/a", Some("p"), "")), "/a");
        }
    }

    #[test]
    fn route_is_filled_in_from_its_parameters() {
        let parameters = |json| serde_json::from_str::<Pairs<'_>>(json).unwrap();
        for (template, json, expected) in [
            ("/", "null", Some("/")),
            ("/a/b", "null", Some("/a/b")),
            (
                "/u/{id}/{rest+}",
                r#"{"id":"7","rest":"x/y"}"#,
                Some("/u/7/x/y"),
            ),
            ("/{proxy+}", r#"{"proxy":"/a"}"#, Some("/a")),
            ("/{proxy+}", "null", None),
            ("$default", "null", None),
            ("", "null", None),
        ] {
            let route = route(template, &parameters(json));
            assert_eq!(route.as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn route_decides_what_is_a_prefix() {
        for (given, route, prefix, matched) in [
            ("/api/users", "/api/users", "", "/api/users"),
            ("/api/users", "/users", "/api", "/users"),
            ("/v1/Prod/foo/", "/foo", "/v1/Prod", "/foo/"),
            ("/v1", "/", "/v1", "/"),
            ("/v1/", "/", "/v1", "/"),
            ("/", "/", "", "/"),
            ("//a//", "/a", "", "//a//"),
        ] {
            let mut path = path(given, None, given);
            path.route = Some(route.to_owned());
            assert_eq!(path.split_at_route(), Some((prefix, matched)), "{given}");
        }
        let mut other = path("/xusers", None, "/xusers");
        other.route = Some("/users".to_owned());
        assert_eq!(other.split_at_route(), None);
    }

    #[test]
    fn escapes_are_kept_and_the_rest_becomes_valid() {
        let rules = PathRules::default();
        for (given, expected) in [
            ("", "/"),
            ("a", "/a"),
            ("/a%2Fb%20c", "/a%2Fb%20c"),
            ("/100%", "/100%25"),
            ("/%zz%4", "/%25zz%254"),
            ("/a b/é?#", "/a%20b/%C3%A9%3F%23"),
            ("//a//", "//a//"),
            ("/a;b=1,2:@!$&'()*+~", "/a;b=1,2:@!$&'()*+~"),
        ] {
            assert_eq!(rules.apply(&path(given, None, "")), expected);
        }
    }

    #[test]
    fn decoded_path_is_encoded_once() {
        let rules = PathRules::default();
        for (given, expected) in [
            ("/item/100%41", "/item/100%2541"),
            ("/%2e%2e%2f", "/%252e%252e%252f"),
            ("/a b/é?#", "/a%20b/%C3%A9%3F%23"),
            ("/plain/+;=", "/plain/+;="),
        ] {
            let mut path = path(given, None, "");
            path.is_decoded = true;
            assert_eq!(rules.apply(&path), expected);
        }
    }
}
