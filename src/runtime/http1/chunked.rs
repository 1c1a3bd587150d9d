//! Reads a body in chunked transfer coding (RFC 9112, section 7.1), wherever it was cut.

use bytes::{Buf, Bytes, BytesMut};

use super::Malformed;

/// A line of a chunk's size, extensions included, or of a trailer is no longer than this.
const LINE_LIMIT: usize = 4096;
/// Trailers are read and dropped; there are no more than this.
const TRAILER_LINES: usize = 64;

/// Collects the data of a chunked body.
#[derive(Debug, Default)]
pub(super) struct ChunkedBody {
    data: BytesMut,
    state: State,
    trailer_lines: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Size,
    Data(usize),
    DataEnd,
    Trailers,
}

impl ChunkedBody {
    /// Takes what is there; the whole body once its end is.
    pub(super) fn read(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<Bytes>, Malformed> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = line(input)? else {
                        return Ok(None);
                    };
                    let size = size(&line)?;
                    if size > limit.saturating_sub(self.data.len()) {
                        return Err(Malformed(format!("a body of more than {limit} bytes")));
                    }
                    self.state = match size {
                        0 => State::Trailers,
                        size => State::Data(size),
                    };
                }
                State::Data(left) => {
                    let here = left.min(input.len());
                    self.data.extend_from_slice(&input[..here]);
                    input.advance(here);
                    if here < left {
                        self.state = State::Data(left - here);
                        return Ok(None);
                    }
                    self.state = State::DataEnd;
                }
                State::DataEnd => {
                    let Some(line) = line(input)? else {
                        return Ok(None);
                    };
                    if !line.is_empty() {
                        return Err(Malformed("a chunk is longer than its size".to_owned()));
                    }
                    self.state = State::Size;
                }
                State::Trailers => {
                    let Some(line) = line(input)? else {
                        return Ok(None);
                    };
                    if line.is_empty() {
                        return Ok(Some(std::mem::take(&mut self.data).freeze()));
                    }
                    self.trailer_lines += 1;
                    if self.trailer_lines > TRAILER_LINES {
                        return Err(Malformed(format!("more than {TRAILER_LINES} trailers")));
                    }
                }
            }
        }
    }
}

/// Takes a line without its end.
fn line(input: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    match input
        .iter()
        .take(LINE_LIMIT)
        .position(|byte| *byte == b'\n')
    {
        Some(end) => {
            let mut line = input.split_to(end + 1);
            line.truncate(end);
            if line.last() != Some(&b'\r') {
                return Err(Malformed("a line that ends without CR".to_owned()));
            }
            line.truncate(end - 1);
            Ok(Some(line))
        }
        None if input.len() >= LINE_LIMIT => {
            Err(Malformed(format!("a line of more than {LINE_LIMIT} bytes")))
        }
        None => Ok(None),
    }
}

/// The size of a chunk; extensions are ignored.
fn size(line: &[u8]) -> Result<usize, Malformed> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or(line);
    let digits = digits.trim_ascii();
    std::str::from_utf8(digits)
        .ok()
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .ok_or_else(|| {
            Malformed(format!(
                "{:?} as the size of a chunk",
                String::from_utf8_lossy(line)
            ))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(stream: &[u8], cuts: &[usize]) -> Result<Option<(Bytes, Vec<u8>)>, Malformed> {
        let mut body = ChunkedBody::default();
        let mut input = BytesMut::new();
        let mut from = 0;
        for at in cuts.iter().copied().chain([stream.len()]) {
            let at = at.clamp(from, stream.len());
            input.extend_from_slice(&stream[from..at]);
            from = at;
            if let Some(data) = body.read(&mut input, 1 << 20)? {
                input.extend_from_slice(&stream[at..]);
                return Ok(Some((data, input.to_vec())));
            }
        }
        Ok(None)
    }

    #[test]
    fn extensions_and_trailers_are_passed_over() {
        let stream = b"5;a=b\r\nhello\r\n0003 \r\n, w\r\n0\r\nX: y\r\n\r\nnext";
        for cut in 0..stream.len() {
            let (data, rest) = read(stream, &[cut]).unwrap().unwrap();
            assert_eq!(data, "hello, w");
            assert_eq!(rest, b"next");
        }
    }

    #[test]
    fn what_is_malformed_is_an_error() {
        for stream in [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b"fffffffffffffffff\r\n",
            b"200000\r\n",
            b"1\nx",
            b"1\r\nxy\r\n",
        ] {
            assert!(read(stream, &[]).is_err(), "{stream:?}");
        }
        assert!(read(&[b'1'; 5000], &[]).is_err());
        assert!(read(&b"x: y\r\n".repeat(100), &[]).is_err());
    }

    proptest! {
        #[test]
        fn any_chunks_are_read_back_from_any_cut(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            mut cuts in prop::collection::vec(0usize..500, 0..8),
        ) {
            let mut stream = Vec::new();
            for chunk in &chunks {
                stream.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                stream.extend_from_slice(chunk);
                stream.extend_from_slice(b"\r\n");
            }
            stream.extend_from_slice(b"0\r\n\r\n");
            cuts.sort_unstable();
            let (data, rest) = read(&stream, &cuts).unwrap().unwrap();
            prop_assert_eq!(&data[..], chunks.concat());
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_input_panics(stream: Vec<u8>) {
            let _ = read(&stream, &[3, 7]);
        }
    }
}
