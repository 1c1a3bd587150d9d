//! Streams whose items are produced on a thread that may block.

mod from_iter;
mod from_rows;
mod from_writer;
mod stream;

pub use self::from_iter::{from_blocking_iter, from_blocking_reader};
pub use self::from_rows::{RowSink, from_blocking};
pub use self::from_writer::{BlockingWriter, from_blocking_writer};
pub use self::stream::BlockingStream;

/// Size of the largest chunk: enough for one large write to the socket.
const CHUNK_BYTES: usize = 64 * 1024;

/// Number of chunks that may wait between the two threads. With one, each chunk would cost two
/// changes of thread.
const WAITING_CHUNKS: usize = 4;
