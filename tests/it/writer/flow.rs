//! When written chunks leave, and when the writer has to wait.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::SinkExt;
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Head, LambdaEvent, Runtime};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{begin, write};
use crate::support::{Api, WireTap, patiently};

#[tokio::test]
async fn waiting_handler_flushes_head_and_chunks() {
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
        let mut peer = begin(&api).await;
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
async fn slow_reader_blocks_the_writer() {
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
        let mut peer = begin(&api).await;
        // Let the handler go on as far as it can; the buffers of the sockets are a few megabytes.
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
async fn flush_completes_in_the_socket() {
    let api = Api::bind().await;
    let wire = Rc::new(RefCell::new(WireTap::default()));
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
        .runtime_api(api.address())
        .run_with_writer(handler);
    let arrived = WireTap::run(&wire, api, runtime).await;
    assert_eq!(arrived.matches("written;").count(), 20);
    assert!(arrived.ends_with("3\r\nend\r\n0\r\n\r\n"), "{arrived}");
}

/// Runs a writing handler that can look at the wire, and returns everything that arrived.
async fn write_to_wire<F, E>(handler: impl FnOnce(Rc<RefCell<WireTap>>) -> F) -> String
where
    F: AsyncFn(LambdaEvent<Value>, ResponseWriter) -> Result<(), E>,
    E: Into<Error>,
{
    let api = Api::bind().await;
    let wire = Rc::new(RefCell::new(WireTap::default()));
    let runtime = Runtime::new().runtime_api(api.address());
    WireTap::run(
        &wire,
        api,
        runtime.run_with_writer(handler(Rc::clone(&wire))),
    )
    .await
}

/// A chunk is on the wire before a handler that wakes itself goes on.
#[tokio::test]
async fn chunk_leaves_before_self_waking_handler() {
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
async fn computing_handler_does_not_delay_chunks() {
    let arrived = write_to_wire(|wire| {
        async move |_: LambdaEvent<Value>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            for n in 0..40 {
                if n > 1 {
                    // The chunk before the last one must have arrived before this one is made.
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
async fn chunks_arrive_in_order() {
    const CHUNKS: usize = 2_000;
    // Around every boundary: small chunks, chunks that fit into a block, whole blocks.
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
        let mut peer = begin(&api).await;
        peer.prelude().await;
        let expected: Vec<u8> = (0..CHUNKS).flat_map(chunk).collect();
        assert!(peer.rest().await == expected);
    })
    .await;
}

/// Runs a writing handler on a thread of its own, where nothing else wakes it: in the task of the
/// test, other wake-ups would hide a lost one.
fn write_alone<H, F, T>(handler: H, script: impl AsyncFnOnce(Api) -> T)
where
    H: FnOnce() -> F + Send + 'static,
    F: AsyncFn(LambdaEvent<Value>, ResponseWriter) -> Result<(), Error>,
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

/// No other wake-up is needed.
#[test]
fn writer_in_other_task_wakes_response() {
    let handler = || {
        async |_: LambdaEvent<Value>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            // The handler itself is not woken by what this does.
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
        let mut peer = begin(&api).await;
        peer.prelude().await;
        let all = "chunk 0;0 again;chunk 1;1 again;chunk 2;2 again;";
        assert_eq!(peer.rest().await, all.as_bytes());
    });
}

/// Whatever the size of its chunks.
#[test]
fn handler_that_never_waits_makes_progress() {
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
