//! A million rows of CSV, written one by one, in flat memory.

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Failure, Head, LambdaEvent};
use tokio::io::AsyncWriteExt;

const ROWS: u64 = 1_000_000;

async fn export(
    event: LambdaEvent<LambdaFunctionUrlRequest>,
    response: ResponseWriter,
) -> Result<(), Error> {
    // `?rows=10` for a smaller export.
    let rows = match event.payload.query_string_parameters.get("rows") {
        Some(rows) => rows
            .parse()
            .map_err(|_| Failure::new("BadRequest", format!("rows={rows:?} is not a number")))?,
        None => ROWS,
    };
    let head = Head::ok()
        .content_type("text/csv; charset=utf-8")
        .header("content-disposition", "attachment; filename=\"export.csv\"");
    let mut body = response.send_head(head)?;

    // Rows leave together, up to 64 KB of them. When the client is slow, the next write waits.
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_stream::RunError> {
    lambda_stream::run_with_writer(export).await
}
