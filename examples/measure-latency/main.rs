//! Measures a handler that sends tokens as server-sent events: time to first byte, and latency per
//! token.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use lambda_stream::format::Sse;
use lambda_stream::format::sse::Event;
use lambda_stream::testing::Measure;
use lambda_stream::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Question {
    tokens: u32,
}

/// The function that is measured. Deployed, `main` would be `lambda_stream::run(answer).await`.
async fn answer(
    event: LambdaEvent<Question>,
) -> Result<Sse<impl Stream<Item = Result<Event, Error>>>, Error> {
    // Stands for a model: a token every 2 ms.
    let tokens = stream::iter(0..event.payload.tokens).then(async |n| {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(Event::new().id(n).data(format!("token {n}")))
    });
    Ok(Sse::new(tokens))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let report = Measure::new(Question { tokens: 50 })
        .invocations(20)
        .warm_up(2)
        .run(answer)
        .await?;
    print!("{report}");
    Ok(())
}
