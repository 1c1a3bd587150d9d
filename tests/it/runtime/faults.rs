//! Faults of sources, documents and peers, each with its one outcome.

use std::cell::RefCell;
use std::error::Error as _;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, Stream};
use lambda_stream::body::writer::{BodyWriter, ResponseWriter, stream_from};
use lambda_stream::{Error, Failure, Head, Json, LambdaEvent, Runtime};
use serde_json::Value;

use crate::support::{
    Api, Item, WireTap, deadline, header, patiently, run_to_end, serve, serve_with, texts,
};

/// Number of chunks that a source gives one by one before they may share a write.
const TRIAL: usize = 8;

fn numbered(n: usize) -> String {
    format!("chunk {n};")
}

/// Runs one invocation of a handler that can look at the wire.
async fn with_wire<S>(source: impl Fn(Rc<RefCell<WireTap>>) -> S)
where
    S: Stream<Item = Item>,
{
    let api = Api::bind().await;
    let wire = Rc::new(RefCell::new(WireTap::default()));
    let handler =
        async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), source(Rc::clone(&wire))));
    let runtime = Runtime::new().runtime_api(api.address());
    WireTap::run(&wire, api, runtime.run(handler)).await;
}

/// A source that is always ready cannot hold back its head or its first chunks: each is on the wire
/// before the source is polled again, so it may block there as long as it likes.
#[tokio::test]
async fn first_chunks_leave_before_next_poll() {
    with_wire(|wire| {
        let mut polls = 0;
        stream::poll_fn(move |_| {
            polls += 1;
            if polls == 2 {
                wire.borrow().expect(r#"{"statusCode":200"#);
            }
            if (2..=TRIAL).contains(&polls) {
                wire.borrow().expect(&numbered(polls - 1));
            }
            Poll::Ready((polls <= 40).then(|| Ok(numbered(polls).into())))
        })
    })
    .await;
}

/// The same holds for code that writes without flushing.
#[tokio::test]
async fn first_written_chunks_leave_before_next_poll() {
    with_wire(|wire| {
        stream_from(async move |mut body: BodyWriter| {
            for n in 1..=40 {
                if (2..=TRIAL).contains(&n) {
                    wire.borrow().expect(&numbered(n - 1));
                }
                body.send_chunk(numbered(n)).await?;
            }
            Ok::<_, Error>(())
        })
    })
    .await;
}

/// Where a fast source turns slow, one batch waits for the first slow poll, and no other.
#[tokio::test]
async fn slow_poll_holds_back_one_batch_only() {
    for fast in [1, TRIAL, TRIAL + 1, 30] {
        with_wire(|wire| {
            let mut n = 0;
            stream::poll_fn(move |_| {
                n += 1;
                if n > fast + 1 {
                    // The first slow poll has sent everything before it.
                    wire.borrow().expect(&numbered(n - 1));
                }
                if n > fast {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Poll::Ready((n <= fast + 5).then(|| Ok(numbered(n).into())))
            })
        })
        .await;
    }
}

/// A source that uses up the cooperative budget of the task at each poll.
fn greedy() -> impl Stream<Item = Item> {
    stream::unfold(true, async |first| {
        if first {
            return Some((Ok(Bytes::from_static(b"one")), false));
        }
        loop {
            tokio::task::consume_budget().await;
        }
    })
}

#[tokio::test]
async fn exhausted_budget_does_not_hide_the_deadline() {
    let runtime = || Runtime::new().deadline_margin(Duration::from_secs(60));
    let soon = Duration::from_millis(400);
    let streams = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), greedy()));
    serve_with(runtime(), streams, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline(soon)).await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        let (error_type, _) = peer.trailers().await;
        assert_eq!(error_type, "Function.DeadlineExceeded");
    })
    .await;

    let hangs = async |_: LambdaEvent<Value>| {
        loop {
            tokio::task::consume_budget().await;
        }
        #[allow(unreachable_code)]
        Ok::<_, Error>((Head::ok(), texts([])))
    };
    serve_with(runtime(), hangs, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline(soon)).await;
        let (_, document) = peer.error("invocation/1/error").await;
        assert_eq!(document["errorType"], "Function.DeadlineExceeded");
    })
    .await;
}

#[tokio::test]
async fn exhausted_budget_does_not_hide_a_lost_connection() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), greedy()));
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        drop(peer);
        // The stream has been dropped: the next invocation is asked for.
        api.accept().await.expect_next().await;
    })
    .await;
}

/// A failure that another function reported, with what no header may contain.
#[tokio::test]
async fn foreign_failure_cannot_split_a_header() {
    let document = serde_json::json!({
        "errorType": "Quota\r\nX-Smuggled: 1\r\n\r\nGET / HTTP/1.1",
        "errorMessage": "m".repeat(10_000),
    });
    let foreign = move || serde_json::from_value::<Failure>(document.clone()).unwrap();
    let handler = async |event: LambdaEvent<bool>| {
        let failure = foreign();
        if event.payload {
            return Err(failure);
        }
        Ok((Head::ok(), stream::iter([Ok("one"), Err(failure)])))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "true").await;
        let (head, document) = peer.error("invocation/1/error").await;
        assert_eq!(
            header(&head, "Lambda-Runtime-Function-Error-Type"),
            "Function.Unknown"
        );
        assert_eq!(document["errorType"], "Function.Unknown");
        peer.accepted().await;
        peer.invoke("2", "false").await;
        peer.response_head("2").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        let (error_type, document) = peer.trailers().await;
        assert_eq!(error_type, "Function.Unknown");
        assert!(
            document["errorMessage"]
                .as_str()
                .unwrap()
                .starts_with("mmm")
        );
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn oversized_error_document_is_cut() {
    let handler = async |_: LambdaEvent<Value>| {
        Err::<(Head, stream::Empty<Item>), _>(Failure::new("Huge", "m".repeat(7 * 1024 * 1024)))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (head, document) = peer.error("invocation/1/error").await;
        let length: usize = header(&head, "Content-Length").parse().unwrap();
        assert!(length <= 256 * 1024, "{length}");
        assert_eq!(document["errorType"], "Function.Huge");
    })
    .await;
}

/// A rejection that arrives byte by byte is judged as a whole.
#[tokio::test]
async fn rejection_in_segments_is_judged_as_a_whole() {
    for (status, error_type) in [
        ("500 Internal Server Error", "Fatal"),
        ("400 Bad Request", "InvalidFunctionResponseMode"),
    ] {
        for pieces in [2, 3, 7] {
            let document = format!(r#"{{"errorType":"{error_type}","errorMessage":"the reason"}}"#);
            let reply = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{document}",
                document.len()
            );
            let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["a"])));
            let error = run_to_end(handler, async |api| {
                let mut peer = api.invoke("1", "{}").await;
                peer.response_head("1").await;
                peer.prelude().await;
                peer.rest().await;
                for piece in reply.as_bytes().chunks(reply.len().div_ceil(pieces)) {
                    peer.write(piece).await;
                    tokio::task::yield_now().await;
                }
                peer.closed().await;
            })
            .await;
            assert!(error.is_refused(), "{error}");
            let text = error.to_string();
            assert!(
                text.contains(error_type) && text.contains("the reason"),
                "{text}"
            );
        }
    }
}

const EARLY: &str = "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn early_success_that_closes_does_not_cut_the_stream() {
    let handler = async |_: LambdaEvent<Value>| {
        let chunks = stream::iter((0..200).map(|_| Ok::<_, Error>(vec![b'x'; 64 * 1024])));
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.write(EARLY).await;
        peer.prelude().await;
        assert_eq!(peer.rest().await.len(), 200 * 64 * 1024);
        api.accept().await.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn early_success_that_closes_does_not_cut_a_document() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Json("x".repeat(5 * 1024 * 1024)));
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let head = peer.response_head("1").await;
        assert!(!head.contains("Function-Response-Mode"), "{head}");
        peer.write(EARLY).await;
        let length: usize = header(&head, "Content-Length").parse().unwrap();
        assert_eq!(length, 5 * 1024 * 1024 + 2);
        assert_eq!(peer.exactly(length).await.len(), length);
        api.accept().await.expect_next().await;
    })
    .await;
}

/// An emulator that has no invocation is not asked in a tight loop.
#[tokio::test]
async fn empty_answers_are_retried_with_pauses() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts([])));
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        let began = Instant::now();
        for _ in 0..7 {
            peer.expect_next().await;
            peer.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
        peer.expect_next().await;
        // The pauses double from 5 ms, so seven of them take 635 ms.
        assert!(began.elapsed() >= Duration::from_millis(600));
    })
    .await;
}

/// Whatever becomes of the report, the cause is what the user sees.
#[tokio::test]
async fn failed_setup_keeps_its_cause() {
    for reply in [
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "",
    ] {
        let api = Api::bind().await;
        let run = Runtime::new()
            .runtime_api(api.address())
            .run_with_setup(async || {
                let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts([])));
                Err::<(), _>(Failure::new("NoDatabase", "the database is not there"))?;
                Ok::<_, Error>(handler)
            });
        let script = async {
            let mut attempts = 0;
            // A report that is lost is sent once more.
            while attempts < if reply.is_empty() { 2 } else { 1 } {
                let mut peer = api.accept().await;
                let (_, document) = peer.error("init/error").await;
                assert_eq!(document["errorMessage"], "the database is not there");
                peer.write(reply).await;
                attempts += 1;
                if !reply.is_empty() {
                    peer.closed().await;
                }
            }
        };
        let (ended, ()) = patiently(async { tokio::join!(run, script) }).await;
        let ended = ended.unwrap_err();
        assert!(ended.is_setup(), "{reply:?}: {ended}");
        let cause = ended.source().unwrap().to_string();
        assert_eq!(cause, "the database is not there", "{reply:?}");
    }
}

/// A head with more names than a header map can hold is refused by name, before anything is sent.
#[tokio::test]
async fn head_with_too_many_headers_is_refused() {
    let handler = async |_: LambdaEvent<Value>| {
        let head = (0..30_000).fold(Head::ok(), |head, n| head.header(format!("x-{n}"), "v"));
        Ok::<_, Error>((head, texts(["never sent"])))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (_, document) = peer.error("invocation/1/error").await;
        assert_eq!(document["errorType"], "Function.InvalidHead");
        let message = document["errorMessage"].as_str().unwrap();
        assert!(message.contains("24576"), "{message}");
    })
    .await;
}

/// Random writing handlers: empty chunks, waits, flushes, copies, and writers in another task.
#[tokio::test]
async fn random_writers_send_exact_bytes() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    use tokio::io::AsyncWriteExt;

    let first: u64 = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    let seeds = first..first + 200;
    let expected = |seed: u64| {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = Vec::new();
        for _ in 0..random.random_range(0..40) {
            let len = [0, 0, 1, 7, 100, 5_000, 70_000][random.random_range(0..7)];
            bytes.push((random.random_range(0..5u8), vec![seed as u8; len]));
        }
        bytes
    };
    async fn write(
        mut body: BodyWriter,
        steps: Vec<(u8, Vec<u8>)>,
    ) -> Result<(), lambda_stream::body::writer::Closed> {
        for (step, bytes) in steps {
            match step {
                0 => body.send_chunk(bytes).await?,
                1 => body.write_all(&bytes).await.map_err(|_| body_closed())?,
                2 => {
                    body.send_chunk(bytes).await?;
                    body.flush().await?;
                }
                3 => {
                    tokio::task::yield_now().await;
                    body.send_chunk(bytes).await?;
                }
                _ => {
                    futures::SinkExt::send(&mut body, bytes.into()).await?;
                }
            }
        }
        body.finish().await
    }
    fn body_closed() -> lambda_stream::body::writer::Closed {
        panic!("the response is not over yet")
    }
    let handler = async |event: LambdaEvent<u64>, response: ResponseWriter| {
        let body = response.send_head(Head::ok())?;
        let steps = expected(event.payload);
        if event.payload % 3 == 0 {
            tokio::spawn(write(body, steps)).await.unwrap()?;
        } else {
            write(body, steps).await?;
        }
        Ok::<_, Error>(())
    };
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address());
    let script = async {
        let mut peer = api.accept().await;
        for seed in seeds {
            peer.invoke("1", &seed.to_string()).await;
            peer.response_head("1").await;
            peer.prelude().await;
            let sent: Vec<u8> = expected(seed).into_iter().flat_map(|(_, b)| b).collect();
            assert!(peer.rest().await == sent, "SEED={seed}");
            peer.accepted().await;
        }
    };
    patiently(async {
        tokio::select! {
            ended = runtime.run_with_writer(handler) => panic!("{ended:?}"),
            () = script => {}
        }
    })
    .await;
}
