//! The query of events that list parameters instead of having it in one piece.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::path::{NOT_IN_QUERY, keep_escapes};

/// What has to be encoded in a decoded name or value: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Parameters in the order of the event, which the maps of `aws_lambda_events` do not keep.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, Vec<String>)>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
    Null(()),
}

impl Parameters {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The query, from names and values that are as the client sent them.
    ///
    /// So does ALB (AWS, "Lambda functions as targets": "If the query parameters are URL-encoded, the load
    /// balancer does not decode them").
    pub(super) fn as_sent(&self) -> Option<String> {
        self.join(|text, query| keep_escapes(text, NOT_IN_QUERY, query))
    }

    /// The query, from names and values that the front door has decoded, as API Gateway does for 1.0.
    pub(super) fn encoded(&self) -> Option<String> {
        self.join(|text, query| query.extend(utf8_percent_encode(text, RESERVED)))
    }

    fn join(&self, push: impl Fn(&str, &mut String)) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut query = String::new();
        let pairs = self
            .0
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        for (name, value) in pairs {
            if !query.is_empty() {
                query.push('&');
            }
            push(name, &mut query);
            query.push('=');
            push(value, &mut query);
        }
        Some(query)
    }
}

/// A query in one piece, as the client sent it.
pub(super) fn as_sent(query: &str) -> Option<String> {
    if query.is_empty() {
        return None;
    }
    let mut valid = String::with_capacity(query.len());
    keep_escapes(query, NOT_IN_QUERY, &mut valid);
    Some(valid)
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Parameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of query parameters, each a string or a list of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
                let mut parameters = Vec::new();
                while let Some((name, values)) = map.next_entry()? {
                    let values = match values {
                        Values::One(value) => vec![value],
                        Values::Many(values) => values,
                        Values::Null(()) => Vec::new(),
                    };
                    parameters.push((name, values));
                }
                Ok(Parameters(parameters))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str) -> Parameters {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn order_and_repetition_are_kept() {
        let parameters = parameters(r#"{"z":["1","2"],"a":"","m":null}"#);
        assert_eq!(parameters.encoded().unwrap(), "z=1&z=2&a=");
        assert_eq!(parameters.as_sent().unwrap(), "z=1&z=2&a=");
    }

    #[test]
    fn decoded_parameters_are_encoded_and_others_kept() {
        let parameters = parameters(r#"{"a b":"c&d=é%41+"}"#);
        assert_eq!(
            parameters.encoded().unwrap(),
            "a%20b=c%26d%3D%C3%A9%2541%2B"
        );
        assert_eq!(parameters.as_sent().unwrap(), "a%20b=c&d=%C3%A9%41+");
    }

    #[test]
    fn a_query_in_one_piece_is_kept() {
        assert_eq!(as_sent(""), None);
        assert_eq!(as_sent("a=%20&a=+&b").unwrap(), "a=%20&a=+&b");
        assert_eq!(as_sent("a= #%").unwrap(), "a=%20%23%25");
    }
}
