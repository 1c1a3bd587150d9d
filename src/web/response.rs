//! A response that is streamed.

use http::Response;
use http_body::Body;

use crate::error::Error;
use crate::response::{BodyPayload, Form, FromBody, Head, IntoResponse};

/// What the app answered, and whether it was asked for the head alone.
pub(super) struct Answer<B> {
    pub(super) response: Response<B>,
    pub(super) is_head: bool,
}

impl<B> IntoResponse<FromBody> for Answer<B>
where
    B: Body,
    B::Error: Into<Error>,
{
    type Payload = BodyPayload<B>;

    fn into_response(self) -> crate::response::Response<Self::Payload> {
        let (parts, body) = self.response.into_parts();
        let mut head = Head::from(parts);
        if self.is_head {
            head = head.without_body();
        }
        crate::response::Response::new(Form::Http(head), BodyPayload::new(body))
    }
}
