//! A reader of event streams, written from the HTML standard alone (section 9.2.6, "Interpreting an
//! event stream"), step by step and independently of how this library writes.

/// An event as it is dispatched to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    pub event: String,
    pub data: String,
    pub last_event_id: String,
}

/// The events of a whole response, and the state that is kept for a reconnection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub events: Vec<Dispatched>,
    pub comments: Vec<String>,
    pub last_event_id: String,
    pub reconnection_ms: Option<u128>,
}

/// Reads a response. Drops the incomplete event after the last blank line.
pub fn read(body: &[u8]) -> Received {
    let text = String::from_utf8_lossy(body);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut received = Received::default();
    let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
    for line in lines(text) {
        if line.is_empty() {
            received.last_event_id.clone_from(&id);
            let event = std::mem::take(&mut event);
            let mut data = std::mem::take(&mut data);
            if data.is_empty() {
                continue;
            }
            assert_eq!(data.pop(), Some('\n'));
            received.events.push(Dispatched {
                event: if event.is_empty() {
                    "message".to_owned()
                } else {
                    event
                },
                data,
                last_event_id: received.last_event_id.clone(),
            });
            continue;
        }
        if let Some(comment) = line.strip_prefix(':') {
            received.comments.push(comment.to_owned());
            continue;
        }
        let (field, value) = match line.split_once(':') {
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
            None => (line, ""),
        };
        match field {
            "event" => value.clone_into(&mut event),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                received.reconnection_ms = value.parse().ok();
            }
            // The library has no reason to write fields that a client ignores.
            _ => panic!("an ignored line: {line:?}"),
        }
    }
    received
}

/// Returns the complete lines, each of which ends in `\r\n`, `\n` or `\r`.
fn lines(text: &str) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['\r', '\n']) {
        lines.push(&rest[..at]);
        let is_pair = rest[at..].starts_with("\r\n");
        rest = &rest[at + if is_pair { 2 } else { 1 }..];
    }
    lines
}
