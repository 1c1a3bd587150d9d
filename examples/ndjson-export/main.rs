//! An export as newline-delimited JSON: each row leaves when it is read.

use std::time::Duration;

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use futures::Stream;
use futures::future::Either;
use lambda_stream::format::Ndjson;
use lambda_stream::{Error, Head, LambdaEvent};
use serde::Serialize;
use tokio_stream::StreamExt;

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Order {
        id: u64,
        customer: String,
        cents: u64,
    },
    Failure {
        error: String,
    },
}

async fn handler(
    event: LambdaEvent<LambdaFunctionUrlRequest>,
) -> Result<Ndjson<impl Stream<Item = Result<Line, Error>>>, Error> {
    let parameters = &event.payload.query_string_parameters;
    let number = |name| match parameters.get(name).map(|value| value.parse()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(format!("`{name}` is not a number")),
    };
    let (lines, status) = match (number("rows"), number("break")) {
        (Ok(rows), Ok(breaks_after)) => {
            let orders = orders(rows.unwrap_or(5), breaks_after);
            (Either::Left(orders), 200)
        }
        // The client's mistake is not a failed invocation.
        (Err(error), _) | (_, Err(error)) => {
            let mistake = tokio_stream::once(Ok(Line::Failure { error }));
            (Either::Right(mistake), 400)
        }
    };

    Ok(Ndjson::new(lines)
        .head(|_| Head::new(status).content_type("application/x-ndjson"))
        .ending_with(|error| Line::Failure {
            error: error.to_string(),
        }))
}

/// Stands for a database cursor. `?break=N` makes it fail after N rows, to show how an error
/// arrives.
fn orders(rows: u64, breaks_after: Option<u64>) -> impl Stream<Item = Result<Line, Error>> {
    tokio_stream::iter(1..=rows)
        .map(move |id| match breaks_after {
            Some(last) if id > last => Err("the database has closed the cursor".into()),
            _ => Ok(Line::Order {
                id,
                customer: format!("Customer {}", id % 7),
                cents: id * 100 + 99,
            }),
        })
        .throttle(Duration::from_millis(200))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::run(handler).await
}
