//! The body of an answer to a client.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::body::HttpBody;
use super::invoke_api::EventStreamBody;
use crate::page::Feed;

/// An answer to a client.
pub(super) type Reply = Response<ReplyBody>;

/// The body of an answer.
pub(super) enum ReplyBody {
    Full(Full<Bytes>),
    Http(HttpBody),
    EventStream(EventStreamBody),
    Feed(Feed),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Full(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Http(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::EventStream(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Feed(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(body) => body.is_end_stream(),
            Self::Http(body) => body.is_end_stream(),
            Self::EventStream(body) => body.is_end_stream(),
            Self::Feed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => body.size_hint(),
            Self::Http(body) => body.size_hint(),
            Self::EventStream(body) => body.size_hint(),
            Self::Feed(body) => body.size_hint(),
        }
    }
}

impl From<Full<Bytes>> for ReplyBody {
    fn from(body: Full<Bytes>) -> Self {
        Self::Full(body)
    }
}
