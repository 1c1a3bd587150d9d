//! Parses a chunked body and checks every byte of it, wherever reads cut it.

use std::time::Duration;

use super::plan::{LARGEST, PATTERN, PERIOD, Plan, STAMP};
use super::source::now;

/// The body of one `POST …/response`, as far as it has been read.
#[derive(Debug)]
pub struct Body {
    framing: Framing,
    content: Content,
    plan: Plan,
    /// Number of payload bytes read.
    read: u64,
    /// Position of the next payload byte in the pattern.
    at: usize,
    /// Position of the next payload byte in a stamped chunk of the source.
    at_chunk: usize,
    stamp: [u8; STAMP],
}

/// Position of the next byte in the chunked encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// In the line with a chunk's size, with the size so far.
    Size(usize),
    /// Before the line feed of that line.
    SizeEnd(usize),
    Data(usize),
    /// Before this byte of the line break that ends a chunk.
    DataEnd(u8),
    /// After the last chunk, before this byte of the line break that ends the body.
    End(u8),
    Over,
}

/// Position of the next byte in the content of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// In the prelude or the delimiter, after this number of NUL bytes in a row.
    Head(usize),
    Payload,
}

/// The result of taking a piece of a body.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Number of bytes that belong to the body.
    pub bytes: usize,
    /// Whether the body has ended.
    pub is_over: bool,
}

impl Body {
    pub fn new(plan: Plan) -> Self {
        Self {
            framing: Framing::Size(0),
            content: Content::Head(0),
            plan,
            read: 0,
            at: 0,
            at_chunk: 0,
            stamp: [0; STAMP],
        }
    }

    /// Whether a byte of the payload has been read; prelude and delimiter do not count.
    pub fn has_payload(&self) -> bool {
        self.read > 0
    }

    /// Takes a piece, and passes on the latency of each stamped chunk that it completes.
    ///
    /// # Panics
    ///
    /// At the first byte that differs from the plan.
    pub fn take(&mut self, piece: &[u8], latency: &mut impl FnMut(Duration)) -> Taken {
        let mut rest = piece;
        while let Some(byte) = rest.first().copied() {
            self.framing = match self.framing {
                Framing::Data(left) => {
                    let (data, after) = rest.split_at(left.min(rest.len()));
                    self.content(data, latency);
                    rest = after;
                    match left - data.len() {
                        0 => Framing::DataEnd(b'\r'),
                        left => Framing::Data(left),
                    }
                }
                Framing::Over => break,
                framing => {
                    rest = &rest[1..];
                    framing.after(byte)
                }
            };
            if self.framing == Framing::Over {
                assert_eq!(self.read, self.plan.bytes(), "the payload's size");
                break;
            }
        }
        Taken {
            bytes: piece.len() - rest.len(),
            is_over: self.framing == Framing::Over,
        }
    }

    fn content(&mut self, mut data: &[u8], latency: &mut impl FnMut(Duration)) {
        if let Content::Head(nuls) = &mut self.content {
            let Some(end) = data.iter().position(|byte| {
                *nuls = if *byte == 0 { *nuls + 1 } else { 0 };
                *nuls == 8
            }) else {
                return;
            };
            self.content = Content::Payload;
            data = &data[end + 1..];
        }
        // More than one chunk of the source may share a frame.
        for part in data.chunks(LARGEST) {
            if self.plan.is_stamped() {
                self.stamped(part, latency);
            } else {
                let expected = &PATTERN[self.at..self.at + part.len()];
                assert!(part == expected, "a wrong byte past {} bytes", self.read);
                self.went(part.len());
            }
        }
    }

    fn stamped(&mut self, part: &[u8], latency: &mut impl FnMut(Duration)) {
        for byte in part {
            if self.at_chunk < STAMP {
                self.stamp[self.at_chunk] = *byte;
            } else {
                assert_eq!(*byte, PATTERN[self.at], "byte {} of the payload", self.read);
            }
            self.went(1);
            self.at_chunk += 1;
            if self.at_chunk == self.plan.size as usize {
                self.at_chunk = 0;
                let sent = u64::from_le_bytes(self.stamp);
                latency(Duration::from_nanos(now().saturating_sub(sent)));
            }
        }
    }

    fn went(&mut self, bytes: usize) {
        self.read += bytes as u64;
        self.at += bytes;
        // A division would cost as much as everything else here.
        while self.at >= PERIOD {
            self.at -= PERIOD;
        }
    }
}

impl Framing {
    /// Returns the position after this byte, which is not part of a chunk's data.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(size), b'\r') => Self::SizeEnd(size),
            (Self::Size(size), digit) => {
                let digit = (digit as char).to_digit(16).expect("a hexadecimal digit");
                Self::Size(size << 4 | digit as usize)
            }
            (Self::SizeEnd(0), b'\n') => Self::End(b'\r'),
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd(b'\r'), b'\r') => Self::DataEnd(b'\n'),
            (Self::DataEnd(b'\n'), b'\n') => Self::Size(0),
            (Self::End(b'\r'), b'\r') => Self::End(b'\n'),
            (Self::End(b'\n'), b'\n') => Self::Over,
            (framing, byte) => {
                panic!("{byte:#04x} at {framing:?}: trailers, or not a chunked body")
            }
        }
    }
}
