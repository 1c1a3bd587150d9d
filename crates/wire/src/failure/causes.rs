//! The messages of an error's sources, each told once.

use std::error::Error as StdError;

use super::Failure;

/// What goes before each cause in a stack trace.
pub(super) const CAUSED_BY: &str = "caused by: ";

/// Returns the messages of an error's [sources](StdError::source), outermost first.
///
/// A message that stands in one before it already, as whole words, is left out: many errors
/// repeat their source in their own text. The stack trace of a [`Failure`] counts as its sources.
///
/// ```
/// use lambda_stream_wire::Failure;
/// use lambda_stream_wire::failure::causes;
///
/// let failure = Failure::new("Quota", "no tokens left").with_stack_trace(["caused by: a bug"]);
/// assert_eq!(causes(&failure), ["a bug"]);
/// ```
pub fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut told = vec![error.to_string()];
    add_stack_trace(&mut told, error);
    let mut source = error.source();
    while let Some(cause) = source {
        tell(&mut told, cause.to_string());
        add_stack_trace(&mut told, cause);
        source = cause.source();
    }
    told.split_off(1)
}

fn add_stack_trace(told: &mut Vec<String>, error: &(dyn StdError + 'static)) {
    let Some(failure) = error.downcast_ref::<Failure>() else {
        return;
    };
    for line in failure.stack_trace() {
        let line = line.strip_prefix(CAUSED_BY).unwrap_or(line);
        tell(told, line.to_owned());
    }
}

fn tell(told: &mut Vec<String>, message: String) {
    if !told.iter().any(|before| mentions(before, &message)) {
        told.push(message);
    }
}

/// Whether `text` contains `part` as whole words.
pub(super) fn mentions(text: &str, part: &str) -> bool {
    let ends_word = |char: Option<char>| !char.is_some_and(char::is_alphanumeric);
    part.is_empty()
        || text.match_indices(part).any(|(start, part)| {
            ends_word(text[..start].chars().next_back())
                && ends_word(text[start + part.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Layer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|layer| layer as &dyn StdError)
        }
    }

    fn layers<const N: usize>(texts: [&'static str; N]) -> Layer {
        let mut layers = texts.into_iter().rev();
        let innermost = Layer(layers.next().expect("a text"), None);
        layers.fold(innermost, |inner, text| Layer(text, Some(Box::new(inner))))
    }

    #[test]
    fn each_cause_is_told_once() {
        for (texts, told) in [
            (["a", "b", "c"], &["b", "c"][..]),
            (["a: b: c", "b: c", "c"], &[]),
            (["a: b", "b", "c"], &["c"]),
            (["a", "b: c", "c"], &["b: c"]),
            (["c while reading", "b", "c"], &["b"]),
            (["cannot read", "", "read"], &[]),
            (["a: broken", "ok", "a"], &["ok"]),
        ] {
            assert_eq!(causes(&layers(texts)), told, "{texts:?}");
        }
    }

    #[test]
    fn part_of_a_word_does_not_count() {
        assert!(!mentions("cannot read", "no"));
        assert!(!mentions("éa", "a"));
        assert!(mentions("no: (a)", "a"));
        assert!(mentions("aa a", "a"));
    }
}
