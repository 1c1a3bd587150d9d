//! The value of `content-disposition` for a file to be saved.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that RFC 8187 (`attr-char`) does not allow unencoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Returns `attachment; filename="…"`, with a `filename*` if the name cannot be written that way.
///
/// Clients read `%`, `\` and `"` inside quotes in different ways (RFC 6266, appendix D).
pub(super) fn disposition(filename: &str) -> String {
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%');
    let plain: String = filename
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    if plain == filename {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = utf8_percent_encode(filename, ENCODED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_header_value() {
        for (name, value) in [
            ("a b.csv", r#"attachment; filename="a b.csv""#),
            (
                "é%\".csv",
                "attachment; filename=\"___.csv\"; filename*=UTF-8''%C3%A9%25%22.csv",
            ),
            (
                "a\r\nb: c",
                "attachment; filename=\"a__b: c\"; filename*=UTF-8''a%0D%0Ab%3A%20c",
            ),
        ] {
            assert_eq!(disposition(name), value);
            http::HeaderValue::from_str(value).unwrap();
        }
    }
}
