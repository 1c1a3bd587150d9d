//! Web apps: events of front doors become requests, and responses become what each front door reads.

mod requests;
mod responses;

#[cfg(feature = "local")]
mod compression;
#[cfg(all(feature = "axum", feature = "local"))]
mod front_doors;
