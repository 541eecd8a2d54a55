//! The code blocks of the guide for embedders, in a crate of their own.

use std::{fs, path::Path};

use tokio::process::Command;

use crate::stage::run;

const GUIDE: &str = include_str!("../../docs/embedding.md");
const README: &str = include_str!("../../README.md");

/// Every block compiles by itself, with the dependencies that the guide names.
#[tokio::test]
#[ignore = "needs crates: cargo xtask test"]
async fn each_block_of_the_guide_builds_in_a_crate_outside_of_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embedding");
    for part in ["src/bin", "tests"] {
        // Files of earlier blocks are removed; what was compiled stays.
        drop(fs::remove_dir_all(folder.join(part)));
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    let manifest: Vec<String> = blocks(GUIDE, "toml").flat_map(str::lines).map(|line| with_path(line, root)).collect();
    let package =
        "[package]\nname = \"outside\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.dev]\ndebug = false\n\n";
    fs::write(folder.join("Cargo.toml"), format!("{package}{}\n", manifest.join("\n"))).unwrap();
    // The versions of the workspace, so that nothing is fetched.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut library = String::from("#![allow(dead_code)]\n");
    let mut count = 0;
    for (number, block) in blocks(GUIDE, "rust").chain(blocks(README, "rust")).enumerate() {
        let file = match block {
            // Blocks that use `test-util` are tests.
            _ if block.contains("chat_core::testing") => format!("tests/block_{number}.rs"),
            _ if block.contains("fn main()") => format!("src/bin/block_{number}.rs"),
            _ => {
                library.push_str(&format!("mod block_{number};\n"));
                format!("src/block_{number}.rs")
            }
        };
        assert!(!block.lines().any(|line| line.starts_with("# ")), "a hidden line is shown:\n{block}");
        fs::write(folder.join(file), block).unwrap();
        count += 1;
    }
    assert!(count >= 11, "only {count} blocks are found");
    fs::write(folder.join("src/lib.rs"), library).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--quiet", "--offline", "--all-targets", "--target-dir"]).arg(folder.join("target"));
    run(cargo.current_dir(&folder).env_remove("RUSTFLAGS").env_remove("CHAT_FAILPOINTS")).await;
}

/// A dependency of the guide, with a path in this repository instead of the made-up address.
fn with_path(line: &str, root: &Path) -> String {
    let Some((name, _)) = line.split_once(" = { git = ") else { return line.to_owned() };
    let path = format!("path = \"{}\"", root.join(name).display());
    line.replace("git = \"https://git.example/chatd\"", &path)
}

/// The blocks of code in a language.
fn blocks<'a>(document: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    let within = document.split("\n```").skip(1).step_by(2);
    within.filter_map(move |piece| piece.split_once('\n').filter(|(tag, _)| *tag == language).map(|(_, block)| block))
}
