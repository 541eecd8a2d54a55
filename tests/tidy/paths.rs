//! Finds the paths in a Rust file: its imports, and the paths in its code.

use std::ops::Range;

use super::source::{is_word, places};

/// A name that a `use` imports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The name in this file.
    pub(crate) name: String,
    /// The segments of its path.
    pub(crate) path: Vec<String>,
    /// Whether it is re-exported.
    pub(crate) is_public: bool,
    /// Where the statement begins.
    pub(crate) at: usize,
    /// Where the whole statement stands.
    pub(crate) statement: Range<usize>,
}

/// The names that the `use` statements of a file import, with groups expanded. Globs are left out.
pub(crate) fn imports(code: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    for at in places(code, "use") {
        let Some(length) = code[at..].find(';') else { continue };
        let before = code[..at].rsplit(['\n', ';', '{', '}']).next().unwrap_or_default().trim();
        if !(before.is_empty() || before.starts_with("pub")) {
            continue;
        }
        let mut paths = Vec::new();
        take_apart(&code[at + 3..at + length], &[], &mut paths);
        let is_public = before.starts_with("pub");
        imports.extend(paths.into_iter().map(|(name, path)| {
            let path = from_the_file(path, nested(code, at));
            Import { name, path, is_public, at, statement: at..at + length }
        }));
    }
    imports
}

/// Expands a tree of imports: `a::{b, c as d}` becomes `a::b`, and `a::c` with the name `d`.
fn take_apart(tree: &str, prefix: &[String], paths: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let prefix = [prefix, &segments(head)].concat();
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        for part in split_outside(group) {
            take_apart(part, &prefix, paths);
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path = [prefix, &segments(path)].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = alias.map(str::to_owned).or_else(|| path.last().cloned());
    if let Some(name) = name.filter(|_| !tree.ends_with('*') && !path.is_empty()) {
        paths.push((name, path));
    }
}

/// The parts between the commas outside of braces.
fn split_outside(group: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

/// The paths of at least two segments in a file's code, each with its place; `use` statements are left out.
pub(crate) fn inline_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let statements: Vec<Range<usize>> = imports(code).into_iter().map(|import| import.statement).collect();
    let mut paths = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let length = code.bytes().skip(at).take_while(|byte| is_word(*byte)).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let is_start = !code[..at].ends_with("::") && !code[..at].ends_with('.');
        let mut end = at + length;
        while let Some(rest) = code[end..].strip_prefix("::").filter(|rest| rest.bytes().next().is_some_and(is_word)) {
            end += 2 + rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
        }
        let is_path = is_start && end > at + length && !statements.iter().any(|statement| statement.contains(&at));
        if is_path {
            paths.push((at, from_the_file(segments(&code[at..end]), nested(code, at))));
        }
        at = end;
    }
    paths
}

/// How many inline modules (`mod a { … }`) contain a place.
fn nested(code: &str, at: usize) -> usize {
    let opens = places(&code[..at], "mod").filter_map(|start| {
        let head = code[start + 3..at].trim_start();
        let body = head.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').trim_start();
        body.strip_prefix('{')
    });
    opens.filter(|body| !is_closed(body)).count()
}

/// Whether a closing brace ends a block that began before this text.
fn is_closed(body: &str) -> bool {
    let mut depth = 1_usize;
    body.bytes().any(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// A path as it would be written outside of the inline modules around it.
fn from_the_file(path: Vec<String>, nested: usize) -> Vec<String> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    match supers {
        0 => path,
        _ if supers > nested => path[nested..].to_vec(),
        _ => [&["self".to_owned()], &path[supers..]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_imports_are_taken_apart() {
        let code = "use std::fmt;\npub(crate) use super::{\n    a::{self, B},\n    c::d as e,\n    f::*,\n};\nfn use_it() {}\n";
        let told: Vec<String> = imports(code)
            .iter()
            .map(|import| format!("{} {} {}", import.name, import.path.join("::"), import.is_public))
            .collect();
        assert_eq!(told, ["fmt std::fmt false", "a super::a true", "B super::a::B true", "e super::c::d true"]);
    }

    #[test]
    fn the_parent_of_a_module_in_the_file_is_the_file() {
        let code =
            "mod a { use super::b; mod c { fn d() { super::super::super::e::f() } } }\nfn g() { super::h::i() }\n";
        assert_eq!(imports(code)[0].path.join("::"), "self::b");
        let told: Vec<String> = inline_paths(code).iter().map(|(_, path)| path.join("::")).collect();
        assert_eq!(told, ["super::e::f", "super::h::i"]);
    }

    #[test]
    fn paths_in_the_code_are_found_whole() {
        let code = "use a::b;\nfn f(x: crate::c::D<e::F>) -> g { h.i(Self::j); self::k::l!() }\n";
        let told: Vec<String> = inline_paths(code).iter().map(|(_, path)| path.join("::")).collect();
        assert_eq!(told, ["crate::c::D", "e::F", "Self::j", "self::k::l"]);
    }
}
