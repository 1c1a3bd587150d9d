//! Writes lines on a thread of its own, so that a blocked terminal blocks nothing else.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::limits::{TERMINAL_END, TERMINAL_LINES};

/// The thread that writes; dropping it waits for a moment until everything is written.
pub(crate) struct LineWriter {
    sender: Option<SyncSender<String>>,
    ended: Receiver<()>,
}

impl LineWriter {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn start(mut output: Box<dyn Write + Send>) -> std::io::Result<Self> {
        let (sender, lines) = sync_channel::<String>(TERMINAL_LINES);
        let (end, ended) = sync_channel(1);
        std::thread::Builder::new()
            .name("local-lambda-terminal".to_owned())
            .spawn(move || {
                for line in lines {
                    // A line that nobody can read is no reason to stop.
                    let _ = writeln!(output, "{line}");
                }
                let _ = end.send(());
            })?;
        Ok(Self {
            sender: Some(sender),
            ended,
        })
    }

    /// Returns what sends lines; `None` only while it is dropped.
    pub(crate) fn sender(&self) -> Option<SyncSender<String>> {
        self.sender.clone()
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.sender = None;
        // A blocked terminal does not hold up the end of the program.
        let _ = self.ended.recv_timeout(TERMINAL_END);
    }
}

/// Sends lines to the thread, and drops them while the terminal is blocked.
#[derive(Clone)]
pub(crate) struct LineSender {
    sender: SyncSender<String>,
    dropped: Rc<Cell<u64>>,
}

impl LineSender {
    pub(crate) fn new(sender: SyncSender<String>) -> Self {
        Self {
            sender,
            dropped: Rc::default(),
        }
    }

    pub(crate) fn send(&self, line: String) {
        if self.dropped.get() > 0 {
            let note = format!(
                "({} lines are missing here: the terminal was blocked)",
                self.dropped.get()
            );
            if self.sender.try_send(note).is_err() {
                return self.dropped.set(self.dropped.get() + 1);
            }
            self.dropped.set(0);
        }
        if let Err(TrySendError::Full(_)) = self.sender.try_send(line) {
            self.dropped.set(self.dropped.get() + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Blocks until it is allowed to write.
    struct Gate {
        open: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            // Both ends when the test does.
            let _ = self.open.recv();
            let _ = self.written.send(buf.to_vec());
            Ok(buf.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn blocked_terminal_drops_lines_and_says_so() {
        let (opener, open) = channel();
        let (written, writes) = channel();
        let writer = LineWriter::start(Box::new(Gate { open, written })).unwrap();
        let lines = LineSender::new(writer.sender().unwrap());
        // One line may be with the thread already.
        let sent = TERMINAL_LINES + 10;
        for n in 0..sent {
            lines.send(n.to_string());
        }
        assert!(lines.dropped.get() >= 9, "{}", lines.dropped.get());
        drop(opener);
        let mut text = String::new();
        while !text.contains("last") {
            // Goes through as soon as there is room again.
            lines.send("last".to_owned());
            text.extend(writes.try_iter().map(|it| String::from_utf8(it).unwrap()));
            std::thread::yield_now();
        }
        assert!(text.contains("lines are missing here"), "{text}");
    }
}
