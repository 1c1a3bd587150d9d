//! Mistakes that other runtimes report at run time do not compile here, with a message that says
//! why.
//!
//! With the default features only, since the compiler lists other types that would fit when there
//! are more.
#![cfg(all(feature = "local", not(feature = "web"), not(feature = "csv")))]

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
