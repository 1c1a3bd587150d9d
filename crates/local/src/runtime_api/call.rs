//! The calls of the Runtime API.

use http::Method;
use lambda_stream_wire::api;

/// What a path of the Runtime API asks for.
#[derive(Debug)]
pub(super) enum Call<'a> {
    Next,
    Response(&'a str),
    Error(&'a str),
    InitError,
}

impl<'a> Call<'a> {
    pub(super) fn of(method: &Method, path: &'a str) -> Option<Self> {
        let path = path.strip_prefix(api::VERSION)?;
        if *method == Method::GET {
            return (path == api::NEXT).then_some(Self::Next);
        }
        if *method != Method::POST {
            return None;
        }
        if path == api::INIT_ERROR {
            return Some(Self::InitError);
        }
        let invocation = path.strip_prefix(api::INVOCATION)?;
        invocation
            .strip_suffix(api::RESPONSE)
            .map(Self::Response)
            .or_else(|| invocation.strip_suffix(api::ERROR).map(Self::Error))
    }
}
