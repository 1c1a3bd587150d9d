//! The headers that come with an event.

use bytes::Bytes;

use lambda_stream_wire::api::EVENT_HEADERS;

/// The headers of `GET …/invocation/next` that mean something, as they came.
///
/// Slices of the head that was read: keeping them copies and allocates nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventHeaders([Bytes; EVENT_HEADERS.len()]);

impl EventHeaders {
    /// Picks the values out of all headers. Of a repeated header the first counts.
    pub(crate) fn find<'a>(
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> [Option<&'a [u8]>; EVENT_HEADERS.len()] {
        let mut found = [None; EVENT_HEADERS.len()];
        for (name, value) in headers {
            if let Some(at) = EVENT_HEADERS
                .iter()
                .position(|n| n.eq_ignore_ascii_case(name))
            {
                found[at].get_or_insert(value);
            }
        }
        found
    }

    /// The values in the order of [`EVENT_HEADERS`]; an empty one counts as absent.
    pub(crate) fn new(values: [Bytes; EVENT_HEADERS.len()]) -> Self {
        Self(values)
    }

    /// The value of one of [`EVENT_HEADERS`].
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let at = EVENT_HEADERS.iter().position(|known| *known == name)?;
        Some(&self.0[at][..]).filter(|value| !value.is_empty())
    }

    /// The same with this value.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        if let Some(at) = EVENT_HEADERS.iter().position(|known| *known == name) {
            self.0[at] = value.into();
        }
        self
    }
}
