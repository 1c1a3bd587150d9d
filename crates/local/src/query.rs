//! The queries of requests.

use percent_encoding::percent_decode_str;

/// Returns the value of a parameter of a query; one that is empty counts as missing.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
        .filter(|value| !value.is_empty())
}
