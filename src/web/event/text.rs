//! The values of an event, read leniently: `null` means absent, and a number or a boolean is text.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

/// A text that borrows from the event where JSON has not escaped it; `None` if it was not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Text<'a>(pub(in crate::web) Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    pub(in crate::web) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(in crate::web) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

macro_rules! visit_scalars {
    ($($method:ident: $type:ty),+) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<Self::Value, E> {
            self.visit_string(value.to_string())
        })+
    };
}

struct TextVisitor {
    /// Whether a list or an object is an error; it is absent otherwise.
    is_strict: bool,
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(text))))
    }

    fn visit_unit<E: Error>(self) -> Result<Text<'de>, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
        if self.is_strict {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Text<'de>, A::Error> {
        if self.is_strict {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    visit_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor { is_strict: true })
    }
}

/// Reads a text that a request does not need: what is not one counts as absent.
pub(super) fn optional_text<'de: 'a, 'a, D>(deserializer: D) -> Result<Text<'a>, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(TextVisitor { is_strict: false })
}

/// Texts of a list, or one text alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Texts<'a>(pub(in crate::web) Vec<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut texts = Vec::new();
        deserializer.deserialize_any(Values(|text| texts.push(text)))?;
        Ok(Self(texts))
    }
}

/// Names and values of an object, in the order of the event. A value that is a list stands once for
/// each of its items.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::web) struct Pairs<'a>(pub(in crate::web) Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Pairs<'_> {
    pub(in crate::web) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the last value of this name, as maps of JSON do.
    pub(in crate::web) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter().rev();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings or lists of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
        // Most objects of an event are the headers of a request, and JSON does not tell their
        // number.
        let mut pairs = Vec::with_capacity(16);
        while let Some(Text(name)) = map.next_key()? {
            let name = name.unwrap_or_default();
            map.next_value_seed(Values(|value| pairs.push((name.clone(), value))))?;
        }
        Ok(Pairs(pairs))
    }

    fn visit_unit<E: Error>(self) -> Result<Pairs<'de>, E> {
        Ok(Pairs::default())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor)
    }
}

/// Hands over the texts of a text, a list or `null`. An object is not a text, and is left out.
struct Values<F>(F);

impl<'de, F: FnMut(Cow<'de, str>)> DeserializeSeed<'de> for Values<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Cow<'de, str>)> Visitor<'de> for Values<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_borrowed_str<E: Error>(mut self, text: &'de str) -> Result<(), E> {
        (self.0)(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(mut self, text: String) -> Result<(), E> {
        (self.0)(Cow::Owned(text));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    visit_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(Text(text)) = items.next_element()? {
            if let Some(text) = text {
                (self.0)(text);
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A text of an event that outlives its decoding: a part of the event's bytes where it was
/// borrowed.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct SharedText(Bytes);

impl SharedText {
    pub(in crate::web) fn new(text: &str, event: &Bytes) -> Self {
        Self(share(text, event))
    }

    pub(in crate::web) fn as_str(&self) -> &str {
        // It was a text when it was shared, so this does not fail.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// Returns the bytes of a text, without a copy where it is a part of the event.
pub(in crate::web) fn share(text: &str, event: &Bytes) -> Bytes {
    let (whole, part) = (event.as_ptr_range(), text.as_bytes().as_ptr_range());
    if whole.start <= part.start && part.end <= whole.end {
        event.slice_ref(text.as_bytes())
    } else {
        Bytes::copy_from_slice(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_borrow_unless_they_are_escaped() {
        let Text(plain) = serde_json::from_str(r#""plain é""#).unwrap();
        assert!(matches!(plain, Some(Cow::Borrowed("plain é"))));
        let Text(escaped) = serde_json::from_str(r#""a\nb""#).unwrap();
        assert_eq!(escaped, Some(Cow::<str>::Owned("a\nb".to_owned())));
    }

    #[test]
    fn scalars_are_texts_and_null_is_absent() {
        for (json, text) in [("null", None), ("7", Some("7")), ("true", Some("true"))] {
            assert_eq!(serde_json::from_str::<Text>(json).unwrap().as_deref(), text);
        }
        assert!(serde_json::from_str::<Text>("{}").is_err());
    }

    #[test]
    fn pairs_keep_order_and_skip_what_is_not_text() {
        let json = r#"{"z":["1",2,null],"a":"","m":null,"o":{"x":[1]},"b":true}"#;
        let Pairs(pairs) = serde_json::from_str(json).unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(pairs, [("z", "1"), ("z", "2"), ("a", ""), ("b", "true")]);
        assert!(serde_json::from_str::<Pairs>("null").unwrap().is_empty());
    }
}
