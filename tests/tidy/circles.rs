//! Checks that modules do not import each other in a circle, so that each can be read, tested and changed by itself.
//!
//! The files of a group are the nodes of a graph. A file depends on another if a path in it leads there, in a `use` or
//! in an expression. A path to a re-export leads to the file that defines the name. `mod` declarations and re-exports
//! themselves do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    File,
    paths::{Import, imports, inline_paths},
    source::{code, line_of, places},
};

/// A complaint for each circle among the files of one crate whose paths begin with one of these texts.
pub(crate) fn no_circle(files: &[File], group: &[&str]) -> Vec<String> {
    let Some((root, _)) = group[0].split_once("/src/").or_else(|| group[0].strip_prefix("src/").map(|rest| ("", rest)))
    else {
        return vec![format!("{}: name files below a folder `src`", group[0])];
    };
    let source = if root.is_empty() { "src/".to_owned() } else { format!("{root}/src/") };
    let sources = Crate::read(files, &source);
    let is_node = |path: &str| group.iter().any(|start| path.starts_with(start));
    let graph: Graph<'_> = sources
        .modules
        .iter()
        .filter(|(_, module)| is_node(&module.path))
        .map(|(name, module)| (module.path.as_str(), sources.dependencies(name, module, &is_node)))
        .collect();
    circles(&graph).iter().map(|circle| describe(&graph, circle)).collect()
}

/// The files, and for each the files it depends on, with the line of the first path that leads there.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

/// The name of a module: the segments after `crate::`.
type Name = Vec<String>;

/// The modules of a crate that have files of their own.
struct Crate {
    modules: BTreeMap<Name, Module>,
}

struct Module {
    path: String,
    code: String,
    imports: Vec<Import>,
}

impl Crate {
    fn read(files: &[File], source: &str) -> Self {
        let rust = files.iter().filter_map(|file| Some((file, file.path.strip_prefix(source)?.strip_suffix(".rs")?)));
        let modules = rust.map(|(file, path)| {
            let mut name: Name = path.split('/').map(str::to_owned).collect();
            if name.last().is_some_and(|last| last == "mod") || matches!(path, "lib" | "main") {
                name.pop();
            }
            let code = code(&file.text);
            (name, Module { path: file.path.clone(), imports: imports(&code), code })
        });
        Self { modules: modules.collect() }
    }

    fn dependencies(&self, name: &Name, module: &Module, is_node: &dyn Fn(&str) -> bool) -> BTreeMap<&str, usize> {
        let mut found = BTreeMap::new();
        let mut add = |path: &[String], at: usize| {
            let Some(target) = self.target(name, path, 0).filter(|target| is_node(target) && *target != module.path)
            else {
                return;
            };
            found.entry(target).or_insert_with(|| line_of(&module.code, at));
        };
        for import in &module.imports {
            // A re-export counts if this file uses the name, too.
            if !import.is_public || is_used(module, import) {
                add(&import.path, import.at);
            }
        }
        for (at, path) in inline_paths(&module.code) {
            add(&path, at);
        }
        found
    }

    /// The file that a path leads to, if it stands in the module `from`; `None` if it leads out of the crate.
    fn target(&self, from: &Name, path: &[String], depth: usize) -> Option<&str> {
        // Re-exports can lead to each other, but no chain of them is long.
        if depth > 8 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.below(Vec::new(), rest, depth),
            "self" => self.below(from.clone(), rest, depth),
            "super" => {
                let parent = from[..from.len().checked_sub(1)?].to_vec();
                match rest.first().map(String::as_str) {
                    Some("super") => self.target(&parent, rest, depth),
                    _ => self.below(parent, rest, depth),
                }
            }
            // A module below this one, or an imported name.
            _ if self.modules.contains_key(&child(from, first)) => self.below(from.clone(), path, depth),
            _ => self.imported(from, first, rest, depth),
        }
    }

    /// Follows a path down through the modules, and then through re-exports.
    fn below(&self, mut name: Name, path: &[String], depth: usize) -> Option<&str> {
        let mut rest = path;
        while let Some((first, behind)) = rest.split_first() {
            let next = child(&name, first);
            if !self.modules.contains_key(&next) {
                let through = self.imported(&name, first, behind, depth);
                return through.or_else(|| Some(&self.modules.get(&name)?.path));
            }
            (name, rest) = (next, behind);
        }
        Some(&self.modules.get(&name)?.path)
    }

    /// Follows an imported name.
    fn imported(&self, module: &Name, name: &str, rest: &[String], depth: usize) -> Option<&str> {
        let import = self.modules.get(module)?.imports.iter().find(|import| import.name == name)?;
        self.target(module, &[&import.path, rest].concat(), depth + 1)
    }
}

fn child(module: &Name, name: &str) -> Name {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// Whether an imported name occurs outside the imports.
fn is_used(module: &Module, import: &Import) -> bool {
    places(&module.code, &import.name).any(|at| !module.imports.iter().any(|other| other.statement.contains(&at)))
}

/// One circle for each set of files that depend on each other.
fn circles<'a>(graph: &Graph<'a>) -> Vec<Vec<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|file| (*file, reached(graph, file))).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut circles = Vec::new();
    for (file, reached) in &reach {
        if reached.contains(file) && !done.contains(file) {
            done.extend(reached.iter().filter(|other| reach[*other].contains(file)));
            circles.push(shortest(graph, file));
        }
    }
    circles
}

fn reached<'a>(graph: &Graph<'a>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = graph[from].keys().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(graph[file].keys());
        }
    }
    reached
}

/// The shortest path from a file back to itself.
fn shortest<'a>(graph: &Graph<'a>, from: &'a str) -> Vec<&'a str> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::new();
    loop {
        let mut longer = Vec::new();
        for way in ways {
            for next in graph[way[way.len() - 1]].keys() {
                if *next == from {
                    return way;
                }
                if seen.insert(*next) {
                    longer.push([way.as_slice(), &[*next]].concat());
                }
            }
        }
        ways = longer;
    }
}

fn describe(graph: &Graph<'_>, circle: &[&str]) -> String {
    let back = circle.iter().cycle().skip(1);
    let steps: Vec<String> = circle
        .iter()
        .zip(back)
        .map(|(file, next)| format!("\n    {file}:{} names {next}", graph[file][next]))
        .collect();
    format!(
        "these modules import each other in a circle; move what they share into a module of its own:{}",
        steps.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(files: &[(&str, &str)], group: &[&str]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
        no_circle(&files.iter().map(file).collect::<Vec<_>>(), group)
    }

    #[track_caller]
    fn finds(files: &[(&str, &str)], steps: &[&str]) {
        let said = said(files, &["a/src/"]);
        assert_eq!(said.len(), 1, "{said:?}");
        let told: Vec<&str> = said[0].lines().skip(1).map(str::trim).collect();
        assert_eq!(told, steps);
    }

    #[test]
    fn two_that_import_each_other() {
        let files = [("a/src/b.rs", "use crate::c::C;\n"), ("a/src/c.rs", "\nfn c(b: crate::b::B) {}\n")];
        finds(&files, &["a/src/b.rs:1 names a/src/c.rs", "a/src/c.rs:2 names a/src/b.rs"]);
        assert_eq!(said(&files, &["a/src/b.rs"]), [""; 0], "only one of them is of the group");
        assert_eq!(said(&files[..1], &["a/src/"]), [""; 0]);
    }

    #[test]
    fn a_circle_of_three_by_all_kinds_of_paths() {
        finds(
            &[
                ("a/src/d/mod.rs", "mod e;\nmod f;\nmod g;\n"),
                ("a/src/d/e.rs", "use super::{f::{self, F}};\n"),
                ("a/src/d/f.rs", "use std::fmt;\nuse super::g as other;\nfn f() { other::g() }\n"),
                ("a/src/d/g.rs", "fn g() { super::super::d::e::e() }\n"),
            ],
            &[
                "a/src/d/e.rs:1 names a/src/d/f.rs",
                "a/src/d/f.rs:2 names a/src/d/g.rs",
                "a/src/d/g.rs:1 names a/src/d/e.rs",
            ],
        );
    }

    #[test]
    fn a_re_export_leads_to_what_defines_the_name() {
        let parent = ("a/src/d/mod.rs", "mod e;\nmod f;\npub use self::{e::E, f::F};\n");
        let circle = [parent, ("a/src/d/e.rs", "use super::F;\n"), ("a/src/d/f.rs", "use crate::d::E as Other;\n")];
        finds(&circle, &["a/src/d/e.rs:1 names a/src/d/f.rs", "a/src/d/f.rs:1 names a/src/d/e.rs"]);
        let line = [parent, ("a/src/d/e.rs", "use super::F;\n"), ("a/src/d/f.rs", "pub struct F;\n")];
        assert_eq!(said(&line, &["a/src/"]), [""; 0], "a re-export alone depends on nothing");
    }

    #[test]
    fn a_parent_that_uses_its_child_which_uses_it() {
        let child = ("a/src/d/e.rs", "use super::D;\npub struct E;\n");
        finds(
            &[("a/src/d/mod.rs", "mod e;\npub use e::E;\npub struct D;\nfn f(e: E) {}\n"), child],
            &["a/src/d/e.rs:1 names a/src/d/mod.rs", "a/src/d/mod.rs:2 names a/src/d/e.rs"],
        );
        assert_eq!(said(&[("a/src/d/mod.rs", "mod e;\npub use e::E;\npub struct D;\n"), child], &["a/src/"]), [""; 0]);
    }

    #[test]
    fn tests_and_comments_make_no_circle() {
        let files = [
            ("a/src/b.rs", "use crate::c::C;\n"),
            ("a/src/c.rs", "// use crate::b;\n\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n"),
        ];
        assert_eq!(said(&files, &["a/src/"]), [""; 0]);
    }
}
