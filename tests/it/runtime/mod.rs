//! The runtime against a scripted Runtime API.

mod bad_peers;
mod blocking_sources;
mod budget;
mod concurrency;
mod configuration;
mod errors;
mod exact_bytes;
mod failures_page;
mod faults;
mod foreign_failures;
mod handlers;
mod random_faults;
mod refusals;
mod replies;
mod responses;
mod setup_failures;
mod snap_start;
mod telemetry;
mod threads;
mod timing;
