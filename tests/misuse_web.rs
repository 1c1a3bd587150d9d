//! Web apps that cannot run do not compile, and the first error says what to do.
//!
//! With all features only: the compiler names other types that would fit, and their number depends
//! on the features.
#![cfg(all(
    feature = "axum",
    feature = "csv",
    feature = "local",
    feature = "testing"
))]

#[test]
fn misuse_of_web_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/misuse_web/*.rs");
}
