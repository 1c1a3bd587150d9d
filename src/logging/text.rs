//! Lines as text.

use std::fmt::{self, Write};

use tracing::Level;

use super::layer::Line;
use crate::error::Escaped;

const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// Returns a line as text. Control characters in it are escaped.
pub(super) fn line(line: &Line<'_>, is_coloured: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, line, is_coloured);
    text.push('\n');
    text
}

fn write(text: &mut String, line: &Line<'_>, is_coloured: bool) -> fmt::Result {
    let [dim, colour, reset] = match is_coloured {
        true => [DIM, colour(line.level), RESET],
        false => [""; 3],
    };
    write!(text, "{dim}{}{reset} ", line.time)?;
    write!(text, "{colour}{}{reset} ", line.level)?;
    if let Some(id) = &line.fields.request_id {
        write!(text, "{dim}{}{reset} ", Escaped(id))?;
    }
    write!(text, "{dim}{}:{reset} ", Escaped(line.target))?;
    write!(text, "{}", Escaped(&line.fields.message))?;
    for (name, value) in &line.fields.values {
        // JSON quotes strings, and escapes what the rest does not.
        write!(text, " {dim}{}={reset}{}", Escaped(name), Escaped(value))?;
    }
    Ok(())
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::Fields;
    use super::*;

    #[test]
    fn colours_frame_what_is_escaped() {
        let fields = Fields {
            message: "a\u{1b}[0m".to_owned(),
            request_id: Some("1".to_owned()),
            values: vec![("n".to_owned(), 7.into())],
        };
        let warning = Line {
            time: "T".to_owned(),
            level: Level::WARN,
            target: "my_app",
            fields,
        };
        assert_eq!(line(&warning, false), "T WARN 1 my_app: a\\u{1b}[0m n=7\n");
        assert_eq!(
            line(&warning, true),
            "\u{1b}[2mT\u{1b}[0m \u{1b}[33mWARN\u{1b}[0m \u{1b}[2m1\u{1b}[0m \u{1b}[2mmy_app:\u{1b}[0m \
             a\\u{1b}[0m \u{1b}[2mn=\u{1b}[0m7\n"
        );
    }
}
