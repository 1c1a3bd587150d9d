//! What a program writes, line by line.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line that is shown as one, in bytes.
const LINE_LIMIT: usize = 64 * 1024;

/// Calls a function for each line, until the output ends.
pub(super) async fn pass_on(mut output: impl AsyncRead + Unpin, mut show: impl FnMut(&str)) {
    let mut line = Vec::new();
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        for piece in buffer[..read].split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || line.len() >= LINE_LIMIT {
                show(text(&line).trim_end_matches(['\r', '\n']));
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        show(&text(&line));
    }
}

fn text(line: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(output: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        pass_on(output, |line| lines.push(line.to_owned())).await;
        lines
    }

    #[tokio::test]
    async fn each_line_is_passed_on_once() {
        assert_eq!(lines(b"one\r\n\ntwo").await, ["one", "", "two"]);
        assert_eq!(lines(b"").await, [""; 0]);
    }

    #[tokio::test]
    async fn endless_line_is_cut() {
        let lines = lines(&[b'x'; LINE_LIMIT + 10]).await;
        assert_eq!(lines.len(), 2);
    }
}
