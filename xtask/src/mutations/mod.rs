//! `cargo xtask mutations`: breaks the code itself, a patch at a time, and has the simulator find each.
//!
//! Most bugs are injected around the code (`chat-core/src/mutations`). What has to be broken within it is a patch in
//! `chat-core/tests/mutations`, applied to a copy: the code that is shipped has no trace of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::sh::{self, Result};

mod patch;

use patch::Patch;

/// Where the patches are, from the root.
const PATCHES: &str = "chat-core/tests/mutations";
/// How many scenarios the simulator plays against each. What it finds, it finds in the first few.
const SEEDS: &str = "200";

/// Applies each patch, or those that are named, to a copy of the library; each has to be found as it says.
pub(crate) fn run(names: &[String]) -> Result {
    let patches = read(sh::root(), names)?;
    let copy = sh::target().join("mutations/tree");
    let unpatched = simulate(&copy, None)?;
    if !unpatched.succeeded {
        return Err(format!("without a patch, the simulator must find nothing\n{}", unpatched.told).into());
    }
    let mut missed = Vec::new();
    for patch in &patches {
        let start = Instant::now();
        let run = simulate(&copy, Some(patch))?;
        let promise = run.promise.as_deref().unwrap_or("nothing");
        println!("{:32} {:>3} s  found as {promise}", patch.name, start.elapsed().as_secs());
        if promise != patch.found_as {
            missed.push(format!("{} is found as {promise}, and not as {}\n{}", patch.name, patch.found_as, run.told));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n").into()) }
}

/// The patches in the order of their names.
fn read(root: &Path, names: &[String]) -> Result<Vec<Patch>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(root.join(PATCHES))? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if names.is_empty() || names.contains(&name) {
            patches.push(Patch::parse(&name, &fs::read_to_string(&path)?)?);
        }
    }
    patches.sort_by(|a, b| a.name.cmp(&b.name));
    if patches.is_empty() { Err(format!("there is no such patch in {PATCHES}").into()) } else { Ok(patches) }
}

/// What came of playing scenarios.
struct Simulated {
    succeeded: bool,
    /// The promise that was broken first.
    promise: Option<String>,
    told: String,
}

/// Plays scenarios in a copy of the library with this patch.
fn simulate(copy: &Path, patch: Option<&Patch>) -> Result<Simulated> {
    prepare(sh::root(), copy, patch)?;
    sh::run_quietly(test(copy).args(["--quiet", "--no-run"]))?;
    let output = test(copy).args(["--quiet", "--", "the_promises_hold"]).env("CHAT_SIM_SEEDS", SEEDS).output()?;
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let promise = told.split_once(" is broken: ").and_then(|(before, _)| before.split_whitespace().last());
    Ok(Simulated { succeeded: output.status.success(), promise: promise.map(str::to_owned), told: told.clone() })
}

/// The simulator's tests, with the library alone: no database, and a folder of their own for what is built.
fn test(copy: &Path) -> Command {
    let mut cargo = sh::cargo();
    let features = ["--no-default-features", "--features", "test-util", "--test", "simulation"];
    cargo.current_dir(copy).args(["test", "--offline", "--package", "chat-core"]).args(features);
    // One function differs from run to run.
    cargo.env("CARGO_INCREMENTAL", "1");
    cargo.env("CARGO_TARGET_DIR", sh::target().join("mutations/target")).env_remove(sh::FAILPOINTS);
    cargo
}

/// Makes the copy what the repository is, with this patch; touches only what differs, so that little is compiled.
fn prepare(root: &Path, copy: &Path, patch: Option<&Patch>) -> Result {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let (workspace, _) = manifest.split_once("\n[package]").ok_or("Cargo.toml has no [package]")?;
    let rest = workspace.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).map(|(_, rest)| rest);
    let rest = rest.ok_or("Cargo.toml names no members")?;
    write(&copy.join("Cargo.toml"), format!("[workspace]\nmembers = [\"chat-core\"]{rest}\n").as_bytes())?;
    if !copy.join("Cargo.lock").exists() {
        fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock"))?;
    }
    for file in files(&root.join("chat-core"))? {
        let path = file.strip_prefix(root)?;
        let mut content = fs::read(&file)?;
        if let Some(patch) = patch.filter(|patch| path == Path::new(&patch.path)) {
            content = patch.apply(&String::from_utf8(content)?)?.into_bytes();
        }
        write(&copy.join(path), &content)?;
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result {
    if fs::read(path).is_ok_and(|before| before == content) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().ok_or("a file without a folder")?)?;
    Ok(fs::write(path, content)?)
}

/// All files below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cheap, so that whoever changes the code that a patch breaks hears of it at once.
    #[test]
    fn each_patch_applies() {
        for patch in read(sh::root(), &[]).unwrap() {
            let text = fs::read_to_string(sh::root().join(&patch.path)).unwrap();
            let patched = patch.apply(&text).unwrap_or_else(|error| panic!("{}: {error}", patch.name));
            assert_ne!(patched, text, "{}", patch.name);
        }
    }
}
