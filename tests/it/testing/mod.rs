//! The room for tests and measurements of handlers.

mod lambda;
mod measure;
mod outcomes;
mod pace;
