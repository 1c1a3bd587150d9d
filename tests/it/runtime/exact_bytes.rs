//! Chunks of any number, size and content arrive byte for byte.

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use lambda_stream::{Error, Head, LambdaEvent};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::serve;

fn chunk() -> impl Strategy<Value = Vec<u8>> {
    let byte = || prop_oneof![3 => any::<u8>(), 1 => Just(0u8), 1 => Just(b'\r'), 1 => Just(b'\n')];
    prop_oneof![
        2 => Just(Vec::new()),
        2 => byte().prop_map(|byte| vec![byte]),
        4 => prop::collection::vec(byte(), 2..200),
        1 => Just(vec![0; 8]),
        1 => (any::<u8>(), 60_000usize..70_000).prop_map(|(byte, len)| vec![byte; len]),
        1 => (any::<u8>(), 1_000_000usize..3_000_000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_chunks_arrive_unchanged(
        chunks in prop::collection::vec((chunk(), any::<bool>()), 0..12),
    ) {
        let expected: Vec<u8> = chunks.iter().flat_map(|(chunk, _)| chunk.clone()).collect();
        let handler = async |_: LambdaEvent<Value>| {
            let chunks = stream::iter(chunks.clone()).then(async |(chunk, is_pending)| {
                if is_pending {
                    tokio::task::yield_now().await;
                }
                Ok::<_, Error>(Bytes::from(chunk))
            });
            Ok::<_, Error>((Head::ok(), chunks))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let arrived = runtime.block_on(serve(handler, async |api| {
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.prelude().await;
            let arrived = peer.rest().await;
            peer.accepted().await;
            peer.expect_next().await;
            arrived
        }));
        prop_assert!(arrived == expected, "{} bytes, not {}", arrived.len(), expected.len());
    }
}
