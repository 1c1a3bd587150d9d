//! The end of the log of an invocation, which a caller may ask for.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::invocation::Log;

/// The log of one invocation: the lines that the service itself writes, and the program's between
/// them.
pub(super) struct LogTail {
    log: Log,
    id: String,
    version: String,
    begun: Instant,
}

impl LogTail {
    pub(super) fn begin(id: String, version: String) -> Self {
        Self {
            log: Log::default(),
            id,
            version,
            begun: Instant::now(),
        }
    }

    /// Returns what takes the lines of the program.
    pub(super) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Returns the log up to now, in base64.
    pub(super) fn result(&self) -> String {
        let (id, version) = (&self.id, &self.version);
        let ms = self.begun.elapsed().as_secs_f64() * 1000.0;
        STANDARD.encode(format!(
            "START RequestId: {id} Version: {version}\n{}\
             END RequestId: {id}\n\
             REPORT RequestId: {id}\tDuration: {ms:.2} ms\tBilled Duration: {:.0} ms\n",
            self.log.text(),
            ms.ceil()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_has_the_lines_of_the_service() {
        let log = LogTail::begin("an-id".to_owned(), "$LATEST".to_owned()).result();
        let log = String::from_utf8(STANDARD.decode(log).unwrap()).unwrap();
        assert!(
            log.starts_with("START RequestId: an-id Version: $LATEST\nEND RequestId: an-id\n"),
            "{log}"
        );
        assert!(log.contains("Billed Duration: "), "{log}");
    }
}
