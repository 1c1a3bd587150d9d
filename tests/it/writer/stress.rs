//! Random sequences of writes, polled by hand so that a lost wake-up is seen at once.
//!
//! `SEED=7 cargo test stress` repeats a run, and `RUNS=100000` makes it a long one.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures::SinkExt;
use futures::stream::{FuturesUnordered, StreamExt};
use http_body::{Body, Frame};
use lambda_stream::body::writer::{BodyWriter, Closed, stream_from};
use lambda_stream::{Error, Frames, Raw};
use tokio::io::AsyncWriteExt;

use crate::support::Random;

const RUNS: u64 = 3000;

/// Polls of one body after which it counts as hanging.
const POLLS: usize = 10_000;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything that was written, as it has to arrive.
type Written = Rc<RefCell<Vec<u8>>>;

struct Writing {
    random: Random,
    written: Written,
}

impl Writing {
    fn chunk(&mut self) -> Vec<u8> {
        let longest = self.random.pick([1, 2, 10, 200, 20_000]);
        let len = self.random.below(longest) as usize;
        let chunk = vec![b'a' + self.random.below(26) as u8; len];
        self.written.borrow_mut().extend_from_slice(&chunk);
        chunk
    }

    /// Does one thing with the body.
    async fn step(&mut self, body: &mut BodyWriter) -> Result<(), Closed> {
        match self.random.below(9) {
            0 => body.send_chunk(Bytes::new()).await,
            1 => {
                let written = AsyncWriteExt::write(body, &[]).await;
                assert_eq!(written.unwrap(), 0);
                Ok(())
            }
            2 => {
                AsyncWriteExt::write_all(body, &self.chunk()).await.unwrap();
                Ok(())
            }
            3 => body.flush().await,
            4 => body.feed(self.chunk().into()).await,
            5 => {
                tokio::select! {
                    biased;
                    flushed = body.flush() => flushed,
                    () = pause(self.random.below(2)) => Ok(()),
                }
            }
            6 => {
                pause(self.random.below(4)).await;
                Ok(())
            }
            7 => {
                slow();
                Ok(())
            }
            _ => body.send_chunk(self.chunk()).await,
        }
    }

    /// Writes a body to its end.
    async fn write(mut self, mut body: BodyWriter) -> Result<(), Error> {
        for _ in 0..self.random.below(30) {
            if self.random.below(6) == 0 {
                // Polled with a waker of its own, as in another task.
                let mut others = FuturesUnordered::new();
                others.push(async move {
                    let sent = self.step(&mut body).await;
                    (self, body, sent)
                });
                let (writing, writer, sent) = others.next().await.unwrap();
                (self, body) = (writing, writer);
                sent?;
            } else {
                self.step(&mut body).await?;
            }
        }
        match self.random.below(4) {
            0 => body.finish().await?,
            1 => body.finish_with_chunk(self.chunk()).await?,
            2 => body.shutdown().await.unwrap(),
            _ => {}
        }
        pause(self.random.below(3)).await;
        Ok(())
    }
}

/// Takes longer than a batch may.
fn slow() {
    let began = std::time::Instant::now();
    while began.elapsed().as_micros() < 60 {
        std::hint::spin_loop();
    }
}

/// Is pending this often, and wakes its task each time.
async fn pause(mut times: u64) {
    std::future::poll_fn(|cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls a body to its end: when it was woken, and sometimes when it was not, with one waker or
/// with another one each time.
fn collect<B>(mut body: Pin<&mut B>, random: &mut Random) -> Vec<u8>
where
    B: Body<Data = Bytes, Error = Infallible>,
{
    let mut collected = Vec::new();
    let mut flag = Arc::new(Flag::default());
    for _ in 0..POLLS {
        if random.below(4) == 0 {
            flag = Arc::new(Flag::default());
        }
        flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&flag));
        match body.as_mut().poll_frame(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some(frame)) => {
                let data = frame
                    .map(Frame::into_data)
                    .unwrap_or_else(|error| match error {});
                collected.extend_from_slice(&data.expect("no trailers"));
            }
            Poll::Ready(None) => return collected,
            Poll::Pending => assert!(flag.0.load(Ordering::Relaxed), "nothing wakes the body"),
        }
    }
    panic!("the body does not end")
}

/// With empty chunks, flushes, slow polls and any waker.
#[test]
fn stress_of_writers_loses_nothing() {
    let seed = Random::seed();
    let runs = std::env::var("RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let mut random = Random::new(seed);
    for run in 0..runs {
        println!("run {run}");
        let written = Written::default();
        let writing = Writing {
            random: Random::new(random.next()),
            written: Rc::clone(&written),
        };
        let body = stream_from(async move |body| writing.write(body).await);
        let collected = collect(pin!(Frames::new(Raw(body))), &mut random);
        assert!(collected == *written.borrow(), "run {run}");
    }
}
