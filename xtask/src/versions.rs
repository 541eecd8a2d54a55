//! `cargo xtask versions`: what the guide for embedders says of versions. Which other crates fit beside chat-core is tried
//! as cargo would: a host for each row of the guide's table, of which cargo makes the lock file. Nothing is built.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::sh::{self, Result};

/// Checks the oldest compiler, and each row of the table.
pub(crate) fn run() -> Result {
    let root = sh::root();
    let guide = fs::read_to_string(root.join("docs/embedding.md"))?;
    let readme = fs::read_to_string(root.join("README.md"))?;
    let metadata =
        sh::cargo().args(["metadata", "--format-version", "1", "--locked"]).stderr(Stdio::inherit()).output()?;
    let mut flaws = compiler_flaws(OLDEST, &String::from_utf8(metadata.stdout)?, &[&readme, &guide]);
    flaws.extend(row_flaws(&guide)?);
    if flaws.is_empty() { Ok(()) } else { Err(flaws.join("\n").into()) }
}

/// The oldest compiler, as the workspace's `Cargo.toml` says.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Crates that need a newer compiler than ours, and documents that say another one.
fn compiler_flaws(oldest: &str, metadata: &str, documents: &[&str]) -> Vec<String> {
    let number = |version: &str| {
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        [(); 3].map(|()| parts.next().unwrap_or(0u32))
    };
    let needed = metadata.split("\"rust_version\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let newest = needed.max_by_key(|version| number(version)).unwrap_or("?");
    let mut flaws = Vec::new();
    if newest == "?" || number(newest) > number(oldest) {
        flaws.push(format!("a dependency needs Rust {newest}, and rust-version is {oldest}"));
    }
    if documents.iter().any(|document| !document.contains(&format!("Rust {oldest} or newer"))) {
        flaws.push(format!("README.md and the guide have to say \"Rust {oldest} or newer\""));
    }
    flaws
}

/// The rows of the guide's table that are not as cargo has it.
fn row_flaws(guide: &str) -> Result<Vec<String>> {
    let mut flaws = Vec::new();
    for row in rows(guide)? {
        for (feature, fits) in row.tries {
            match (resolve(row.dependency, feature)?, fits) {
                (Outcome::Fits, true) => {}
                (Outcome::Refused(why), false) if is_readable(&why) => {}
                (Outcome::Fits, false) => flaws.push(format!("`{}` fits with {feature}", row.dependency)),
                (Outcome::Refused(why), _) => flaws.push(format!("`{}` with {feature}: {why}", row.dependency)),
                // Not every machine reaches the registry at all times.
                (Outcome::Unreachable, _) => {
                    println!("the guide's table of versions NOT checked: the registry cannot be reached");
                    return Ok(flaws);
                }
            }
        }
    }
    Ok(flaws)
}

/// A row of the table: what a host has in its `Cargo.toml`, and whether cargo finds versions for it and for chat-core with
/// a feature. What fits with SQLite fits without, too, and is not tried again.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    dependency: &'a str,
    tries: Vec<(&'static str, bool)>,
}

fn rows(guide: &str) -> Result<Vec<Row<'_>>> {
    let (_, section) = guide.split_once("\n## Versions that fit\n").ok_or("the guide has no section on versions")?;
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let lines = lines.take_while(|line| line.starts_with('|'));
    let rows: Option<Vec<Row<'_>>> = lines.map(row).collect();
    rows.filter(|rows| !rows.is_empty()).ok_or_else(|| "the guide's table of versions cannot be read".into())
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.trim_matches('|').split('|').map(str::trim);
    let dependency = cells.next()?.trim_matches('`');
    let outcome = |cell: &str| match cell {
        "fits" => Some(true),
        "refused" => Some(false),
        _ => None,
    };
    let tries = match (outcome(cells.next()?)?, outcome(cells.next()?)?) {
        (true, true) => vec![("sqlite", true)],
        (false, servers) => vec![("sqlite", false), ("postgres", servers)],
        (true, false) => return None,
    };
    Some(Row { dependency, tries })
}

enum Outcome {
    Fits,
    Refused(String),
    Unreachable,
}

/// Has cargo make the lock file of a host with this dependency and chat-core.
fn resolve(dependency: &str, feature: &str) -> Result<Outcome> {
    let folder = host(dependency, feature)?;
    let mut cargo = sh::cargo();
    cargo.current_dir(&folder).args(["generate-lockfile", "--quiet"]);
    let output = cargo.output()?;
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(match output.status.success() {
        true => Outcome::Fits,
        false if why.contains("failed to download") => Outcome::Unreachable,
        false => Outcome::Refused(why),
    })
}

fn host(dependency: &str, feature: &str) -> Result<PathBuf> {
    let folder = sh::target().join("host");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(folder.join("Cargo.toml"), manifest(&sh::root().join("chat-core"), dependency, feature))?;
    Ok(folder)
}

fn manifest(chat_core: &Path, dependency: &str, feature: &str) -> String {
    format!(
        "[package]\nname = \"host\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n\
         chat-core = {{ path = {chat_core:?}, default-features = false, features = [{feature:?}] }}\n"
    )
}

/// Whether cargo tells the host what is in the way of what.
fn is_readable(why: &str) -> bool {
    ["links to the native library `sqlite3`", "package `chat-core v"].iter().all(|words| why.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_compiler_is_noticed() {
        let metadata = r#"[{"rust_version":"1.94.0"},{"rust_version":null},{"rust_version":"1.9"}]"#;
        let said = "Rust 1.94 or newer";
        assert_eq!(compiler_flaws("1.94", metadata, &[said]), [""; 0]);
        assert_eq!(
            compiler_flaws("1.93", metadata, &["Rust 1.93 or newer"]),
            ["a dependency needs Rust 1.94.0, and rust-version is 1.93"]
        );
        assert_eq!(compiler_flaws("1.94", metadata, &[said, "Rust 1.93 or newer"]).len(), 1);
        assert_eq!(compiler_flaws("1.94", "", &[said]).len(), 1);
    }

    #[test]
    fn the_table_is_read() {
        let table = "\n## Versions that fit\n\ntext\n\n| a | b | c |\n|---|---|---|\n";
        let read = |row: &str| rows(&format!("{table}{row}\n\n| else |\n")).ok().map(|rows| format!("{rows:?}"));
        let two = format!("{table}| `a = \"1\"` | fits | fits |\n| `b = \"2\"` | refused | fits |\n");
        let row = |dependency, tries| Row { dependency, tries };
        let with_servers = vec![("sqlite", false), ("postgres", true)];
        assert_eq!(rows(&two).unwrap(), [row("a = \"1\"", vec![("sqlite", true)]), row("b = \"2\"", with_servers)]);
        for wrong in
            ["", "| `a = \"1\"` | fits | perhaps |", "| `a = \"1\"` | fits | refused |", "| `a = \"1\"` | fits |"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
