//! A handler that writes the chunks of its source.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream;
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Head};

/// Writes the chunks of this stream, which other handlers return: the writer is the only difference.
///
/// # Errors
///
/// When the stream fails, or the response is over.
pub async fn write(
    head: Head,
    chunks: impl Stream<Item = Result<bytes::Bytes, Error>>,
    response: ResponseWriter,
) -> Result<(), Error> {
    let mut body = response.send_head(head)?;
    let mut chunks = pin!(chunks);
    while let Some(chunk) = poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
        body.send_chunk(chunk?).await?;
    }
    body.finish().await?;
    Ok(())
}
