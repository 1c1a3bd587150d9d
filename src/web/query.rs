//! The query of a request, from a text or from a list of parameters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::event::Pairs;
use super::path::{NOT_IN_QUERY, keep_escapes};

/// What has to be encoded in a decoded name or value: all but the unreserved characters of RFC
/// 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns a query that came in one piece.
pub(super) fn from_text(query: &str) -> Option<String> {
    if query.is_empty() {
        return None;
    }
    let mut valid = String::with_capacity(query.len());
    keep_escapes(query, NOT_IN_QUERY, &mut valid);
    Some(valid)
}

/// Returns the query of parameters that are as the client sent them, as behind a load balancer
/// (AWS, "Lambda functions as targets": "If the query parameters are URL-encoded, the load balancer
/// does not decode them").
pub(super) fn from_encoded(parameters: &Pairs<'_>) -> Option<String> {
    join(parameters, |text, query| {
        keep_escapes(text, NOT_IN_QUERY, query);
    })
}

/// Returns the query of parameters that the front door has decoded, as API Gateway does for
/// format 1.0.
pub(super) fn from_decoded(parameters: &Pairs<'_>) -> Option<String> {
    join(parameters, |text, query| {
        query.extend(utf8_percent_encode(text, RESERVED));
    })
}

/// An empty value is written as `name=`: the parameters do not tell it from a name alone.
fn join(parameters: &Pairs<'_>, push: impl Fn(&str, &mut String)) -> Option<String> {
    if parameters.is_empty() {
        return None;
    }
    let mut query = String::new();
    for (name, value) in &parameters.0 {
        if !query.is_empty() {
            query.push('&');
        }
        push(name, &mut query);
        query.push('=');
        push(value, &mut query);
    }
    Some(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str) -> Pairs<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn order_and_repetition_are_kept() {
        let parameters = parameters(r#"{"z":["1","2"],"a":"","m":null}"#);
        assert_eq!(from_decoded(&parameters).unwrap(), "z=1&z=2&a=");
        assert_eq!(from_encoded(&parameters).unwrap(), "z=1&z=2&a=");
    }

    #[test]
    fn decoded_parameters_are_encoded_and_others_kept() {
        let parameters = parameters(r#"{"a b":"c&d=é%41+"}"#);
        assert_eq!(
            from_decoded(&parameters).unwrap(),
            "a%20b=c%26d%3D%C3%A9%2541%2B"
        );
        assert_eq!(from_encoded(&parameters).unwrap(), "a%20b=c&d=%C3%A9%41+");
    }

    #[test]
    fn query_in_one_piece_is_kept() {
        assert_eq!(from_text(""), None);
        assert_eq!(from_text("a=%20&a=+&b").unwrap(), "a=%20&a=+&b");
        assert_eq!(from_text("a= #%").unwrap(), "a=%20%23%25");
    }
}
