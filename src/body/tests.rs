//! Combinators on top of each other.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use proptest::prelude::*;
use tokio::time::Instant;

use super::ChunkStreamExt;
use crate::error::Error;
use crate::event::Context;

const SECOND: Duration = Duration::from_secs(1);

/// Runs a future under a paused clock.
fn paused<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

/// Yields chunks, each after a pause.
fn slowly(chunks: Vec<(u64, Vec<u8>)>) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::iter(chunks).then(|(pause, chunk)| async move {
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(100 * pause)).await;
        }
        Ok(Bytes::from(chunk))
    })
}

fn chunks(pause: u64, least: usize) -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let chunk = prop::collection::vec(any::<u8>(), least..40);
    prop::collection::vec((0..=pause, chunk), 0..40)
}

fn bytes(chunks: &[(u64, Vec<u8>)]) -> Vec<Bytes> {
    chunks
        .iter()
        .map(|(_, chunk)| chunk.clone().into())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn untriggered_combinators_change_nothing(chunks in chunks(9, 0)) {
        let sent = bytes(&chunks);
        let len: usize = sent.iter().map(Bytes::len).sum();
        let received: Vec<Bytes> = paused(async {
            let context = Context::expiring_at(Instant::now() + 60 * SECOND);
            let stream = slowly(chunks)
                .heartbeat(60 * SECOND, "-")
                .until_deadline(&context, SECOND)
                .closing_with("closed")
                .limit(len as u64);
            stream.map(Result::unwrap).collect().await
        });
        prop_assert_eq!(received, sent);
    }

    #[test]
    fn heartbeats_lie_between_chunks(chunks in chunks(50, 1)) {
        const BEAT: &[u8] = b"a heartbeat longer than any of the chunks that it lies between";
        // One per second, but a chunk that is ready at that moment precedes it.
        let expected: Vec<Bytes> = chunks
            .iter()
            .flat_map(|(pause, chunk)| {
                let beats = pause.saturating_sub(1) / 10;
                std::iter::repeat_n(Bytes::from(BEAT), beats as usize).chain([chunk.clone().into()])
            })
            .collect();
        let received: Vec<Bytes> = paused(async {
            let stream = slowly(chunks).heartbeat(SECOND, BEAT);
            stream.map(Result::unwrap).collect().await
        });
        prop_assert_eq!(received, expected);
    }
}
