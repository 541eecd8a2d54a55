//! `cargo xtask deny`: what others wrote and what becomes part of the programs, or runs in their tests: its licences,
//! where it comes from, which versions there are twice, and its known flaws.

use std::fs;

use crate::{
    install,
    sh::{self, Result, command},
};

/// Checks the crates by `deny.toml`, and the packages of npm by [`ALLOWED`].
pub(crate) fn run() -> Result {
    let program = install::cargo_deny()?;
    let deny = |words: &[&str]| {
        let mut deny = command(&program);
        deny.current_dir(sh::root()).args(words);
        deny
    };
    sh::run(&mut deny(&["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    for folder in
        ["benches/peers/socketio", "chat-http/ui", "examples/clients/typescript", "tests/browser", "tests/clients"]
    {
        let lock = fs::read_to_string(sh::root().join(folder).join("package-lock.json"))?;
        let flaws = flaws(&lock);
        if !flaws.is_empty() {
            return Err(format!("the packages of {folder}: {}", flaws.join("; ")).into());
        }
    }
    println!("npm's packages ok");
    // Their database is a repository on GitHub, which not every machine reaches; some wait for minutes until they know.
    let mut fetch = command("timeout");
    fetch.current_dir(sh::root()).arg("60").arg(&program).args(["fetch", "db"]);
    if sh::succeeds(&mut fetch) {
        sh::run(&mut deny(&["--locked", "check", "--disable-fetch", "advisories"]))
    } else {
        println!("advisories NOT checked: their database cannot be reached");
        Ok(())
    }
}

/// The licences of npm's packages. All of them are tools of the build and the tests but what is in the page: preact,
/// the parser of marks and the names of emoji.
const ALLOWED: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "ISC",
    "0BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "MIT OR Apache-2.0",
    "(MIT OR CC0-1.0)",
    "Python-2.0",
    "MPL-2.0",
];

/// What is wrong with a lock file of npm. A package without `resolved` comes from the registry, by its name.
fn flaws(lock: &str) -> Vec<String> {
    let value =
        |line: &str, key| Some(line.trim().strip_prefix(key)?.trim_end_matches(',').trim_matches('"').to_owned());
    let mut flaws = Vec::new();
    for line in lock.lines() {
        if let Some(license) = value(line, "\"license\": ").filter(|license| !ALLOWED.contains(&license.as_str())) {
            flaws.push(format!("the licence {license} is not allowed"));
        }
        if let Some(source) = value(line, "\"resolved\": ") {
            flaws.push(format!("{source} is not the registry"));
        }
    }
    // The first package is the folder's own.
    let packages = lock.matches("\n    \"node_modules/").count();
    let (pinned, licensed) = (lock.matches("\"integrity\": \"sha512-").count(), lock.matches("\"license\": ").count());
    if packages != pinned {
        flaws.push(format!("{pinned} of {packages} packages have a hash"));
    }
    if packages + 1 != licensed {
        flaws.push(format!("{} of {packages} packages have a licence", licensed.saturating_sub(1)));
    }
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"{
  "packages": {
    "": {
      "license": "MIT OR Apache-2.0"
    },
    "node_modules/a": {
      "integrity": "sha512-AAAA==",
      "license": "MIT"
    }
  }
}"#;

    #[test]
    fn a_lock_file_is_read() {
        assert_eq!(flaws(LOCK), [""; 0]);
        for (from, to, flaw) in [
            ("\"MIT\"", "\"GPL-3.0\"", "the licence GPL-3.0 is not allowed"),
            ("\"integrity\": \"sha512-AAAA==\",", "", "0 of 1 packages have a hash"),
            ("\"integrity\"", "\"resolved\": \"git+ssh://x\",\n      \"integrity\"", "git+ssh://x is not the registry"),
            (",\n      \"license\": \"MIT\"", "", "0 of 1 packages have a licence"),
        ] {
            assert_eq!(flaws(&LOCK.replace(from, to)), [flaw]);
        }
    }
}
