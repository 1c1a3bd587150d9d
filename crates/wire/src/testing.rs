//! Settings that the property tests share.

use proptest::test_runner::Config;

/// Returns a configuration that runs this many cases, and a few under Miri, which interprets the
/// code some hundred times slower and has no file system to store failing cases in.
pub(crate) fn cases(cases: u32) -> Config {
    if cfg!(miri) {
        Config {
            cases: 4,
            failure_persistence: None,
            ..Config::default()
        }
    } else {
        Config::with_cases(cases)
    }
}
