//! Writing a response instead of returning it.

mod support;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use lambda_stream::body::channel;
use lambda_stream::body::writer::{BodyWriter, Closed, ResponseWriter, stream_from};
use lambda_stream::{Error, Failure, Head, LambdaEvent, Raw, Runtime};
use serde_json::Value;
use support::{Api, Peer, header, patiently, serve};
use tokio::io::AsyncWriteExt;

/// Runs a writing handler against the script of a Runtime API.
async fn write<F, E, T>(handler: F, script: impl AsyncFnOnce(Api) -> T) -> T
where
    F: AsyncFnMut(LambdaEvent<Value>, ResponseWriter) -> Result<(), E>,
    E: Into<Error>,
{
    write_with(Runtime::new(), handler, script).await
}

async fn write_with<F, E, T>(runtime: Runtime, handler: F, script: impl AsyncFnOnce(Api) -> T) -> T
where
    F: AsyncFnMut(LambdaEvent<Value>, ResponseWriter) -> Result<(), E>,
    E: Into<Error>,
{
    let api = Api::bind().await;
    let runtime = runtime.runtime_api(api.address());
    patiently(async {
        tokio::select! {
            ended = runtime.run_with_writer(handler) => panic!("the runtime ended: {ended:?}"),
            output = script(api) => output,
        }
    })
    .await
}

async fn begun(api: &Api) -> Peer {
    let mut peer = api.invoke("1", "{}").await;
    peer.response_head("1").await;
    peer
}

#[tokio::test]
async fn the_program_of_the_design_streams() {
    let log = RefCell::new(Vec::new());
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut file: &[u8] = b"1,ada\n2,grace\n";
        let mut body = response.send_head(Head::ok().content_type("text/csv"))?;
        body.send_chunk(Bytes::from_static(b"id,name\n")).await?;
        tokio::io::copy(&mut file, &mut body).await?;
        body.finish().await?;
        log.borrow_mut().push("audited");
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = begun(&api).await;
        assert_eq!(
            peer.prelude().await,
            r#"{"statusCode":200,"headers":{"content-type":"text/csv"},"cookies":[]}"#
        );
        assert_eq!(peer.payload(22).await, "id,name\n1,ada\n2,grace\n");
        assert_eq!(peer.rest().await, b"");
        peer.accepted().await;
        peer.expect_next().await;
        assert_eq!(*log.borrow(), ["audited"], "before the next invocation");
    })
    .await;
}

#[tokio::test]
async fn the_head_and_each_chunk_leave_when_the_handler_waits() {
    let (gate, step) = (Rc::new(tokio::sync::Notify::new()), Cell::new(0));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::new(201))?;
        gate.notified().await;
        for n in 1..4 {
            body.send_chunk(n.to_string()).await?;
            step.set(n);
            gate.notified().await;
        }
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = begun(&api).await;
        assert!(peer.prelude().await.contains("201"));
        for n in 1..4 {
            assert_eq!(step.get(), n - 1);
            gate.notify_one();
            assert_eq!(peer.text_chunk().await, n.to_string());
        }
        gate.notify_one();
        assert_eq!(peer.rest().await, b"", "returning ends the body");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_holds_the_writer_up() {
    let sent = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        loop {
            body.send_chunk(vec![b'x'; 1 << 20]).await?;
            sent.set(sent.get() + 1);
        }
        #[allow(unreachable_code)]
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = begun(&api).await;
        // Give it every chance to go on; the sockets' buffers are a few megabytes.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(sent.get() < 16, "{} MB written", sent.get());
        peer.prelude().await;
        for _ in 0..32 {
            assert_eq!(peer.chunk().await.unwrap().len(), 1 << 20);
        }
        assert!(sent.get() >= 30);
    })
    .await;
}

#[tokio::test]
async fn a_flush_is_complete_when_everything_is_in_the_socket() {
    let (wire, address) = support::Wire::bind();
    let wire = Rc::new(RefCell::new(wire));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        body.flush().await?;
        wire.borrow().expect("\0\0\0\0\0\0\0\0\r\n");
        for n in 0..20 {
            body.send_chunk(format!("chunk {n};")).await?;
            body.flush().await?;
            wire.borrow().expect(&format!("chunk {n};"));
            SinkExt::send(&mut body, format!("sunk {n};").into()).await?;
            wire.borrow().expect(&format!("sunk {n};"));
            body.write_all(b"written;").await?;
            AsyncWriteExt::flush(&mut body).await?;
        }
        body.finish_with_chunk("end").await?;
        Ok::<_, Error>(())
    };
    let runtime = Runtime::new()
        .runtime_api(address.to_string())
        .run_with_writer(handler);
    let arrived = support::Wire::run(&wire, runtime).await;
    assert_eq!(arrived.matches("written;").count(), 20);
    assert!(arrived.ends_with("3\r\nend\r\n0\r\n\r\n"), "{arrived}");
}

/// Runs a writing handler that can look at the wire; returns everything that arrived.
async fn write_to_wire<F, E>(handler: impl FnOnce(Rc<RefCell<support::Wire>>) -> F) -> String
where
    F: AsyncFnMut(LambdaEvent<Value>, ResponseWriter) -> Result<(), E>,
    E: Into<Error>,
{
    let (wire, address) = support::Wire::bind();
    let wire = Rc::new(RefCell::new(wire));
    let runtime = Runtime::new().runtime_api(address.to_string());
    support::Wire::run(&wire, runtime.run_with_writer(handler(Rc::clone(&wire)))).await
}

#[tokio::test]
async fn a_chunk_is_on_the_wire_before_a_handler_that_wakes_itself_goes_on() {
    let arrived = write_to_wire(|wire| {
        async move |_: LambdaEvent<Value>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            for n in 0..50 {
                body.send_chunk(format!("chunk {n};")).await?;
                let mut is_woken = false;
                poll_fn(|cx| {
                    if is_woken {
                        return Poll::Ready(());
                    }
                    is_woken = true;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
                wire.borrow().expect(&format!("chunk {n};"));
            }
            Ok::<_, Error>(())
        }
    })
    .await;
    assert!(arrived.contains("chunk 49;"));
}

#[tokio::test]
async fn a_handler_that_computes_per_chunk_does_not_hold_back_what_it_wrote() {
    let arrived = write_to_wire(|wire| {
        async move |_: LambdaEvent<Value>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            for n in 0..40 {
                if n > 1 {
                    // Before this chunk is made, the one before the last has to be there.
                    wire.borrow().expect(&format!("chunk {};", n - 2));
                }
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(1) {
                    std::hint::spin_loop();
                }
                body.send_chunk(format!("chunk {n};")).await?;
            }
            Ok::<_, Error>(())
        }
    })
    .await;
    assert!(arrived.contains("chunk 39;"));
}

#[tokio::test]
async fn chunks_of_any_size_arrive_in_the_order_they_were_written_in() {
    const CHUNKS: usize = 2_000;
    // Around every bound: what is small, what fits into a block, what a block is.
    let sizes = [
        1, 4095, 1, 4096, 64, 64, 30_000, 17, 100_000, 1000, 4095, 4095, 4095, 1,
    ];
    let chunk = |n: usize| {
        let size = if n % 500 < 250 {
            7919 * n % 4096
        } else {
            sizes[n % sizes.len()]
        };
        vec![b'a' + (n % 26) as u8; size]
    };
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        for n in 0..CHUNKS {
            match n % 3 {
                0 => body.send_chunk(chunk(n)).await?,
                1 => body.write_all(&chunk(n)).await?,
                _ => body.feed(chunk(n).into()).await?,
            }
        }
        body.finish().await.map_err(Error::from)
    };
    write(handler, async |api| {
        let mut peer = begun(&api).await;
        peer.prelude().await;
        let expected: Vec<u8> = (0..CHUNKS).flat_map(chunk).collect();
        assert!(peer.rest().await == expected);
    })
    .await;
}

#[tokio::test]
async fn an_error_after_the_head_becomes_trailers_and_before_it_an_error() {
    let handler = async |event: LambdaEvent<Value>, response: ResponseWriter| {
        let case = event.payload.as_str().unwrap().to_owned();
        let fail = |at: &str| match case == at {
            true => Err(Failure::new("Quota", at)),
            false => Ok(()),
        };
        fail("before the head")?;
        let mut body = response.send_head(Head::ok())?;
        fail("before anything has left")?;
        body.send_chunk("one").await?;
        fail("after a chunk")?;
        assert!(case != "panic", "broken");
        if case == "finish_with_error" {
            let failure = Failure::new("Quota", "finish_with_error");
            body.finish_with_error(failure).await?;
            return Ok(());
        }
        body.finish().await?;
        fail("after the end")?;
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = api.accept().await;
        for case in ["before the head", "before anything has left"] {
            peer.invoke("1", &format!("{case:?}")).await;
            let (head, document) = peer.error("invocation/1/error").await;
            assert_eq!(
                header(&head, "Lambda-Runtime-Function-Error-Type"),
                "Function.Quota"
            );
            assert_eq!(document["errorMessage"], case);
            peer.accepted().await;
        }
        for case in ["after a chunk", "finish_with_error", "panic"] {
            peer.invoke("1", &format!("{case:?}")).await;
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "one");
            let (error_type, document) = peer.trailers().await;
            match case {
                "panic" => assert_eq!(error_type, "Function.Panic"),
                _ => assert_eq!(document["errorMessage"], case),
            }
            peer.accepted().await;
        }
        peer.invoke("1", "\"after the end\"").await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"one", "logged, not sent");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn a_handler_without_a_head_is_an_error() {
    let handler =
        async |_: LambdaEvent<Value>, _: ResponseWriter| Ok::<_, std::convert::Infallible>(());
    write(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (_, document) = peer.error("invocation/1/error").await;
        assert_eq!(document["errorType"], "Function.NoHead");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn a_head_that_cannot_be_sent_drops_the_handler_and_fails() {
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::new(99))?;
        body.send_chunk("never sent").await?;
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (_, document) = peer.error("invocation/1/error").await;
        assert_eq!(document["errorType"], "Function.InvalidHead");
    })
    .await;
}

#[tokio::test]
async fn a_response_without_a_head_of_its_own_is_raw() {
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let body = response.without_head("application/json")?;
        body.finish_with_chunk("{}").await
    };
    write(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let head = peer.response_head("1").await;
        assert_eq!(header(&head, "Content-Type"), "application/json");
        assert_eq!(peer.rest().await, b"{}");
    })
    .await;
}

struct Guard(Rc<Cell<usize>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

async fn dropped(count: &Cell<usize>, times: usize) {
    while count.get() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lost_connection_and_a_refusal_drop_the_handler_at_once() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let _guard = Guard(Rc::clone(&drops));
        let body = response.send_head(Head::ok())?;
        std::future::pending::<()>().await;
        body.finish().await
    };
    write(handler, async |api| {
        let mut peer = begun(&api).await;
        peer.prelude().await;
        drop(peer);
        dropped(&drops, 1).await;
        let mut peer = begun(&api).await;
        peer.prelude().await;
        peer.answer("410 Gone", "").await;
        dropped(&drops, 2).await;
        begun(&api).await;
    })
    .await;
}

#[tokio::test]
async fn a_deadline_drops_the_handler_and_becomes_trailers() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |event: LambdaEvent<Value>, response: ResponseWriter| {
        let _guard = Guard(Rc::clone(&drops));
        if event.payload == "no head" {
            std::future::pending::<()>().await;
        }
        let mut body = response.send_head(Head::ok())?;
        body.send_chunk("one").await?;
        std::future::pending::<()>().await;
        body.finish().await
    };
    let at = std::time::SystemTime::now() + Duration::from_millis(400);
    let ms = at
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let deadline = format!("Lambda-Runtime-Deadline-Ms: {ms}\r\n");
    let runtime = Runtime::new().deadline_margin(Duration::from_secs(60));
    write_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline).await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        assert_eq!(peer.trailers().await.0, "Function.DeadlineExceeded");
        dropped(&drops, 1).await;
        peer.accepted().await;
        peer.invoke_with("2", "\"no head\"", &deadline).await;
        let (_, document) = peer.error("invocation/2/error").await;
        assert_eq!(document["errorType"], "Function.DeadlineExceeded");
        dropped(&drops, 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_writer_may_be_moved_to_another_task_and_is_over_with_its_handler() {
    let late = Rc::new(RefCell::new(None));
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        let task = tokio::spawn(async move {
            body.send_chunk("from another task").await?;
            Ok::<_, Closed>(body)
        });
        *late.borrow_mut() = Some(task.await.unwrap()?);
        Ok::<_, Error>(())
    };
    write(handler, async |api| {
        let mut peer = begun(&api).await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"from another task");
        peer.accepted().await;
        peer.expect_next().await;
        let mut body = late.borrow_mut().take().unwrap();
        assert!(body.send_chunk("late").await.is_err());
        let error = body.write_all(b"late").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert!(body.finish().await.is_err());
    })
    .await;
}

/// Runs a writing handler on a thread of its own, where nothing but itself wakes it: in a test's own task,
/// whoever else is woken hides a wake-up that is lost.
fn write_alone<H, F, T>(handler: H, script: impl AsyncFnOnce(Api) -> T)
where
    H: FnOnce() -> F + Send + 'static,
    F: AsyncFnMut(LambdaEvent<Value>, ResponseWriter) -> Result<(), Error>,
{
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut tokio = tokio::runtime::Builder::new_current_thread();
        tokio.enable_all().build().unwrap().block_on(future)
    }
    let (address, to_connect) = std::sync::mpsc::channel::<String>();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = Runtime::new().runtime_api(to_connect.recv().unwrap());
        block_on(async {
            tokio::select! {
                ended = runtime.run_with_writer(handler()) => panic!("the runtime ended: {ended:?}"),
                _ = is_done => {}
            }
        });
    });
    block_on(patiently(async {
        let api = Api::bind().await;
        address.send(api.address()).unwrap();
        script(api).await;
    }));
    done.send(()).unwrap();
    thread.join().unwrap();
}

#[test]
fn what_another_task_writes_needs_nobody_else_to_wake_the_response() {
    let handler = || {
        async |_: LambdaEvent<Value>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            // The handler itself never hears of what this does.
            tokio::task::spawn_blocking(move || {
                tokio::runtime::Handle::current().block_on(async {
                    for n in 0..3 {
                        body.send_chunk(format!("chunk {n};")).await?;
                        body.flush().await?;
                        let again = format!("{n} again;");
                        body.write_all(again.as_bytes()).await.unwrap();
                    }
                    body.finish().await
                })
            });
            std::future::pending().await
        }
    };
    write_alone(handler, async |api| {
        let mut peer = begun(&api).await;
        peer.prelude().await;
        let all = "chunk 0;0 again;chunk 1;1 again;chunk 2;2 again;";
        assert_eq!(peer.rest().await, all.as_bytes());
    });
}

#[test]
fn a_handler_that_writes_and_never_waits_goes_on_whatever_it_writes() {
    const BYTES: usize = 300_000;
    let sizes = [1, 64, 1000, 1024, 4095, 4096, 65_536];
    let handler = move || {
        async move |event: LambdaEvent<Value>, response: ResponseWriter| {
            let size = event.payload["size"].as_u64().unwrap() as usize;
            let mut body = response.send_head(Head::ok())?;
            for _ in 0..BYTES / size {
                match event.payload["copied"] == true {
                    true => body.write_all(&vec![b'x'; size]).await?,
                    false => body.send_chunk(vec![b'x'; size]).await?,
                }
            }
            body.finish().await?;
            Ok(())
        }
    };
    write_alone(handler, async |api| {
        let mut peer = api.accept().await;
        for size in sizes {
            for copied in [false, true] {
                let event = format!(r#"{{"size":{size},"copied":{copied}}}"#);
                peer.invoke("1", &event).await;
                peer.response_head("1").await;
                peer.prelude().await;
                assert_eq!(peer.rest().await.len(), BYTES / size * size);
                peer.accepted().await;
            }
        }
    });
}

#[tokio::test]
async fn code_that_writes_is_a_stream() {
    let body = stream_from(async |mut body: BodyWriter| {
        body.send_chunk("").await?;
        body.send_chunk("one").await?;
        body.flush().await?;
        body.feed("two".into()).await?;
        let parts = futures::future::join(async { 1 }, body.send_chunk("three")).await;
        parts.1?;
        body.write_all(b"four").await?;
        Err::<(), Error>("the end".into())
    });
    let items: Vec<_> = patiently(body.collect()).await;
    let texts: Vec<_> = items
        .iter()
        .map(|item| match item {
            Ok(chunk) => String::from_utf8(chunk.to_vec()).unwrap(),
            Err(error) => format!("error: {error}"),
        })
        .collect();
    assert_eq!(texts, ["one", "two", "three", "four", "error: the end"]);

    let mut body = Box::pin(stream_from(async |body: BodyWriter| {
        body.finish_with_chunk("x").await?;
        unreachable!("the stream is over");
        #[allow(unreachable_code)]
        Ok::<_, Error>(())
    }));
    assert_eq!(body.next().await.unwrap().unwrap(), "x");
    for _ in 0..3 {
        assert!(body.next().await.is_none(), "fused");
    }
}

#[tokio::test]
async fn code_that_writes_is_dropped_with_its_stream() {
    let drops = Rc::new(Cell::new(0));
    let guard = Guard(Rc::clone(&drops));
    let mut body = Box::pin(stream_from(async move |mut body: BodyWriter| {
        let _guard = guard;
        loop {
            body.send_chunk("x").await?;
        }
        #[allow(unreachable_code)]
        Ok::<_, Error>(())
    }));
    assert!(body.next().await.is_some());
    drop(body);
    assert_eq!(drops.get(), 1);
}

#[tokio::test]
async fn a_channel_carries_what_another_task_writes() {
    let handler = async |event: LambdaEvent<Value>| {
        let (mut sender, body) = channel(2);
        tokio::spawn(async move {
            sender.send_chunk("one").await?;
            SinkExt::send(&mut sender, "two".into()).await?;
            match event.payload.as_str().unwrap() {
                "finish" => sender.finish(),
                "fail" => {
                    sender
                        .finish_with_error(Failure::new("Quota", "none left"))
                        .await
                }
                "panic" => panic!("in another task"),
                _ => Ok(()),
            }
        });
        Ok::<_, Error>(Raw(body))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (case, ends) in [
            ("finish", None),
            ("fail", Some("Function.Quota")),
            ("drop", Some("Function.SenderDropped")),
            ("panic", Some("Function.SenderDropped")),
        ] {
            peer.invoke("1", &format!("{case:?}")).await;
            peer.response_head("1").await;
            assert_eq!(peer.payload(6).await, "onetwo");
            match ends {
                None => assert_eq!(peer.rest().await, b""),
                Some(error_type) => assert_eq!(peer.trailers().await.0, error_type),
            }
            peer.accepted().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_channel_holds_its_sender_up_and_tells_it_when_the_body_is_gone() {
    let (mut sender, mut body) = channel(1);
    let sent = Rc::new(Cell::new(0));
    let send = async {
        loop {
            if sender.send_chunk("x").await.is_err() {
                return;
            }
            sent.set(sent.get() + 1);
        }
    };
    let read = async {
        tokio::task::yield_now().await;
        let ahead = sent.get();
        assert!(ahead <= 2, "{ahead} chunks wait");
        body.next().await.unwrap().unwrap();
        tokio::task::yield_now().await;
        assert!(sent.get() <= ahead + 1);
        drop(body);
    };
    patiently(async { tokio::join!(send, read) }).await;
}

#[tokio::test]
async fn a_limit_on_the_response_ends_one_that_is_written_too() {
    let is_over = Cell::new(false);
    let handler = async |_: LambdaEvent<Value>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        for chunk in ["123", "456", "7"] {
            body.send_chunk(Bytes::from(chunk)).await?;
        }
        is_over.set(true);
        Ok::<_, Error>(())
    };
    let runtime = Runtime::new().response_limit(5);
    write_with(runtime, handler, async |api| {
        let mut peer = begun(&api).await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "123");
        assert_eq!(peer.trailers().await.0, "Function.ResponseSizeTooLarge");
        peer.accepted().await;
        peer.expect_next().await;
        assert!(!is_over.get(), "the handler is dropped");
    })
    .await;
}
