//! The house rules that the compiler does not check, by paths and words. This test uses only std, so that `cargo xtask
//! tidy` compiles it within a second.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/hooks.rs"]
mod hooks;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/source.rs"]
mod source;

/// A text file of the repository.
struct File {
    /// The path from the root, with `/`.
    path: String,
    text: String,
}

/// A rule checks one file, and returns its complaints.
type Rule = fn(&File) -> Vec<Complaint>;

/// A line, and what has to be done there.
type Complaint = (usize, String);

const RULES: &[Rule] = &[
    length,
    white_space,
    unfinished_work,
    machine_paths,
    registry_hosts,
    ignored_tests,
    changelog,
    hooks::hooks,
    imports::foreign_crates,
    imports::own_modules,
    imports::adapter_modules,
    imports::transport_words,
];

/// Groups of files that do not import each other in a circle. A group is a list of beginnings of paths. To add a group,
/// add a line: `&["chat-core/src/engine/"]` is a folder with everything below it.
const WITHOUT_CIRCLES: &[&[&str]] = &[
    DATA,
    &["chat-core/src/state/"],
    &["chat-core/src/engine/"],
    &["chat-http/src/"],
    &["histcheck/src/"],
    &["terminal/src/"],
    &["torture/src/"],
    &["xtask/src/"],
    &["src/"],
];

/// What states, stores and the engine share.
const DATA: &[&str] = &[
    "chat-core/src/append.rs",
    "chat-core/src/archive.rs",
    "chat-core/src/body.rs",
    "chat-core/src/change.rs",
    "chat-core/src/characters.rs",
    "chat-core/src/clock.rs",
    "chat-core/src/command.rs",
    "chat-core/src/delivery.rs",
    "chat-core/src/erasure.rs",
    "chat-core/src/error.rs",
    "chat-core/src/event.rs",
    "chat-core/src/fingerprint.rs",
    "chat-core/src/fold.rs",
    "chat-core/src/history.rs",
    "chat-core/src/id.rs",
    "chat-core/src/identity.rs",
    "chat-core/src/invalid.rs",
    "chat-core/src/limits.rs",
    "chat-core/src/log.rs",
    "chat-core/src/mark.rs",
    "chat-core/src/member.rs",
    "chat-core/src/model.rs",
    "chat-core/src/my_rooms.rs",
    "chat-core/src/notice.rs",
    "chat-core/src/policy.rs",
    "chat-core/src/position.rs",
    "chat-core/src/reason.rs",
    "chat-core/src/retention.rs",
    "chat-core/src/rights.rs",
    "chat-core/src/room.rs",
    "chat-core/src/search/",
    "chat-core/src/text.rs",
    "chat-core/src/update.rs",
    "chat-core/src/users.rs",
    "chat-core/src/visible.rs",
];

#[test]
fn the_repository_is_tidy() {
    let files = repository();
    assert!(files.len() > 20, "only {} files found: is this the root?", files.len());
    let complaints: Vec<String> = files.iter().flat_map(complaints).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn modules_do_not_import_each_other_in_a_circle() {
    let files = repository();
    let circles: Vec<String> = WITHOUT_CIRCLES.iter().flat_map(|group| circles::no_circle(&files, group)).collect();
    assert!(circles.is_empty(), "\n{}\n", circles.join("\n"));
}

#[test]
fn the_documents_are_true() {
    let files = repository();
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str()).unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let map = text("ARCHITECTURE.md");
    let mut errors = docs::map_errors(map, "chat-core/src", &paths);
    errors.extend(docs::map_errors(map, "chat-http/src", &paths));
    let code: Vec<&str> =
        files.iter().filter(|file| file.path.ends_with(".rs")).map(|file| file.text.as_str()).collect();
    errors.extend(docs::missing_tests(text("docs/security.md"), &code));
    errors.extend(docs::rows_without_proof(text("docs/security.md")));
    let recorded = ["chat-core/src/engine/security_log.rs", "chat-http/src/security_log.rs"].map(text);
    errors.extend(docs::security_event_errors(text("docs/operating.md"), &recorded));
    if !docs::shows(text("README.md"), text("examples/embed.rs")) {
        errors.push("README.md: show examples/embed.rs as it is".into());
    }
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n"));
}

fn complaints(file: &File) -> Vec<String> {
    let all = RULES.iter().flat_map(|rule| rule(file));
    all.map(|(line, what)| format!("{}:{line}: {what}", file.path)).collect()
}

/// Files have at most 600 lines, so that each can be read in one go.
fn length(file: &File) -> Vec<Complaint> {
    let lines = file.text.lines().count();
    if file.path.ends_with(".rs") && lines > 600 {
        return vec![(600, format!("{lines} lines: split it by responsibility; 200 to 400 is the aim, 600 the end"))];
    }
    vec![]
}

fn white_space(file: &File) -> Vec<Complaint> {
    let trailing = each_line(file, |line| {
        (line.ends_with([' ', '\t', '\r'])).then(|| "remove the white space at the end of the line".into())
    });
    let ends_well = file.text.is_empty() || file.text.ends_with('\n') && !file.text.ends_with("\n\n");
    let end = (!ends_well).then(|| (file.text.lines().count(), "end the file with exactly one line feed".into()));
    trailing.into_iter().chain(end).collect()
}

fn unfinished_work(file: &File) -> Vec<Complaint> {
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("db", "g!("), concat!("<<<<", "<<< ")];
    each_line(file, |line| {
        let word = words.iter().find(|word| line.contains(**word))?;
        Some(format!("finish what {word:?} marks, or file an issue and remove the mark"))
    })
}

fn machine_paths(file: &File) -> Vec<Complaint> {
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Use", "rs/")];
    each_line(file, |line| {
        let folder = folders.iter().find(|folder| line.contains(**folder))?;
        Some(format!("name no folder of one machine ({folder}): paths are from the root of the repository"))
    })
}

fn registry_hosts(file: &File) -> Vec<Complaint> {
    let hosts = [
        concat!("crates", ".io"),
        concat!("py", "pi.org"),
        concat!("python", "hosted.org"),
        concat!("np", "mjs."),
        concat!("deb.", "debian.org"),
        concat!("proxy.go", "lang.org"),
        concat!("maven", ".org"),
    ];
    each_line(file, |line| {
        let host = hosts.iter().find(|host| line.contains(**host))?;
        Some(format!("name packages, not where they come from ({host}): that is the business of each machine"))
    })
}

/// A test that `cargo test` does not run says why, and `cargo xtask test` runs it.
fn ignored_tests(file: &File) -> Vec<Complaint> {
    if !file.path.ends_with(".rs") {
        return vec![];
    }
    let bare = concat!("#[ig", "nore]");
    let example = concat!("```ig", "nore");
    each_line(file, |line| {
        if line.contains(bare) {
            return Some("say what the test needs: `#[ignore = \"needs a server: cargo xtask test\"]`".into());
        }
        let reason = concat!("#[ig", "nore = \"");
        if line.contains(reason) && !line.contains(": cargo xtask test\"]") {
            return Some("say which command runs the test: `#[ignore = \"needs a server: cargo xtask test\"]`".into());
        }
        line.contains(example)
            .then(|| "an example is compiled: `no_run` if it cannot be run, `text` if it is none".into())
    })
}

fn changelog(file: &File) -> Vec<Complaint> {
    let is_it = file.path == "CHANGELOG.md";
    let missing = is_it && !file.text.lines().any(|line| line.trim_end() == "## Unreleased");
    if missing { vec![(1, "add a section `## Unreleased`: each change adds its line there".into())] } else { vec![] }
}

/// Checks every line.
fn each_line(file: &File, ask: impl Fn(&str) -> Option<String>) -> Vec<Complaint> {
    let lines = file.text.split('\n').enumerate();
    lines.filter_map(|(index, line)| ask(line).map(|what| (index + 1, what))).collect()
}

/// All text files that are written by hand.
fn repository() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && ![".git", "target", "node_modules", "dist"].contains(&name.as_str()) {
                folders.push(entry.path());
            } else if kind.is_file() && is_ours(&entry.path()) {
                let path = entry.path();
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn is_ours(path: &Path) -> bool {
    let kinds = ["rs", "toml", "md", "yaml", "yml", "sh", "html", "css", "js", "ts"];
    let kind = path.extension().and_then(|kind| kind.to_str());
    kind.is_some_and(|kind| kinds.contains(&kind)) || path.ends_with(PathBuf::from(".ci/run"))
}

/// Each rule can fail.
#[cfg(test)]
mod tests {
    use super::*;

    fn said(rule: Rule, path: &str, text: &str) -> Vec<Complaint> {
        rule(&File { path: path.into(), text: text.into() })
    }

    #[track_caller]
    pub(crate) fn complains(rule: Rule, path: &str, text: &str, line: usize) {
        let said = said(rule, path, text);
        assert_eq!(said.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [line], "{said:?}");
    }

    #[track_caller]
    pub(crate) fn is_content(rule: Rule, path: &str, text: &str) {
        let said = said(rule, path, text);
        assert!(said.is_empty(), "{said:?}");
    }

    #[test]
    fn a_long_file() {
        complains(length, "src/a.rs", &"x\n".repeat(601), 600);
        is_content(length, "src/a.rs", &"x\n".repeat(600));
    }

    #[test]
    fn white_space_at_the_end() {
        complains(white_space, "a.md", "one\ntwo \n", 2);
        complains(white_space, "a.md", "one\r\ntwo\n", 1);
        complains(white_space, "a.md", "one\ntwo", 2);
        complains(white_space, "a.md", "one\n\n", 2);
        is_content(white_space, "a.md", "one\n\ntwo\n");
    }

    #[test]
    fn marks_of_unfinished_work() {
        complains(unfinished_work, "a.rs", concat!("a\n// TO", "DO: all of it\n"), 2);
        complains(unfinished_work, "a.rs", concat!("<<<<", "<<< HEAD\n"), 1);
        complains(unfinished_work, "a.rs", concat!("db", "g!(x);\n"), 1);
        is_content(unfinished_work, "a.rs", "// done\n");
    }

    #[test]
    fn paths_of_one_machine() {
        complains(machine_paths, "a.rs", concat!("open(\"/ro", "ot/x\")\n"), 1);
        is_content(machine_paths, "a.rs", "open(\"target/x\")\n");
    }

    #[test]
    fn hosts_of_registries() {
        complains(registry_hosts, "a.md", concat!("\nfrom https://crates", ".io/x\n"), 2);
        is_content(registry_hosts, "a.md", "cargo add x\n");
    }

    #[test]
    fn tests_that_do_not_run() {
        complains(ignored_tests, "a.rs", concat!("#[test]\n#[ig", "nore]\n"), 2);
        complains(ignored_tests, "a.rs", concat!("#[test]\n#[ig", "nore = \"needs a server\"]\n"), 2);
        complains(ignored_tests, "a.rs", concat!("/// ```ig", "nore\n"), 1);
        is_content(ignored_tests, "a.rs", "#[test]\n#[ignore = \"needs a server: cargo xtask test\"]\n");
    }

    #[test]
    fn a_changelog_without_a_place_for_the_next_line() {
        complains(changelog, "CHANGELOG.md", "# Changelog\n\n## 1.0.0\n", 1);
        is_content(changelog, "CHANGELOG.md", "# Changelog\n\n## Unreleased\n");
    }
}
