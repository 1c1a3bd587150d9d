//! Code that the peers and the programs that measure them share.
//!
//! Server, plan and source are the files that the benches of the library use.

#![forbid(unsafe_code)]

#[path = "../../support/body.rs"]
pub mod body;
#[path = "../../support/plan.rs"]
pub mod plan;
#[path = "../../support/server.rs"]
pub mod server;
#[path = "../../support/source.rs"]
pub mod source;
#[cfg(feature = "lambda-stream")]
#[path = "../../support/writing.rs"]
pub mod writing;

pub mod counts;
pub mod figure;
pub mod machine;
pub mod plot;
pub mod programs;
pub mod serve;
pub mod session;
pub mod table;
pub mod timings;
pub mod work;
