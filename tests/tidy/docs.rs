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

/// The names of security events that only the code has, or only the table in a document.
pub(crate) fn security_event_errors(document: &str, code: &[&str]) -> Vec<String> {
    let section = document.split_once("\n**Records of security**").map_or("", |(_, section)| section);
    let first_cells = section.split("\n\nSet ").next().unwrap_or_default().lines();
    let first_cells = first_cells.filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let shown: BTreeSet<&str> = first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let is_name = |text: &&str| {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        text.split_once('.').is_some_and(|(thing, done)| is_word(thing) && is_word(done))
    };
    let recorded: BTreeSet<&str> =
        code.iter().flat_map(|text| text.split('"').skip(1).step_by(2)).filter(is_name).collect();
    let differ = shown.symmetric_difference(&recorded);
    differ.map(|name| format!("docs/operating.md: `{name}` is in the table or in the code, not in both")).collect()
}

/// The rows of bad input that the table in a document leaves out, has twice, or shows by nothing: neither a test nor a reason.
pub(crate) fn rows_without_proof(document: &str) -> Vec<String> {
    let section = document.split_once("\n## Bad input, row by row\n").map_or("", |(_, section)| section);
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = |line: &'_ str| -> Option<(String, bool)> {
        let (row, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        let (_, proof) = rest.strip_suffix(" |")?.rsplit_once(" | ")?;
        Some((row.to_owned(), !proof.trim().is_empty()))
    };
    let shown: Vec<(String, bool)> = section.lines().filter_map(cells).collect();
    let is_shown_once = |row: &str| {
        let mut found = shown.iter().filter(|(name, _)| name == row);
        matches!((found.next(), found.next()), (Some((_, true)), None))
    };
    let rows = [("R", 52), ("W", 36), ("S", 1)];
    let rows = rows.into_iter().flat_map(|(kind, last)| (1..=last).map(move |number| format!("{kind}{number}")));
    let open = rows.filter(|row| !is_shown_once(row));
    open.map(|row| format!("docs/security.md: row {row} of bad input needs one line with a test or a reason")).collect()
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
    fn a_row_of_bad_input_that_nothing_shows() {
        let row = |name: String| format!("| {name} | what | `a_test` |\n");
        let rows = |kind, last| (1..=last).map(move |number| row(format!("{kind}{number}"))).collect::<String>();
        let table = format!("\n## Bad input, row by row\n\n{}{}{}", rows("R", 52), rows("W", 36), rows("S", 1));
        assert_eq!(rows_without_proof(&table), [""; 0]);
        for (line, other) in [("| W7 | what | `a_test` |\n", ""), ("| W7 | what | `a_test` |", "| W7 | what |  |")] {
            let errors = rows_without_proof(&table.replace(line, other));
            assert_eq!(
                errors,
                ["docs/security.md: row W7 of bad input needs one line with a test or a reason"],
                "{other}"
            );
        }
        assert_eq!(rows_without_proof(&format!("{table}{}", row("S1".to_owned()))).len(), 1);
        assert_eq!(rows_without_proof("").len(), 52 + 36 + 1);
    }

    #[test]
    fn a_security_event_that_is_not_in_the_table() {
        let document =
            "\n**Records of security** say.\n\n| event | |\n|---|---|\n| `a.b`, `c.d_e` | `why.not` |\n\nSet x\n";
        assert_eq!(security_event_errors(document, &["event = \"a.b\", \"a text.\"", "\"c.d_e\""]), [""; 0]);
        let errors = security_event_errors(document, &["\"a.b\" \"x.y\""]);
        assert_eq!(errors.len(), 2, "{errors:?}");
    }

    #[test]
    fn an_example_that_was_changed() {
        let example = "//! An example.\n#![a]\n\nfn main() {}\n";
        assert!(shows("text\n```rust\nfn main() {}\n```\n", example));
        assert!(!shows("text\n```rust\nfn main() { }\n```\n", example));
    }
}
