//! A million rows of CSV, written one by one, in flat memory.

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Head, LambdaEvent};
use tokio::io::AsyncWriteExt;

const ROWS: u64 = 1_000_000;

async fn export(
    event: LambdaEvent<LambdaFunctionUrlRequest>,
    response: ResponseWriter,
) -> Result<(), Error> {
    // `?rows=10` for a smaller export.
    let rows = match event.payload.query_string_parameters.get("rows") {
        None => ROWS,
        Some(text) => match text.parse() {
            Ok(rows) => rows,
            Err(_) => {
                return bad_request(response, &format!("rows={text:?} is not a number\n")).await;
            }
        },
    };
    let head = Head::ok()
        .content_type("text/csv; charset=utf-8")
        .header("content-disposition", "attachment; filename=\"export.csv\"");
    let mut body = response.send_head(head)?;

    // Rows leave together, up to 64 KB of them. While the client is slow, the next write waits.
    body.write_all(b"id,name,amount\n").await?;
    for id in 1..=rows {
        let cents = id * 7919 % 100_000;
        let row = format!("{id},customer {id},{}.{:02}\n", cents / 100, cents % 100);
        body.write_all(row.as_bytes()).await?;
    }
    body.finish().await?;

    // The response is complete; this is done before the next invocation.
    println!("exported {rows} rows");
    Ok(())
}

/// Answers with status 400. The client's mistake is not a failed invocation.
async fn bad_request(response: ResponseWriter, message: &str) -> Result<(), Error> {
    let head = Head::new(400).content_type("text/plain; charset=utf-8");
    let mut body = response.send_head(head)?;
    body.write_all(message.as_bytes()).await?;
    body.finish().await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::run_with_writer(export).await
}
