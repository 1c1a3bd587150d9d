//! The response of an app, streamed.

use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Response, StatusCode, response};
use http_body::Body;

use crate::error::Error;
use crate::response::{BodyChunks, Head, IntoResponse, Payload};

/// The name under which a Function URL passes on a `content-length` (contract of AWS's remapped
/// headers, "Amazon API Gateway important notes"; users report the same of Function URLs).
const REMAPPED_LENGTH: HeaderName = HeaderName::from_static("x-amzn-remapped-content-length");

/// What the app answered, and whether it was asked for the head alone.
pub(super) struct Answer<B> {
    pub(super) response: Response<B>,
    pub(super) is_head: bool,
}

impl<B> Answer<B>
where
    B: Body<Error: Into<Error>>,
{
    /// Takes the answer apart; the head says how long the body is, or would be.
    pub(super) fn into_parts(self, is_streamed: bool) -> (Head, B) {
        let (mut parts, body) = self.response.into_parts();
        let length = stated_length(&parts).or_else(|| {
            let length = body.size_hint().exact();
            length.filter(|_| self.is_head)
        });
        parts.headers.remove(CONTENT_LENGTH);
        // A front door that buffers counts the bytes of a body itself.
        let is_needed = self.is_head || is_streamed;
        let is_told = is_needed && parts.status != StatusCode::NO_CONTENT;
        if let Some(length) = length.filter(|length| is_told && *length > 0) {
            // A map that is full already is too large for a head anyway.
            let _ = parts
                .headers
                .try_insert(REMAPPED_LENGTH, HeaderValue::from(length));
        }
        let mut head = Head::from(parts);
        if self.is_head {
            head = head.without_body();
        }
        (head, body)
    }
}

/// Returns the length that the app has set, if it is one.
fn stated_length(parts: &response::Parts) -> Option<u64> {
    let length = parts.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<B> IntoResponse for Answer<B>
where
    B: Body<Error: Into<Error>>,
{
    type Payload = Payload<BodyChunks<B>>;

    fn into_response(self) -> crate::response::Response<Self::Payload> {
        let (head, body) = self.into_parts(true);
        crate::response::Response::new(head, BodyChunks::new(body))
    }
}
