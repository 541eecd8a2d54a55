//! `public-api JSON SNAPSHOT …`: compares the public API of libraries, in the JSON that rustdoc writes of them, with what
//! was committed. With `UPDATE_EXPECT`, writes it instead. A program of its own, since nothing else here has dependencies.
#![expect(clippy::print_stdout, reason = "a chore tells on standard output what it does")]

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use public_api::Builder;

/// The version of rustdoc's JSON that `public-api` reads: that of Rust 1.95.
const FORMAT: &str = "\"format_version\":57";

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let compared: Result<Vec<String>, Box<dyn Error>> =
        paths.chunks_exact(2).map(|pair| compare(&pair[0], &pair[1])).collect();
    let differences = match compared {
        Ok(differences) => differences.concat(),
        Err(error) => format!("{error}\n"),
    };
    if differences.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("{differences}\nIf that is meant, `cargo xtask api` writes it down.");
    ExitCode::FAILURE
}

/// The lines that only one of both has.
fn compare(json: &Path, snapshot: &Path) -> Result<String, Box<dyn Error>> {
    let cannot = |path: &Path, error: &dyn Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(json).map_err(|error| cannot(json, &error))?;
    if !text.contains(FORMAT) {
        println!("{} NOT checked: another compiler wrote the JSON than that of Rust 1.95", snapshot.display());
        return Ok(String::new());
    }
    // What every type has by the standard library's blankets says nothing; what it is (`Send`, say) does.
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .map_err(|error| cannot(json, &error))?;
    let current: Vec<String> = api.items().map(ToString::to_string).filter(|item| is_for_hosts(item)).collect();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(snapshot, current.join("\n") + "\n").map_err(|error| cannot(snapshot, &error))?;
        return Ok(String::new());
    }
    let committed = fs::read_to_string(snapshot).map_err(|error| cannot(snapshot, &error))?;
    Ok(differences(&committed.lines().collect(), &current.iter().map(String::as_str).collect()))
}

/// Builds for tests have failpoints. Entities have a shorter path, too; and what sea-orm derives of one follows from its columns.
fn is_for_hosts(item: &str) -> bool {
    let is_derived = ["impl", "pub fn ", "pub type "].iter().any(|kind| item.starts_with(kind));
    let is_left_out = ["chat_core::failpoints", "chat_core::store::sea::entity"].iter().any(|path| item.contains(path));
    !(is_left_out || is_derived && item.contains("chat_core::entity::"))
}

fn differences(committed: &BTreeSet<&str>, current: &BTreeSet<&str>) -> String {
    let gone = committed.difference(current).map(|item| format!("- {item}\n"));
    let new = current.difference(committed).map(|item| format!("+ {item}\n"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_and_what_is_new_is_told() {
        let (committed, current) =
            (BTreeSet::from(["pub fn a()", "pub fn b()"]), BTreeSet::from(["pub fn b()", "pub fn c()"]));
        assert_eq!(differences(&committed, &current), "- pub fn a()\n+ pub fn c()\n");
        assert_eq!(differences(&current, &current), "");
    }
}
