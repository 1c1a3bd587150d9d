//! Web apps: events of front doors become requests, and responses become what front doors read.

mod events;
#[cfg(feature = "axum")]
mod formats;
mod paths;
mod requests;
mod responses;

#[cfg(feature = "local")]
mod compression;
#[cfg(all(feature = "axum", feature = "local"))]
mod front_doors;
