use std::fmt;

use proptest::prelude::*;

use super::*;
use crate::limits::TRAILERS_LIMIT;

#[derive(Debug)]
struct Outer(Inner);

#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inner")
    }
}

impl StdError for Inner {}

impl StdError for Outer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn illegal_types_are_reported_as_unknown() {
    let long = "Q".repeat(5_000);
    for (given, reported) in [
        ("Quota", "Function.Quota"),
        ("Function.Quota", "Function.Quota"),
        ("Runtime.Quota", "Runtime.Quota"),
        ("quota", "Function.Unknown"),
        ("Q", "Function.Unknown"),
        ("Quota2", "Function.Unknown"),
        ("Sandbox.Timeout", "Function.Unknown"),
        ("Function.", "Function.Unknown"),
        ("", "Function.Unknown"),
        ("Quota\r\nx: y", "Function.Unknown"),
        (&long, "Function.Unknown"),
    ] {
        assert_eq!(Failure::new(given, "").error_type(), reported, "{given:?}");
    }
}

#[test]
fn longest_type_is_kept() {
    let longest = format!("Function.{}", "Q".repeat(ERROR_TYPE_LIMIT - 9));
    assert_eq!(Failure::new(&longest, "").error_type(), longest);
    let longer = format!("{longest}Q");
    assert_eq!(Failure::new(&longer, "").error_type(), kind::UNKNOWN);
}

#[test]
fn deserialization_checks_the_type() {
    for (document, reported) in [
        (r#"{"errorType":"Quota\r\nX: y"}"#, "Function.Unknown"),
        (r#"{"errorType":"TypeError"}"#, "Function.TypeError"),
        (
            r#"{"errorType":null,"errorMessage":null}"#,
            "Function.Error",
        ),
        (r#"{}"#, "Function.Error"),
    ] {
        let failure: Failure = serde_json::from_str(document).unwrap();
        assert_eq!(failure.error_type(), reported, "{document}");
        assert!(!failure.to_trailers().is_empty());
    }
}

#[test]
fn document_has_the_documented_fields() {
    let failure = Failure::new("Quota", "none").with_stack_trace(["a", "b"]);
    assert_eq!(
        String::from_utf8(failure.to_json()).unwrap(),
        r#"{"errorMessage":"none","errorType":"Function.Quota","stackTrace":["a","b"]}"#
    );
    assert_eq!(Failure::from_json("", &failure.to_json()), failure);
}

#[test]
fn text_document_becomes_the_message() {
    let failure = Failure::from_json("Runtime.ExitError", b"exit status: 1");
    assert_eq!(failure.error_type(), "Runtime.ExitError");
    assert_eq!(failure.to_string(), "exit status: 1");
}

#[test]
fn error_sources_become_the_stack_trace() {
    let failure = Failure::new("Quota", Outer(Inner));
    assert_eq!(failure.to_string(), "outer");
    assert_eq!(failure.stack_trace(), ["caused by: inner"]);
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn long_message_is_cut_to_the_limit() {
    let limit = trailers::document_limit("Function.Quota");
    for message in [
        "m".repeat(100_000),
        "\u{0}".repeat(100_000),
        "é".repeat(5_000),
    ] {
        let cut = Failure::new("Quota", message).to_json_within(limit).len();
        // One more character, six bytes at most, would not have fit.
        assert!(cut <= limit && cut > limit - 6, "{cut} of {limit}");
    }
}

#[test]
fn message_outlives_a_long_stack_trace() {
    let trace = ["t".repeat(5_000)];
    let failure = Failure::new("Quota", "none left").with_stack_trace(trace);
    let read = Failure::from_trailers(&failure.to_trailers()).unwrap();
    assert_eq!(read.to_string(), "none left… (cut)");
    assert!(read.stack_trace().is_empty());
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn document_fits_the_error_limit() {
    let failure = Failure::new("Quota", "m".repeat(8 * 1024 * 1024));
    assert!(failure.to_json().len() <= ERROR_DOCUMENT_LIMIT);
}

proptest! {
    #![proptest_config(crate::testing::cases(64))]
    #[test]
    fn any_failure_fits_into_trailers(
        error_type in "(Function\\.|Runtime\\.)?[A-Za-z\\r\\n: ]{0,300}",
        message in "(\\PC|\u{0}|é){0,2000}",
        trace in prop::collection::vec(".{0,500}", 0..8),
    ) {
        let failure = Failure::new(&error_type, message.as_str()).with_stack_trace(trace);
        let trailers = failure.to_trailers();
        let size: usize = trailers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
        prop_assert!(size + 5 <= TRAILERS_LIMIT);
        let read = Failure::from_trailers(&trailers).unwrap();
        prop_assert_eq!(read.error_type(), failure.error_type());
        let read = read.to_string();
        prop_assert!(message.starts_with(read.strip_suffix(CUT).unwrap_or(&read)));
    }
}
