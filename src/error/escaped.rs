//! Text that is safe to be written to a log or a terminal.

use std::fmt::{self, Write};

/// A text whose control characters are escaped, so that it cannot forge another line.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(ends_a_line) {
            let (plain, special) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut chars = special.chars();
            if let Some(char) = chars.next() {
                write!(self.0, "{}", char.escape_default())?;
            }
            rest = chars.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Whether a character can end a line, or change what a terminal shows of it: control characters,
/// the separators of Unicode, and the marks that reverse its direction.
fn ends_a_line(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_break_in_a_message_is_escaped() {
        for (text, escaped) in [
            ("a\r\nERROR b\u{1b}[31m é", r"a\r\nERROR b\u{1b}[31m é"),
            ("\u{2028}a\u{202e}", r"\u{2028}a\u{202e}"),
            ("", ""),
            ("\\n", r"\n"),
        ] {
            assert_eq!(Escaped(text).to_string(), escaped);
        }
    }
}
