//! What other runtimes refuse while they run does not compile here, with a message that says why.

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
