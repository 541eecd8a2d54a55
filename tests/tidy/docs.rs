//! Checks that the documents say what is true of the code.

use std::collections::BTreeSet;

/// The modules that the map in ARCHITECTURE.md leaves out, and those that it has and that do not exist. A row names a
/// file, or a folder (with a `/` at its end); paths are relative to `root`, whose section in the map is `## root`.
pub(crate) fn map_errors(map: &str, root: &str, paths: &[&str]) -> Vec<String> {
    let Some((_, section)) = map.split_once(&format!("\n## {root}")) else {
        return vec![format!("ARCHITECTURE.md has no section {root}")];
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: BTreeSet<&str> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let modules: Vec<&str> = paths
        .iter()
        .filter_map(|path| path.strip_prefix(root)?.strip_prefix('/'))
        .filter(|path| path.ends_with(".rs") && !path.ends_with("tests.rs") && !path.contains("/tests/"))
        .collect();
    let covers = |row: &str, module: &str| module == row || row.ends_with('/') && module.starts_with(row);
    let missing = modules.iter().filter(|module| !rows.iter().any(|row| covers(row, module)));
    let stale = rows.iter().filter(|row| !modules.iter().any(|module| covers(row, module)));
    missing
        .map(|module| format!("ARCHITECTURE.md: add a row for `{module}` below {root}"))
        .chain(stale.map(|row| format!("ARCHITECTURE.md: there is no `{row}` below {root} any more")))
        .collect()
}

/// The tests that the tables of a document name in their last column and that do not exist. A test is a function, or a
/// scenario of the browser on a line of its own.
pub(crate) fn missing_tests(document: &str, code: &[&str]) -> Vec<String> {
    let last_cells =
        document.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit(" | ").next());
    let words = last_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_of_a_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let names = words.filter(|word| word.contains('_') && word.bytes().all(is_of_a_name));
    let exists = |name: &str| {
        let (function, scenario) = (format!("fn {name}("), format!("\n    {name},\n"));
        code.iter().any(|text| text.contains(&function) || text.contains(&scenario))
    };
    let missing = names.filter(|name| !exists(name));
    missing.map(|name| format!("docs/security.md: there is no test {name}")).collect()
}

/// Whether a document shows an example unchanged, without the comments and lints at its top.
pub(crate) fn shows(document: &str, example: &str) -> bool {
    let code = example.split_once("\n\n").map_or(example, |(_, code)| code);
    document.contains(&format!("```rust\n{code}```"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str =
        "# Map\n\n## core/src: the engine\n\n| module | |\n|---|---|\n| `a.rs` | A |\n| `b/` | B |\n\n## Else\n";

    #[test]
    fn a_module_that_the_map_leaves_out() {
        let paths = ["core/src/a.rs", "core/src/b/mod.rs", "core/src/b/c.rs", "core/src/d.rs", "core/src/b/tests.rs"];
        assert_eq!(map_errors(MAP, "core/src", &paths[..3]), [""; 0]);
        assert_eq!(map_errors(MAP, "core/src", &paths), ["ARCHITECTURE.md: add a row for `d.rs` below core/src"]);
        assert_eq!(
            map_errors(MAP, "core/src", &paths[1..2]),
            ["ARCHITECTURE.md: there is no `a.rs` below core/src any more"]
        );
        assert_eq!(map_errors(MAP, "other", &paths).len(), 1);
    }

    #[test]
    fn a_test_that_is_named_and_not_there() {
        let document = "| row | what | shown by |\n|---|---|---|\n| 1.1 | x | `one_test`, `two_tests`; `unsafe` |\n";
        let scenarios = "scenarios! {\n    two_tests,\n}";
        assert_eq!(missing_tests(document, &["fn one_test() {}", scenarios]), [""; 0]);
        assert_eq!(
            missing_tests(document, &["fn one_test_more() {}", scenarios]),
            ["docs/security.md: there is no test one_test"]
        );
    }

    #[test]
    fn an_example_that_was_changed() {
        let example = "//! An example.\n#![a]\n\nfn main() {}\n";
        assert!(shows("text\n```rust\nfn main() {}\n```\n", example));
        assert!(!shows("text\n```rust\nfn main() { }\n```\n", example));
    }
}
