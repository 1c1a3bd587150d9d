//! Compiles the code of `docs/migrating.md`: `cargo test --doc`.

#[doc = include_str!("../../../docs/migrating.md")]
#[cfg(doctest)]
struct Migrating;
