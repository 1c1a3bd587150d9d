//! What is kept of invocations, for those who look at them.
//!
//! [`Records`] are the invocations that are kept, and a [`Record`] is one of them. Whoever passes
//! an invocation on writes to it through a [`Recording`]; the page and its JSON only read. All of
//! it happens on the server's one thread, and no borrow of a state lives across an await.
//!
//! What is kept is copied, since a slice of what a socket was read into would keep the whole buffer
//! in memory. Once as much of a payload is kept as may be, a chunk costs two additions.

mod end;
mod log;
mod prefix;
mod recording;
mod records;
mod state;
mod timeline;

pub(crate) use self::end::{End, Outcome};
pub(crate) use self::log::LogLines;
pub(crate) use self::prefix::Prefix;
pub(crate) use self::recording::Recording;
pub(crate) use self::records::{Bounds, Opening, Records};
pub(crate) use self::state::{DoorName, Phase, Record, State};
pub(crate) use self::timeline::{Mark, Timeline};
