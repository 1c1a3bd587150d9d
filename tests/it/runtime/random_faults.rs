//! A Runtime API that fails at random places, from a seed.
//!
//! `SEED=7 cargo test random_faults` repeats a run, and `INVOCATIONS=100000` makes it a long one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::stream::{self, Stream, StreamExt};
use lambda_stream::{Error, Head, LambdaEvent, Runtime};

use crate::support::runtime_api::invocation;
use crate::support::{Api, Item, Peer, Random, patiently};
use crate::writer::{Guard, dropped};

const INVOCATIONS: u64 = 300;

/// What goes wrong with one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    LateRefusal,
    EarlySuccess,
    EarlyRefusal,
    Garbage,
    Reset,
    HalfClose,
    ResetAfterBody,
}

const FAULTS: [Fault; 10] = [
    Fault::None,
    Fault::None,
    Fault::None,
    Fault::LateRefusal,
    Fault::EarlySuccess,
    Fault::EarlyRefusal,
    Fault::Garbage,
    Fault::Reset,
    Fault::HalfClose,
    Fault::ResetAfterBody,
];

const REFUSALS: [&str; 4] = [
    "400 Bad Request",
    "403 Forbidden",
    "410 Gone",
    "413 Payload Too Large",
];

fn answer(status: &str) -> String {
    let document = r#"{"errorType":"InvalidRequestID","errorMessage":"no"}"#;
    let length = document.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{document}")
}

/// The chunks of an invocation, which its event describes.
fn chunks(id: u64) -> Vec<Vec<u8>> {
    let mut random = Random::new(id);
    let byte = b'a' + (id % 26) as u8;
    (0..random.below(12))
        .map(|_| {
            let longest = random.pick([1, 64, 5000, 40_000]);
            vec![byte; random.below(longest) as usize]
        })
        .collect()
}

/// The chunks, with pauses; every fifth stream fails at its end.
fn body(id: u64, guard: Guard) -> impl Stream<Item = Item> {
    let mut random = Random::new(!id);
    let fails = (id % 5 == 0).then(|| Err(Error::from("broken")));
    let chunks = chunks(id).into_iter().map(|chunk| Ok(chunk.into()));
    stream::iter(chunks.chain(fails)).then(move |item| {
        let _guard = &guard;
        let pauses = random.pick([0, 0, 1, 3]);
        async move {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            item
        }
    })
}

/// The script of the Runtime API.
struct Script {
    api: Api,
    random: Random,
    peer: Option<Peer>,
    /// Connections that were cut in a row; the runtime gives up at twelve.
    cuts: u32,
}

impl Script {
    async fn turns(&mut self) {
        for _ in 0..self.random.pick([0, 0, 1, 5, 20]) {
            tokio::task::yield_now().await;
        }
    }

    /// Writes in pieces of random sizes, until the runtime has closed the connection.
    async fn write(&mut self, peer: &mut Peer, mut text: &[u8]) {
        while !text.is_empty() {
            let longest = self.random.pick([1, 20, 1000]).min(text.len() as u64);
            let (piece, rest) = text.split_at(1 + self.random.below(longest) as usize);
            if peer.try_write(piece).await.is_err() {
                return;
            }
            text = rest;
            self.turns().await;
        }
    }

    /// Hands out an invocation, perhaps after empty answers and connections that are cut before the
    /// event is whole.
    async fn hand_out(&mut self, id: u64) -> Peer {
        let event = invocation(&id.to_string(), &id.to_string(), "");
        loop {
            let mut peer = match self.peer.take() {
                Some(peer) => peer,
                None => self.api.accept().await,
            };
            peer.expect_next().await;
            if self.random.below(10) == 0 {
                self.write(&mut peer, b"HTTP/1.1 204 No Content\r\n\r\n")
                    .await;
                peer.expect_next().await;
            }
            if self.cuts < 2 && self.random.below(8) == 0 {
                let len = self.random.below(event.len() as u64) as usize;
                self.write(&mut peer, &event.as_bytes()[..len]).await;
                self.cuts += 1;
                continue;
            }
            self.cuts = 0;
            self.write(&mut peer, event.as_bytes()).await;
            return peer;
        }
    }

    /// Reads a whole response and compares it.
    async fn read(&mut self, peer: &mut Peer, id: u64) {
        let expected = chunks(id).concat();
        let mut payload = Vec::new();
        while let Some(chunk) = peer.chunk().await {
            payload.extend_from_slice(&chunk);
        }
        let fails = peer.until(b"\r\n").await != b"\r\n";
        if fails {
            peer.until(b"\r\n\r\n").await;
        }
        assert_eq!(fails, id % 5 == 0, "trailers of {id}");
        assert!(payload == expected, "payload of {id}");
    }

    /// Serves one invocation, and keeps the connection if it can go on.
    async fn invoke(&mut self, id: u64) {
        let fault = self.random.pick(FAULTS);
        println!("{id}: {fault:?}");
        let mut peer = self.hand_out(id).await;
        let head = peer.head().await;
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/");
        assert!(head.starts_with(&line), "{fault:?} {head}");
        if head.starts_with(&format!("{line}error ")) {
            // The stream failed before its first chunk.
            assert!(id % 5 == 0, "{head}");
            let length = crate::support::header(&head, "Content-Length");
            peer.exactly(length.parse().unwrap()).await;
            self.write(&mut peer, answer("202 Accepted").as_bytes())
                .await;
            self.peer = Some(peer);
            return;
        }
        let refusal = self.random.pick(REFUSALS);
        match fault {
            Fault::None | Fault::LateRefusal | Fault::EarlySuccess | Fault::ResetAfterBody => {
                let accepted = answer("202 Accepted");
                if fault == Fault::EarlySuccess {
                    self.write(&mut peer, accepted.as_bytes()).await;
                }
                peer.prelude().await;
                self.read(&mut peer, id).await;
                match fault {
                    Fault::None => self.write(&mut peer, accepted.as_bytes()).await,
                    Fault::LateRefusal => self.write(&mut peer, answer(refusal).as_bytes()).await,
                    Fault::ResetAfterBody => {
                        let len = self.random.below(40) as usize;
                        self.write(&mut peer, &accepted.as_bytes()[..len]).await;
                        return;
                    }
                    _ => {}
                }
                self.peer = Some(peer);
            }
            _ => self.break_off(&mut peer, fault, refusal).await,
        }
    }

    /// Ends an exchange in the middle of its body.
    async fn break_off(&mut self, peer: &mut Peer, fault: Fault, refusal: &str) {
        if self.random.below(2) == 0 {
            peer.prelude().await;
        }
        self.turns().await;
        match fault {
            Fault::EarlyRefusal => self.write(peer, answer(refusal).as_bytes()).await,
            Fault::Garbage => self.write(peer, b"SSH-2.0-OpenSSH\r\n\r\n").await,
            Fault::HalfClose => peer.end().await,
            _ => return,
        }
        // The runtime keeps the connection if it had sent everything before it read the answer.
        peer.try_until(b"/runtime/invocation/next ").await;
    }
}

/// None is lost or called twice, every whole response is exact, and no stream outlives its
/// invocation.
#[tokio::test]
async fn random_faults_lose_no_invocation() {
    let seed = Random::seed();
    let count = std::env::var("INVOCATIONS").map_or(INVOCATIONS, |count| count.parse().unwrap());
    let called = Rc::new(RefCell::new(Vec::new()));
    let drops = Rc::new(Cell::new(0));
    let handler = async |event: LambdaEvent<u64>| {
        called.borrow_mut().push(event.payload);
        let guard = Guard(Rc::clone(&drops));
        Ok::<_, Error>((Head::ok(), body(event.payload, guard)))
    };
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address());
    let script = async {
        let mut script = Script {
            api,
            random: Random::new(seed),
            peer: None,
            cuts: 0,
        };
        for id in 1..=count {
            patiently(script.invoke(id)).await;
            assert_eq!(called.borrow().len() as u64, id);
            patiently(dropped(&drops, id as usize)).await;
        }
    };
    // A long run takes longer than one test may.
    tokio::select! {
        ended = runtime.run(handler) => panic!("the runtime ended: {ended:?}"),
        () = script => {}
    }
    assert!(called.borrow().iter().copied().eq(1..=count));
    assert_eq!(drops.get() as u64, count);
}
