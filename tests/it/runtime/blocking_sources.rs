//! A source that is always ready and turns slow: what it gave before is on the wire meanwhile.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body::Frame;
use http_body_util::StreamBody;
use lambda_stream::body::writer::{ResponseWriter, stream_from};
use lambda_stream::format::{Ndjson, Sse, sse};
use lambda_stream::{Error, Head, IntoResponse, LambdaEvent, Runtime};
use serde_json::Value;

use crate::support::{Api, WireTap};

/// Number of items that leave one by one before a source may be batched.
const TRIAL: usize = 7;
const LEN: usize = 40;

type Wire = Rc<RefCell<WireTap>>;

fn item(n: usize) -> String {
    format!("item-{n};")
}

/// Blocks for a millisecond.
fn block() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1) {
        std::hint::spin_loop();
    }
}

/// Gives its items at once up to `slow`, and blocks for each of the others. It looks at the wire
/// where it turns slow, and at each item after that.
struct Blocking {
    wire: Wire,
    next: usize,
    slow: usize,
    /// What had arrived where it turned slow, in bytes.
    before: usize,
}

impl Blocking {
    fn new(wire: Wire, slow: usize) -> Self {
        Self {
            wire,
            next: 0,
            slow,
            before: 0,
        }
    }

    fn turn(&mut self) {
        block();
        let wire = self.wire.borrow();
        if self.slow > 0 {
            wire.expect(r#"{"statusCode":200"#);
        }
        if (1..=TRIAL).contains(&self.slow) {
            wire.expect(&item(self.slow - 1));
        }
        if self.slow > 0 {
            self.before = wire.arrived().len();
        }
    }

    fn after_turn(&self) {
        let wire = self.wire.borrow();
        wire.expect(&item(self.next - 1));
        if self.slow > TRIAL && self.next == self.slow + 1 {
            let arrived = wire.arrived();
            let (size, data) = arrived[self.before..].split_once("\r\n").unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            assert_eq!(size + 2, data.len(), "more than one batch was held back");
        }
    }
}

impl Iterator for Blocking {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.next == LEN {
            return None;
        }
        if self.next == self.slow {
            self.turn();
        } else if self.next > self.slow {
            self.after_turn();
            block();
        }
        self.next += 1;
        Some(item(self.next - 1))
    }
}

const TURNS: [usize; 7] = [0, 1, 2, 5, 7, 8, 25];

async fn check<R, M>(response: impl Fn(Blocking) -> R)
where
    R: IntoResponse<M>,
{
    for slow in TURNS {
        let api = Api::bind().await;
        let wire = Wire::default();
        let source = || response(Blocking::new(Rc::clone(&wire), slow));
        let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(source());
        let runtime = Runtime::new().runtime_api(api.address());
        let arrived = WireTap::run(&wire, api, runtime.run(handler)).await;
        assert!(arrived.contains(&item(LEN - 1)));
    }
}

#[tokio::test]
async fn blocking_iterator_holds_back_one_batch() {
    check(|items| (Head::ok(), tokio_stream::iter(items.map(Ok::<_, Error>)))).await;
}

#[tokio::test]
async fn blocking_rows_hold_back_one_batch() {
    check(|items| Ndjson::new(tokio_stream::iter(items.map(Ok::<_, Error>)))).await;
}

#[tokio::test]
async fn blocking_events_hold_back_one_batch() {
    check(|items| {
        let events = items.map(|item| Ok::<_, Error>(sse::Event::new().data(item)));
        Sse::new(tokio_stream::iter(events))
    })
    .await;
}

#[tokio::test]
async fn blocking_http_body_holds_back_one_batch() {
    check(|items| {
        let frames = items.map(|item| Ok::<_, Error>(Frame::data(Bytes::from(item))));
        http::Response::new(StreamBody::new(tokio_stream::iter(frames)))
    })
    .await;
}

#[tokio::test]
async fn blocking_writing_code_holds_back_one_batch() {
    check(|items| {
        let body = stream_from(async move |mut body| {
            for item in items {
                body.send_chunk(item).await?;
            }
            Ok::<_, Error>(())
        });
        (Head::ok(), body)
    })
    .await;
}

#[tokio::test]
async fn blocking_writer_holds_back_one_batch() {
    for slow in TURNS {
        let api = Api::bind().await;
        let wire = Wire::default();
        let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
            let items = Blocking::new(Rc::clone(&wire), slow);
            let mut body = response.send_head(Head::ok())?;
            for item in items {
                body.send_chunk(item).await?;
            }
            Ok::<_, Error>(())
        };
        let runtime = Runtime::new().runtime_api(api.address());
        let arrived = WireTap::run(&wire, api, runtime.run_with_writer(handler)).await;
        assert!(arrived.contains(&item(LEN - 1)));
    }
}

/// Whether the source blocks before its first chunk or between chunks.
#[tokio::test]
async fn slow_empty_chunks_hold_back_nothing() {
    for full in [0, 1, 3, 20] {
        let api = Api::bind().await;
        let wire = Wire::default();
        let source = || {
            let wire = Rc::clone(&wire);
            let chunks = (0..full + 5).map(move |n| {
                if n < full {
                    return Ok::<_, Error>(item(n));
                }
                if n > full || full == 1 {
                    wire.borrow().expect(r#"{"statusCode":200"#);
                }
                if n > full && full > 0 {
                    wire.borrow().expect(&item(full - 1));
                }
                block();
                Ok(String::new())
            });
            (
                Head::ok(),
                tokio_stream::iter(chunks).chain(stream::empty()),
            )
        };
        let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(source());
        let runtime = Runtime::new().runtime_api(api.address());
        WireTap::run(&wire, api, runtime.run(handler)).await;
    }
}
