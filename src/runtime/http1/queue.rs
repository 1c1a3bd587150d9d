//! What is to be written, in order.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use crate::response::burst::SHARED_FRAME;

/// Bodies up to this size are copied behind what goes before them, which is cheaper than a slice of their
/// own in a vectored write.
const COPIED: usize = 1024;

/// Room for the size of a shared chunk, which is known once it is full.
const ROOM: &[u8] = b"0000\r\n";
const _: () = assert!(SHARED_FRAME <= 0xffff);

/// So many slices go into one vectored write; two for each frame of a burst, and one.
const SLICES: usize = 34;

/// Bytes that are to be written: heads, chunk sizes and small chunks in memory of the queue's own, which is
/// kept, and larger chunks as they are.
#[derive(Debug, Default)]
pub(in crate::runtime) struct WriteQueue {
    own: Vec<u8>,
    /// So much of `own` has been written.
    written: usize,
    /// Larger chunks; each goes before the byte of `own` at its place.
    chunks: VecDeque<(usize, Bytes)>,
    /// Where in `own` the shared chunk begins that is being filled.
    shared: Option<usize>,
}

impl WriteQueue {
    pub(in crate::runtime) fn is_empty(&self) -> bool {
        self.written == self.own.len() && self.chunks.is_empty()
    }

    /// Puts text, such as a head, behind the rest.
    pub(in crate::runtime) fn text(&mut self, text: &[u8]) {
        self.own.extend_from_slice(text);
    }

    /// Puts a body behind the rest, as it is.
    pub(in crate::runtime) fn body(&mut self, body: Bytes) {
        if body.len() <= COPIED {
            self.text(&body);
        } else {
            self.chunks.push_back((self.own.len(), body));
        }
    }

    /// Puts a chunk behind the rest. An empty one would end the body, and is left out.
    pub(in crate::runtime) fn chunk(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        let (line, start) = size_line(chunk.len());
        self.text(&line[start..]);
        self.body(chunk);
        self.text(b"\r\n");
    }

    /// So many bytes still fit into the chunk that is being shared; 0, if there is none.
    pub(in crate::runtime) fn shared_room(&self) -> usize {
        self.shared.map_or(0, |start| {
            start + ROOM.len() + SHARED_FRAME - self.own.len()
        })
    }

    /// Begins a chunk that is shared. Until it is ended, nothing goes behind the rest but by
    /// [`share`](Self::share).
    pub(in crate::runtime) fn begin_shared(&mut self) {
        self.shared = Some(self.own.len());
        self.text(ROOM);
    }

    /// Puts bytes into the chunk that is being shared: no more than there is room for.
    pub(in crate::runtime) fn share(&mut self, bytes: &[u8]) {
        self.own.extend_from_slice(bytes);
    }

    /// Ends the chunk that is being shared; returns whether there was one.
    pub(in crate::runtime) fn end_shared(&mut self) -> bool {
        let Some(start) = self.shared.take() else {
            return false;
        };
        let begin = start + ROOM.len();
        if self.own.len() == begin {
            // An empty chunk would end the body.
            self.own.truncate(start);
            return false;
        }
        let (line, first) = size_line(self.own.len() - begin);
        let line = &line[first..];
        // Small enough to need fewer digits, so there is little to move.
        self.own.copy_within(begin.., start + line.len());
        self.own
            .truncate(self.own.len() - (ROOM.len() - line.len()));
        self.own[start..start + line.len()].copy_from_slice(line);
        self.text(b"\r\n");
        true
    }

    /// Puts the end of a chunked body behind the rest.
    pub(in crate::runtime) fn end(&mut self, trailers: Option<&HeaderMap>) {
        self.text(b"0\r\n");
        for (name, value) in trailers.into_iter().flatten() {
            self.text(title_case(name.as_str()).as_bytes());
            self.text(b": ");
            self.text(value.as_bytes());
            self.text(b"\r\n");
        }
        self.text(b"\r\n");
    }

    /// What to write next, if all of it is one slice.
    pub(in crate::runtime) fn only_slice(&self) -> Option<&[u8]> {
        self.chunks.is_empty().then(|| &self.own[self.written..])
    }

    /// What to write next.
    pub(in crate::runtime) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut count = 0;
        let mut put = |bytes: &'a [u8]| {
            if let (false, Some(slice)) = (bytes.is_empty(), slices.get_mut(count)) {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
        };
        let mut from = self.written;
        for (place, chunk) in self.chunks.iter().take(SLICES) {
            put(&self.own[from..*place]);
            put(chunk);
            from = *place;
        }
        put(&self.own[from..]);
        count
    }

    /// Room for what [`slices`](Self::slices) gives.
    pub(in crate::runtime) fn room<'a>() -> [IoSlice<'a>; SLICES] {
        std::array::from_fn(|_| IoSlice::new(&[]))
    }

    /// So many bytes have been written.
    pub(in crate::runtime) fn advance(&mut self, mut written: usize) {
        while let Some((place, chunk)) = self.chunks.front_mut() {
            let before = written.min(*place - self.written);
            self.written += before;
            written -= before;
            let taken = written.min(chunk.len());
            chunk.advance(taken);
            written -= taken;
            if !chunk.is_empty() {
                return;
            }
            self.chunks.pop_front();
        }
        self.written += written;
        if self.written == self.own.len() {
            self.own.clear();
            self.written = 0;
        }
    }
}

/// The line before a chunk: its size in hexadecimal digits. Returns where in the array it begins.
fn size_line(size: usize) -> ([u8; 18], usize) {
    let mut line = *b"0000000000000000\r\n";
    let (mut at, mut left) = (16, size);
    loop {
        at -= 1;
        line[at] = b"0123456789ABCDEF"[left & 0xf];
        left >>= 4;
        if left == 0 || at == 0 {
            return (line, at);
        }
    }
}

/// A header's name as AWS's documentation writes it.
fn title_case(name: &str) -> String {
    let mut is_start = true;
    name.chars()
        .map(|char| {
            let cased = if is_start {
                char.to_ascii_uppercase()
            } else {
                char
            };
            is_start = char == '-';
            cased
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes the queue out, so many bytes at a time.
    fn drain(queue: &mut WriteQueue, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while !queue.is_empty() {
            let mut room = WriteQueue::room();
            let count = queue.slices(&mut room);
            let all: Vec<u8> = room[..count].iter().flat_map(|s| s.to_vec()).collect();
            let taken = step.min(all.len());
            out.extend_from_slice(&all[..taken]);
            queue.advance(taken);
        }
        out
    }

    #[test]
    fn chunks_have_their_size_before_them() {
        let mut queue = WriteQueue::default();
        queue.text(b"HEAD\r\n\r\n");
        queue.chunk(Bytes::from_static(b"hello"));
        queue.chunk(Bytes::new());
        queue.chunk(Bytes::from(vec![b'x'; 4096]));
        let mut trailers = HeaderMap::new();
        trailers.insert("a-bc-d", "e".parse().unwrap());
        queue.end(Some(&trailers));
        let expected = format!(
            "HEAD\r\n\r\n5\r\nhello\r\n1000\r\n{}\r\n0\r\nA-Bc-D: e\r\n\r\n",
            "x".repeat(4096)
        );
        assert_eq!(drain(&mut queue, usize::MAX), expected.as_bytes());
    }

    #[test]
    fn what_goes_before_and_behind_small_chunks_is_one_slice() {
        let mut queue = WriteQueue::default();
        queue.text(b"head");
        queue.chunk(Bytes::from_static(b"hello"));
        queue.end(None);
        assert_eq!(queue.slices(&mut WriteQueue::room()), 1);
    }

    #[test]
    fn sizes_are_hexadecimal() {
        for size in [1, 9, 10, 15, 16, 255, 256, 65_536, usize::MAX] {
            let (line, start) = size_line(size);
            assert_eq!(&line[start..], format!("{size:X}\r\n").as_bytes());
        }
    }

    #[test]
    fn what_shares_a_chunk_has_one_size_before_it() {
        for len in [1, 15, 16, 255, 256, 4095, 4096, SHARED_FRAME] {
            let mut queue = WriteQueue::default();
            queue.chunk(Bytes::from_static(b"before"));
            let bytes = vec![b'x'; len];
            assert_eq!(queue.shared_room(), 0);
            queue.begin_shared();
            queue.share(&bytes[..len / 2]);
            queue.share(&bytes[len / 2..]);
            assert_eq!(queue.shared_room(), SHARED_FRAME - len);
            assert!(queue.end_shared());
            assert!(!queue.end_shared());
            // One that nothing was put into would end the body.
            queue.begin_shared();
            assert!(!queue.end_shared());
            queue.end(None);
            let expected = format!("6\r\nbefore\r\n{len:X}\r\n{}\r\n0\r\n\r\n", "x".repeat(len));
            assert_eq!(drain(&mut queue, 1000), expected.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn bytes_are_exact_however_they_are_taken(
            chunks in prop::collection::vec(
                prop_oneof![0usize..20, 1000usize..1100, 5000usize..6000],
                0..60,
            ),
            step in 100usize..5000,
        ) {
            let mut queue = WriteQueue::default();
            let mut expected = Vec::new();
            for (n, len) in chunks.into_iter().enumerate() {
                let chunk = vec![n as u8; len];
                if len > 0 {
                    expected.extend_from_slice(format!("{len:X}\r\n").as_bytes());
                    expected.extend_from_slice(&chunk);
                    expected.extend_from_slice(b"\r\n");
                }
                queue.chunk(chunk.into());
            }
            queue.end(None);
            expected.extend_from_slice(b"0\r\n\r\n");
            prop_assert!(drain(&mut queue, step) == expected);
        }
    }
}
