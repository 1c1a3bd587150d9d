//! Decodes the bytes of an event into the type that a handler takes.

use std::any::Any;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::Failure;
use lambda_stream_wire::failure::kind;

/// Decodes an event, or passes it through if the handler takes [`Bytes`].
///
/// # Errors
///
/// `Function.InvalidEvent`, with the path to the field that is wrong or missing.
pub(crate) fn decode<T: DeserializeOwned + 'static>(event: Bytes) -> Result<T, Failure> {
    // `Bytes` can be decoded from JSON, too, but a handler that takes bytes does not mean an array
    // of numbers. The downcast succeeds exactly if `T` is `Bytes`, and is resolved at compile
    // time.
    let mut event = Some(event);
    if let Some(raw) = (&mut event as &mut dyn Any).downcast_mut::<Option<T>>() {
        if let Some(raw) = raw.take() {
            return Ok(raw);
        }
    }
    let event = event.unwrap_or_default();
    serde_json::from_slice(&event).map_err(|_| describe::<T>(&event))
}

/// Decodes once more, slower, to find the field that failed.
fn describe<T: DeserializeOwned>(event: &[u8]) -> Failure {
    let mut deserializer = serde_json::Deserializer::from_slice(event);
    let text = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => match error.path().to_string() {
            path if path == "." => error.inner().to_string(),
            path => format!("`{path}`: {}", error.inner()),
        },
        Ok(_) => match deserializer.end() {
            Err(error) => error.to_string(),
            Ok(()) => "it failed to decode once".to_owned(),
        },
    };
    Failure::new(
        kind::INVALID_EVENT,
        format!(
            "the event cannot be decoded into `{}`: {text}",
            std::any::type_name::<T>()
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        n: u8,
    }

    #[test]
    fn bytes_are_handed_through() {
        let event = Bytes::from_static(b"no JSON \0 at all");
        let decoded: Bytes = decode(event.clone()).unwrap();
        assert_eq!(decoded.as_ptr(), event.as_ptr(), "no copy");
        assert_eq!(decoded, event);
    }

    #[test]
    fn types_are_decoded() {
        let outer: Outer = decode(Bytes::from_static(br#"{"inner":[{"n":7}]}"#)).unwrap();
        assert_eq!(outer.inner[0].n, 7);
        let value: Value = decode(Bytes::from_static(b"\"x\"")).unwrap();
        assert_eq!(value, "x");
    }

    #[test]
    fn an_error_names_the_field() {
        for (event, names) in [
            (r#"{"inner":[{"n":1},{"n":300}]}"#, "`inner[1].n`"),
            (r#"{"inner":[{}]}"#, "missing field `n`"),
            (r#"{}"#, "missing field `inner`"),
            ("", "EOF"),
            (r#"{"inner":[]} x"#, "trailing characters"),
        ] {
            let failure = decode::<Outer>(Bytes::from(event)).unwrap_err();
            assert_eq!(failure.error_type(), "Function.InvalidEvent");
            assert!(failure.to_string().contains(names), "{event}: {failure}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_event_panics(event: Vec<u8>) {
            let _ = decode::<Outer>(event.clone().into());
            let _ = decode::<Value>(event.into());
        }
    }
}
