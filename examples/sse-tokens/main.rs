//! The answer of a language model, token by token as server-sent events, and a page that shows it.

use std::time::Duration;

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use lambda_stream::format::Sse;
use lambda_stream::format::sse::{self, Event};
use lambda_stream::{Error, Head, LambdaEvent};

const PAGE: &str = include_str!("index.html");

const ANSWER: &str = "A Lambda function that streams sends its head first, and then each chunk as soon as \
    it is there.\nThe page you read this in got every word in an event of its own, and should the \
    connection break, the browser asks for the rest.";

async fn handler(
    event: LambdaEvent<LambdaFunctionUrlRequest>,
) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
    let request = event.payload;
    Ok(match request.raw_path.as_deref().unwrap_or("/") {
        "/" => document(Head::ok().content_type("text/html; charset=utf-8"), PAGE),
        "/tokens" => {
            let (head, events) = answer(&request);
            (head, events.left_stream())
        }
        _ => document(Head::new(404).content_type("text/plain"), "not found\n"),
    })
}

/// Returns the tokens that the client does not have yet, as events.
fn answer(
    request: &LambdaFunctionUrlRequest,
) -> (Head, impl Stream<Item = Result<Bytes, Error>> + use<>) {
    // The id of an event is the number of tokens that the client has by then.
    let has = sse::last_event_id(&request.headers).and_then(|id| id.parse().ok());
    // `?break=N` makes the model fail after N tokens, to show how an error arrives.
    let breaks_at = request.query_string_parameters.get("break");
    let breaks_at = breaks_at.and_then(|n| n.parse().ok());

    let tokens = generate(has.unwrap_or(0), breaks_at)
        .map(|token| token.map(|(n, text)| Event::new().id(n).data(text)));
    let begin = stream::iter([Ok(Event::new().retry(Duration::from_secs(1)))]);
    let end = stream::iter([Ok(Event::new().event("done").data(""))]);

    Sse::new(begin.chain(tokens).chain(end))
        .keep_alive(Duration::from_secs(1))
        .ending_with(|error| Event::new().event("failure").data(error))
        .into_parts()
}

/// Stands for a model, which thinks and then generates one token after the other.
fn generate(
    from: usize,
    breaks_at: Option<usize>,
) -> impl Stream<Item = Result<(usize, &'static str), Error>> {
    let generation = Generation {
        tokens: ANSWER.split_inclusive(' ').skip(from),
        made: from,
        is_over: false,
    };
    stream::try_unfold(generation, move |mut generation| async move {
        let pause = if generation.made == 0 { 2500 } else { 80 };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if breaks_at == Some(generation.made) {
            generation.end();
            return Err("the model has lost its thread".into());
        }
        let Some(token) = generation.tokens.next() else {
            generation.end();
            return Ok(None);
        };
        generation.made += 1;
        Ok(Some(((generation.made, token), generation)))
    })
}

/// A generation in progress. It belongs to the stream, so it stops when the stream is dropped.
struct Generation<I> {
    tokens: I,
    made: usize,
    is_over: bool,
}

impl<I> Generation<I> {
    fn end(mut self) {
        self.is_over = true;
    }
}

impl<I> Drop for Generation<I> {
    fn drop(&mut self) {
        if self.is_over {
            println!("generation ended after {} tokens", self.made);
        } else {
            // Here a real program cancels its request to the model. On AWS that happens at the
            // deadline, not when the client disconnects: the service does not report that.
            println!("generation cancelled after {} tokens", self.made);
        }
    }
}

/// Returns a response of one chunk.
fn document<S>(
    head: Head,
    text: &'static str,
) -> (
    Head,
    futures::future::Either<S, impl Stream<Item = Result<Bytes, Error>>>,
)
where
    S: Stream<Item = Result<Bytes, Error>>,
{
    let chunk = Bytes::from_static(text.as_bytes());
    (head, stream::iter([Ok(chunk)]).right_stream())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::run(handler).await
}
