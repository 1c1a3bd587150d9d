//! The runtime against a scripted Runtime API.

mod configuration;
mod errors;
mod exact_bytes;
mod faults;
mod handlers;
mod replies;
mod responses;
mod telemetry;
mod timing;
