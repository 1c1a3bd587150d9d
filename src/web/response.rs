//! A response that is streamed.

use http::Response;
use http_body::Body;

use crate::error::Error;
use crate::response::{BodyChunks, Head, IntoResponse, Payload};

/// What the app answered, and whether it was asked for the head alone.
pub(super) struct Answer<B> {
    pub(super) response: Response<B>,
    pub(super) is_head: bool,
}

impl<B> IntoResponse for Answer<B>
where
    B: Body,
    B::Error: Into<Error>,
{
    type Payload = Payload<BodyChunks<B>>;

    fn into_response(self) -> crate::response::Response<Self::Payload> {
        let (parts, body) = self.response.into_parts();
        let mut head = Head::from(parts);
        if self.is_head {
            head = head.without_body();
        }
        crate::response::Response::new(head, BodyChunks::new(body))
    }
}
