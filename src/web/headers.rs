//! The headers of a request.

use bytes::Bytes;
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use super::event::{Fields, Invalid, Pairs, share};

/// Where the trace of a request is told, by front doors and by what the app calls.
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Number of different names that a [`HeaderMap`] holds.
const NAMES_LIMIT: &str = "24,576";

/// Returns the headers of an event: the multi-value ones, those of the others that are not among
/// them, and the cookies that stand apart in format 2.0 (AWS, "Create AWS Lambda proxy integrations
/// for HTTP APIs").
///
/// `trace_id` takes the place of the front door's trace header, which has only the root of the
/// trace: the invocation's own names its parent and whether it is sampled.
pub(super) fn headers(
    fields: &Fields<'_>,
    event: &Bytes,
    trace_id: Option<&str>,
) -> Result<HeaderMap, Invalid> {
    let (multi, single) = (&fields.multi_value_headers, &fields.headers);
    // A guess that is enough for real requests, and small for the others.
    let names = multi.0.len().max(single.0.len()).min(64) + 2;
    let mut headers = HeaderMap::with_capacity(names);
    append(&mut headers, multi, event, false)?;
    append(&mut headers, single, event, !multi.is_empty())?;
    let cookies = &fields.cookies.0;
    if !cookies.is_empty() {
        set(&mut headers, COOKIE, &cookies.join("; "))?;
    }
    if let Some(trace_id) = trace_id {
        set(&mut headers, TRACE_ID, trace_id)?;
    }
    Ok(headers)
}

/// Adds headers. What HTTP cannot carry is left out: no client can have sent it.
fn append(
    headers: &mut HeaderMap,
    pairs: &Pairs<'_>,
    event: &Bytes,
    only_new: bool,
) -> Result<(), Invalid> {
    for (name, value) in &pairs.0 {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            tracing::warn!(?name, "left out a header of the event: not a header name");
            continue;
        };
        if only_new && headers.contains_key(&name) {
            continue;
        }
        let Ok(value) = HeaderValue::from_maybe_shared(share(value, event)) else {
            tracing::warn!(%name, "left out a header of the event: its value has a control character");
            continue;
        };
        headers.try_append(name, value).map_err(|_| too_many())?;
    }
    Ok(())
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Invalid> {
    let Ok(value) = HeaderValue::try_from(value) else {
        tracing::warn!(%name, "left out a header of the event: its value has a control character");
        return Ok(());
    };
    headers.try_insert(name, value).map_err(|_| too_many())?;
    Ok(())
}

fn too_many() -> Invalid {
    Invalid(format!(
        "`headers` has more than {NAMES_LIMIT} different names, the most that a request can have"
    ))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn read(event: &str, trace_id: Option<&str>) -> Result<HeaderMap, Invalid> {
        let event = Bytes::copy_from_slice(event.as_bytes());
        headers(&serde_json::from_slice(&event).unwrap(), &event, trace_id)
    }

    #[test]
    fn values_are_merged_and_invalid_ones_left_out() {
        let event = r#"{"headers":{"A":"last","B":"b","c d":"x","e":"a\nb","N":7,"U":"é"},
            "multiValueHeaders":{"a":["first","last"]}}"#;
        let headers = read(event, None).unwrap();
        let a: Vec<_> = headers.get_all("a").iter().collect();
        assert_eq!(a, ["first", "last"]);
        assert_eq!(headers["b"], "b");
        assert_eq!(headers["n"], "7");
        assert_eq!(headers["u"].as_bytes(), "é".as_bytes());
        assert_eq!(headers.keys_len(), 4);
    }

    #[test]
    fn cookies_become_one_header() {
        let event = r#"{"headers":{"cookie":"a=1; b=2"},"cookies":["a=1","b=2"]}"#;
        assert_eq!(read(event, None).unwrap()["cookie"], "a=1; b=2");
        let event = r#"{"headers":{"cookie":"a=1"},"cookies":null}"#;
        assert_eq!(read(event, None).unwrap()["cookie"], "a=1");
    }

    #[test]
    fn trace_of_the_invocation_replaces_the_root_alone() {
        let event = r#"{"headers":{"X-Amzn-Trace-Id":"Root=1-2-3"}}"#;
        assert_eq!(read(event, None).unwrap()["x-amzn-trace-id"], "Root=1-2-3");
        let whole = "Root=1-2-3;Parent=4;Sampled=1";
        let headers = read(event, Some(whole)).unwrap();
        let all: Vec<_> = headers.get_all("x-amzn-trace-id").iter().collect();
        assert_eq!(all, [whole]);
    }

    #[test]
    fn too_many_names_are_an_error_that_names_the_limit() {
        let event = |names: usize| {
            let mut event = r#"{"headers":{"a":"0""#.to_owned();
            for name in 1..names {
                write!(event, r#","a{name}":"0""#).unwrap();
            }
            event + "}}"
        };
        assert_eq!(read(&event(24_576), None).unwrap().keys_len(), 24_576);
        for (names, trace_id) in [(24_577, None), (24_576, Some("Root=1"))] {
            let Invalid(text) = read(&event(names), trace_id).unwrap_err();
            assert!(text.contains("24,576"), "{text}");
        }
    }
}
