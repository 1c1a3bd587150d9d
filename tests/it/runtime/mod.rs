//! The runtime against a scripted Runtime API.

mod concurrency;
mod configuration;
mod errors;
mod exact_bytes;
mod handlers;
mod replies;
mod responses;
mod threads;
mod timing;
