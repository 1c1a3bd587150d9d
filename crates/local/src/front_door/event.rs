//! What the events of the HTTP doors have in common.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use percent_encoding::percent_decode;

/// Returns the value of a header as text.
pub(super) fn header(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Returns the parameters of a query, decoded, in their order.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// Returns the text without its percent encoding.
pub(super) fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes())
        .decode_utf8_lossy()
        .into_owned()
}

/// Returns a body as an event has it: text as it is, anything else in base64; nothing for an empty
/// one.
pub(super) fn encoded(headers: &HeaderMap, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let is_textual = !headers.contains_key(CONTENT_ENCODING)
        && header(headers, &CONTENT_TYPE).is_some_and(is_text);
    match std::str::from_utf8(body) {
        Ok(text) if is_textual => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

/// AWS documents only that "binary" bodies are base64. Which types are not was seen on live AWS by
/// the authors of an emulator (<https://github.com/ministackorg/ministack/pull/766>): these, and
/// neither `application/x-www-form-urlencoded` nor a missing type.
fn is_text(content_type: String) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence.starts_with("text/")
        || matches!(
            essence.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        )
}

/// Returns the time in the form `12/Mar/2020:19:03:58 +0000`.
pub(super) fn common_log_time(now: SystemTime) -> String {
    // `Thu, 12 Mar 2020 19:03:58 GMT`; httpdate knows the calendar, and no year before 1970.
    let date = httpdate::fmt_http_date(now.max(SystemTime::UNIX_EPOCH));
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().unwrap_or_default();
    format!("{}/{}/{}:{} +0000", word(), word(), word(), word())
}
