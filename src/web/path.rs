//! The path that the app sees.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What no query of a URI may have (RFC 3986, section 3.4), beside `%`, which is looked at separately.
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
    /// Without stage if `stage` is none.
    pub(super) path: &'a str,
    /// The stage that the path may begin with.
    pub(super) stage: Option<&'a str>,
    /// The path as the client asked for it.
    pub(super) full: &'a str,
}

impl PathRules {
    pub(super) fn set_base_path(&mut self, prefix: &str) {
        let prefix = prefix.trim_matches('/');
        self.base_path = match prefix {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
    }

    /// The path of the request: it begins with `/` and can stand in a URI.
    pub(super) fn apply(&self, event: &EventPath<'_>) -> String {
        let path = match event.stage {
            _ if self.keeps_stage => event.full,
            Some(stage) => without_prefix(event.path, &format!("/{stage}")),
            None => event.path,
        };
        let path = match self.base_path.as_str() {
            "" => path,
            base_path => without_prefix(path, base_path),
        };
        encoded(path)
    }
}

/// The path without a prefix of whole segments.
fn without_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    keep_escapes(path, NOT_IN_PATH, &mut encoded);
    encoded
}

/// Percent-encodes what is in `set`, and each `%` that begins no escape.
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
        EventPath { path, stage, full }
    }

    #[test]
    fn the_stage_is_left_out_unless_it_is_kept() {
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
    fn a_base_path_is_left_out_by_whole_segments() {
        for given in ["/v1", "v1", "/v1/", "v1/"] {
            let mut rules = PathRules::default();
            rules.set_base_path(given);
            assert_eq!(rules.apply(&path("/v1/a", None, "")), "/a");
            assert_eq!(rules.apply(&path("/v1", None, "")), "/");
            assert_eq!(rules.apply(&path("/v10", None, "")), "/v10");
            assert_eq!(rules.apply(&path("/a", None, "")), "/a");
        }
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
}
