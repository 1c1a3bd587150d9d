//! A handler that writes what its source gives, chunk by chunk.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream;
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Head};

/// Writes the chunks of this stream: what is returned otherwise, so that the writer is the one difference.
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
