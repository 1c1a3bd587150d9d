//! Reads what the Runtime API answers, wherever it was cut.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use httparse::{EMPTY_HEADER, Header, Status};

use super::Malformed;
use super::chunked::ChunkedBody;
use crate::event::EventHeaders;

/// A head is no longer than this, and has no more headers.
const HEAD_LIMIT: usize = 64 * 1024;
const HEADERS: usize = 64;
/// A body is no longer than this: an event has at most 6 MB.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// An answer.
#[derive(Debug)]
pub(in crate::runtime) struct Reply {
    pub(in crate::runtime) status: StatusCode,
    pub(in crate::runtime) headers: EventHeaders,
    pub(in crate::runtime) body: Bytes,
    /// Whether another request can be sent on this connection.
    pub(in crate::runtime) is_kept: bool,
}

/// Reads one answer after another.
#[derive(Debug, Default)]
pub(in crate::runtime) struct ReplyReader {
    /// The head that has been read, and how its body ends.
    begun: Option<(Head, Body)>,
}

#[derive(Debug)]
struct Head {
    status: StatusCode,
    headers: EventHeaders,
    is_kept: bool,
}

#[derive(Debug)]
enum Body {
    Length(usize),
    Chunked(ChunkedBody),
    UntilClosed,
}

impl ReplyReader {
    /// The status of the answer that is being read, once it is known.
    pub(in crate::runtime) fn status(&self) -> Option<StatusCode> {
        self.begun.as_ref().map(|(head, _)| head.status)
    }

    /// Takes what is there; the whole answer once its end is.
    pub(in crate::runtime) fn read(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<Reply>, Malformed> {
        let (_, body) = match &mut self.begun {
            Some(begun) => begun,
            // Asked before every wait, and there is hardly ever anything.
            None if input.is_empty() => return Ok(None),
            None => match head(input)? {
                Some(begun) => self.begun.insert(begun),
                None => return Ok(None),
            },
        };
        let body = match body {
            Body::Length(length) if input.len() >= *length => input.split_to(*length).freeze(),
            Body::Length(length) => {
                // Not all at once: the length is only what the other side says.
                input.reserve((*length - input.len()).min(1024 * 1024));
                return Ok(None);
            }
            Body::Chunked(body) => match body.read(input, BODY_LIMIT)? {
                Some(body) => body,
                None => return Ok(None),
            },
            Body::UntilClosed if input.len() > BODY_LIMIT => return Err(too_long()),
            Body::UntilClosed => return Ok(None),
        };
        Ok(self.finish(body))
    }

    /// The connection was closed: the answer that ends with it.
    pub(in crate::runtime) fn closed(&mut self, input: &mut BytesMut) -> Option<Reply> {
        match &self.begun {
            Some((_, Body::UntilClosed)) => self.finish(input.split().freeze()),
            _ => None,
        }
    }

    fn finish(&mut self, body: Bytes) -> Option<Reply> {
        let (head, _) = self.begun.take()?;
        Some(Reply {
            status: head.status,
            headers: head.headers,
            body,
            is_kept: head.is_kept,
        })
    }
}

fn too_long() -> Malformed {
    Malformed(format!("a body of more than {BODY_LIMIT} bytes"))
}

/// Takes a head; informational ones (1xx) are passed over.
fn head(input: &mut BytesMut) -> Result<Option<(Head, Body)>, Malformed> {
    loop {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let len = match response.parse(input) {
            Ok(Status::Complete(len)) => len,
            Ok(Status::Partial) if input.len() < HEAD_LIMIT => return Ok(None),
            Ok(Status::Partial) => {
                return Err(Malformed(format!("a head of more than {HEAD_LIMIT} bytes")));
            }
            Err(error) => return Err(Malformed(error.to_string())),
        };
        let code = response.code.unwrap_or_default();
        let status =
            StatusCode::from_u16(code).map_err(|_| Malformed(format!("the status {code}")))?;
        if status.is_informational() {
            drop(input.split_to(len));
            continue;
        }
        let framing = Framing::of(response.headers)?;
        let is_kept = match response.version {
            Some(1) => !framing.is_close,
            _ => framing.is_keep_alive,
        };
        let body = framing.body(status)?;
        // Where the values lie, because the head is taken out of the input before they are.
        let at = input.as_ptr() as usize;
        let found = EventHeaders::find(response.headers.iter().map(|h| (h.name, h.value)))
            .map(|value| value.map(|value| (value.as_ptr() as usize - at, value.len())));
        let text = input.split_to(len).freeze();
        let headers = EventHeaders::new(found.map(|found| {
            found.map_or_else(Bytes::new, |(start, len)| text.slice(start..start + len))
        }));
        let is_kept = is_kept && !matches!(body, Body::UntilClosed);
        return Ok(Some((
            Head {
                status,
                headers,
                is_kept,
            },
            body,
        )));
    }
}

/// What the headers say of body and connection.
#[derive(Default)]
struct Framing {
    length: Option<usize>,
    is_chunked: bool,
    is_close: bool,
    is_keep_alive: bool,
}

impl Framing {
    fn of(headers: &[Header<'_>]) -> Result<Self, Malformed> {
        let mut framing = Self::default();
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let length = length(header.value)?;
                if framing.length.is_some_and(|other| other != length) {
                    return Err(Malformed("two different lengths of a body".to_owned()));
                }
                framing.length = Some(length);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if !header.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed(format!(
                        "the transfer coding {:?}",
                        String::from_utf8_lossy(header.value)
                    )));
                }
                framing.is_chunked = true;
            } else if header.name.eq_ignore_ascii_case("connection") {
                for option in header.value.split(|byte| *byte == b',') {
                    framing.is_close |= option.trim_ascii().eq_ignore_ascii_case(b"close");
                    framing.is_keep_alive |=
                        option.trim_ascii().eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
        Ok(framing)
    }

    /// How the body ends (RFC 9112, section 6.3).
    fn body(&self, status: StatusCode) -> Result<Body, Malformed> {
        Ok(match self.length {
            _ if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
                Body::Length(0)
            }
            _ if self.is_chunked => Body::Chunked(ChunkedBody::default()),
            Some(length) if length > BODY_LIMIT => return Err(too_long()),
            Some(length) => Body::Length(length),
            None => Body::UntilClosed,
        })
    }
}

fn length(value: &[u8]) -> Result<usize, Malformed> {
    std::str::from_utf8(value)
        .ok()
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| {
            Malformed(format!(
                "{:?} as the length of a body",
                String::from_utf8_lossy(value)
            ))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use lambda_stream_wire::api;

    fn read(stream: &[u8], cuts: &[usize]) -> Result<Option<(Reply, Vec<u8>)>, Malformed> {
        let mut reader = ReplyReader::default();
        let mut input = BytesMut::new();
        let mut from = 0;
        for at in cuts.iter().copied().chain([stream.len()]) {
            let at = at.clamp(from, stream.len());
            input.extend_from_slice(&stream[from..at]);
            from = at;
            if let Some(reply) = reader.read(&mut input)? {
                input.extend_from_slice(&stream[at..]);
                return Ok(Some((reply, input.to_vec())));
            }
        }
        Ok(reader.closed(&mut input).map(|reply| (reply, Vec::new())))
    }

    #[test]
    fn every_way_to_end_a_body_is_read_from_any_cut() {
        for (stream, is_kept) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"[..], true),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nb\r\n3\r\nody\r\n0\r\n\r\n", true),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nbody", true),
            (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 4\r\n\r\nbody", false),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", false),
            (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", true),
            (b"HTTP/1.1 200 OK\r\n\r\nbody", false),
        ] {
            for cut in 0..stream.len() {
                let (reply, rest) = read(stream, &[cut]).unwrap().unwrap();
                assert_eq!(reply.status, 200);
                assert_eq!(reply.body, "body");
                assert_eq!(reply.is_kept, is_kept);
                assert!(rest.is_empty());
            }
        }
        let (reply, rest) = read(b"HTTP/1.1 204 No Content\r\n\r\nnext", &[])
            .unwrap()
            .unwrap();
        assert_eq!((reply.status.as_u16(), &rest[..]), (204, &b"next"[..]));
    }

    #[test]
    fn the_headers_of_an_event_are_found() {
        let stream = b"HTTP/1.1 200 OK\r\nLAMBDA-runtime-Aws-Request-Id: 7\r\nX: y\r\nLambda-Runtime-Trace-Id:  t  \r\nContent-Length: 0\r\n\r\n";
        let (reply, _) = read(stream, &[]).unwrap().unwrap();
        assert_eq!(reply.headers.get(api::REQUEST_ID), Some(&b"7"[..]));
        assert_eq!(reply.headers.get(api::TRACE_ID), Some(&b"t"[..]));
        assert_eq!(reply.headers.get(api::TENANT_ID), None);
    }

    #[test]
    fn what_is_malformed_is_an_error_that_says_what() {
        for (stream, says) in [
            ("SSH-2.0\r\n\r\n", "HTTP"),
            ("HTTP/1.1 099 x\r\n\r\n", "99"),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "\"x\""),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "\"-1\""),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "two",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                "67108864",
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "gzip"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
                "\"z\"",
            ),
        ] {
            let error = read(stream.as_bytes(), &[]).unwrap_err().to_string();
            assert!(error.contains(says), "{stream:?}: {error}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; HEAD_LIMIT]].concat();
        assert!(read(&endless, &[]).is_err());
    }

    proptest! {
        #[test]
        fn no_input_panics(noise: Vec<u8>, cut in 0usize..100) {
            let _ = read(&noise, &[cut]);
            let _ = read(&[b"HTTP/1.1 200 OK\r\n", &noise[..]].concat(), &[cut]);
            let _ = read(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &noise[..]].concat(), &[cut]);
        }
    }
}
