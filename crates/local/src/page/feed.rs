//! The live feed: server-sent events of what has changed.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::document::{Cursor, Detail, Overview};
use crate::limits::{FEED_KEEP_ALIVE, FEED_PAUSE};
use crate::record::Records;

/// An event that some clients wait for before they show anything.
const COMMENT: &str = ":\n\n";

/// Sends what has changed whenever the client takes it. A slow client is sent fewer and larger
/// updates; nothing is queued for it.
pub(crate) struct Feed {
    records: Rc<Records>,
    /// The invocation that is wanted in full.
    selected: Option<String>,
    cursor: Cursor,
    /// The version that was sent; `None` before the first update.
    sent: Option<u64>,
    /// Ready with whether there was a change.
    wait: Option<Pin<Box<dyn Future<Output = bool>>>>,
}

impl Feed {
    pub(super) fn new(records: Rc<Records>, selected: Option<String>) -> Self {
        Self {
            records,
            selected,
            cursor: Cursor::default(),
            sent: None,
            wait: None,
        }
    }

    /// Returns what has changed as events, and notes that it was sent.
    fn update(&mut self) -> String {
        let since = self.sent.unwrap_or(0);
        let version = self.records.version();
        let mut events = event("overview", &Overview::since(&self.records, since));
        let selected = self.selected.as_deref();
        if let Some(record) = selected.and_then(|key| self.records.find(key)) {
            if record.version() > since || self.sent.is_none() {
                events += &event("invocation", &Detail::since(&record, &mut self.cursor));
            }
        }
        self.sent = Some(version);
        events
    }
}

/// Returns a server-sent event; JSON has no line breaks.
fn event(name: &str, data: &impl Serialize) -> String {
    // Strings and numbers cannot fail.
    let json = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {json}\n\n")
}

/// Waits for a change, and returns whether there was one in time.
async fn change(records: Rc<Records>, since: u64) -> bool {
    sleep(FEED_PAUSE).await;
    timeout(FEED_KEEP_ALIVE, records.changed_since(since))
        .await
        .is_ok()
}

impl Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = match self.sent {
            None => self.update(),
            Some(sent) => {
                let records = Rc::clone(&self.records);
                let wait = self
                    .wait
                    .get_or_insert_with(|| Box::pin(change(records, sent)));
                let is_changed = ready!(wait.as_mut().poll(cx));
                self.wait = None;
                if is_changed {
                    self.update()
                } else {
                    COMMENT.to_owned()
                }
            }
        };
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;
    use crate::record::{Bounds, DoorName, Opening, Outcome, Recording};

    fn begin(records: &Rc<Records>) -> Recording {
        records.begin(Opening {
            id: "an-id",
            door: DoorName::Invoke,
            request: "POST /invoke",
            event: b"{}",
            repeats: None,
        })
    }

    fn records() -> Rc<Records> {
        Records::new(Bounds {
            invocations: 10,
            bytes: 100,
        })
    }

    async fn next(feed: &mut Feed) -> String {
        let frame = feed.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_sent_together_after_a_pause() {
        let records = records();
        let mut feed = Feed::new(Rc::clone(&records), Some("1".to_owned()));
        assert!(next(&mut feed).await.contains(r#""kept":[]"#));
        let mut recording = begin(&records);
        for _ in 0..1000 {
            recording.chunk(b"x");
            recording.pause();
        }
        let before = Instant::now();
        let update = next(&mut feed).await;
        assert_eq!(before.elapsed(), FEED_PAUSE);
        assert!(update.starts_with("event: overview\ndata: {"), "{update}");
        assert!(update.contains("event: invocation\ndata: {"), "{update}");
        assert!(update.contains(r#""chunks":1000"#), "{update}");
        recording.end(Outcome::Complete);
        assert!(next(&mut feed).await.contains(r#""state":"complete""#));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reader_gets_one_update_for_all_that_it_missed() {
        let records = records();
        let mut feed = Feed::new(Rc::clone(&records), None);
        next(&mut feed).await;
        for _ in 0..500 {
            begin(&records).end(Outcome::Complete);
            sleep(2 * FEED_PAUSE).await;
        }
        let update = next(&mut feed).await;
        // Ten are kept, and what was missed beyond them is gone.
        assert_eq!(update.matches(r#""state":"complete""#).count(), 10);
        assert!(update.contains(r#""kept":[500,"#), "{update}");
        let before = Instant::now();
        assert_eq!(next(&mut feed).await, COMMENT);
        assert!(before.elapsed() > FEED_KEEP_ALIVE);
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_feed_shows_that_it_is_there() {
        let mut feed = Feed::new(records(), None);
        next(&mut feed).await;
        let before = Instant::now();
        assert_eq!(next(&mut feed).await, COMMENT);
        assert_eq!(before.elapsed(), FEED_PAUSE + FEED_KEEP_ALIVE);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_selected_invocation_is_sent_in_full() {
        let records = records();
        let mut feed = Feed::new(Rc::clone(&records), Some("1".to_owned()));
        let (_first, second) = (begin(&records), begin(&records));
        assert_eq!(
            next(&mut feed).await.matches("event: invocation").count(),
            1
        );
        second.taken(false);
        assert!(!next(&mut feed).await.contains("event: invocation"));
    }
}
