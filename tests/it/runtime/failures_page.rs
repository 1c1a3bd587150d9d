//! Every test that `docs/failures.md` names exists.

use std::fs;
use std::path::Path;

/// Returns the text of every Rust file below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// Returns the words in backticks that look like names of tests.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        let is_name = word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_name && word.matches('_').count() >= 2
    })
}

#[test]
fn tests_of_the_failures_page_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/failures.md")).unwrap();
    let code = sources(&root.join("tests")) + &sources(&root.join("src"));
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let mut rows_with_tests = 0;
    for row in rows {
        rows_with_tests += usize::from(names(row).next().is_some());
        for name in names(row) {
            assert!(code.contains(&format!("fn {name}()")), "{name}: {row}");
        }
    }
    assert!(rows_with_tests >= 40, "{rows_with_tests}");
}
