//! The page at `/_lambda/`, and what it shows as JSON.
//!
//! | Route | Answer |
//! |---|---|
//! | `GET /_lambda/` | the page |
//! | `GET /_lambda/invocations` | the invocations that are kept, in short, the newest first |
//! | `GET /_lambda/invocations/{key}` | one of them in full; the key is its number or request id |
//! | `GET /_lambda/invocations/{key}/payload` | the bytes of its payload that are kept |
//! | `GET /_lambda/invocations/{key}/event` | the bytes of its event that are kept |
//! | `GET /_lambda/events?invocation={key}` | an event stream of the same, as it changes |
//! | `GET /_lambda/samples` | a sample event for each door |
//! | `POST /_lambda/invocations?door={door}` | sends the body as an event |
//! | `POST /_lambda/invocations/{key}/resend` | sends its event again |
//!
//! This room reads records and makes documents of them. What the two `POST` routes ask for is the
//! front door's to do.

mod document;
mod feed;
mod reply;
mod route;
mod samples;

pub(crate) use self::feed::Feed;
pub(crate) use self::reply::{Content, answer, protect, sent};
pub(crate) use self::route::{Route, Unrouted, View};
