//! `cargo xtask ci`: all checks that a change has to pass, the cheapest first.

use std::{env, fs, process::Command, thread, time::Instant};

use crate::{
    deny, mutations,
    sh::{self, Result, command},
    test, versions,
};

/// Runs all checks.
pub(crate) fn run() -> Result {
    let start = Instant::now();
    let mut times = Vec::new();
    let mut step = |name: &'static str, work: &mut dyn FnMut() -> Result| {
        println!("\n== {name}");
        let start = Instant::now();
        let done = work();
        times.push((name, start.elapsed()));
        println!("== {name}: {} s", start.elapsed().as_secs());
        done.map_err(|error| format!("{name}: {error}"))
    };
    step("format", &mut || cargo(&["fmt", "--all", "--check"]))?;
    step("house rules", &mut tidy)?;
    step("supply chain", &mut deny::run)?;
    step("versions", &mut versions::run)?;
    step("packages", &mut packages)?;
    // What the tests need is mostly waited for.
    step("clippy and tools", &mut || at_once(clippy, || test::tools().map(drop)))?;
    step("docs", &mut docs)?;
    step("public API", &mut public_api)?;
    step("features and mutations", &mut || at_once(features, || mutations::run(&[])))?;
    let mut summary = None;
    step("tests", &mut || {
        summary = Some(test::all(&[])?);
        Ok(())
    })?;
    println!();
    for (name, time) in times {
        println!("{:>5} s  {name}", time.as_secs());
    }
    println!("{:>5} s  together", start.elapsed().as_secs());
    if let Some(summary) = summary {
        println!("\n{summary}");
    }
    Ok(())
}

/// Updates generated files: the character classes, openapi.yaml and docs/frames.md. The tests that compare them write
/// them instead.
pub(crate) fn openapi() -> Result {
    // The same features as in the other commands, so that dependencies are not built twice.
    let workspace = ["test", "--workspace", "--all-features"];
    let write = |tests: &[&str]| sh::run(sh::cargo().args(workspace).args(tests).env("UPDATE_EXPECT", "1"));
    write(&["--lib", "--", "patterns::"])?;
    write(&["--test", "documents", "--", "openapi::", "frames::"])
}

/// Checks the house rules alone. That test uses only std, so rustc compiles it within a second.
pub(crate) fn tidy() -> Result {
    let program = sh::target().join("tidy");
    fs::create_dir_all(sh::target())?;
    let mut rustc = command(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(sh::root()).env("CARGO_MANIFEST_DIR", sh::root());
    sh::run(rustc.args(["--test", "--edition", "2024", "tests/tidy.rs", "-o"]).arg(&program))?;
    sh::run(command(program).arg("--quiet").env("RUST_BACKTRACE", "0"))
}

/// Checks all code with clippy.
fn clippy() -> Result {
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
}

/// Has rustdoc look at all documentation, and write what it has found as JSON.
fn docs() -> Result {
    let doc = ["doc", "--quiet", "--workspace", "--all-features", "--no-deps"];
    let json = "-D warnings -Z unstable-options --output-format json";
    let rustdoc = sh::root().join("xtask/src/rustdoc.sh");
    sh::run(sh::cargo().args(doc).env("RUSTDOCFLAGS", json).env("RUSTDOC", rustdoc))
}

/// Compares the public API of the libraries with what is committed.
fn public_api() -> Result {
    sh::run(&mut comparison()?)
}

/// Writes down the public API of the libraries.
pub(crate) fn api() -> Result {
    docs()?;
    sh::run(comparison()?.env("UPDATE_EXPECT", "1"))
}

/// The program that compares the JSON of each library with a file in its folder.
fn comparison() -> Result<Command> {
    // The same features as in the other commands, so that dependencies are not built twice.
    cargo(&["build", "--quiet", "--workspace", "--all-features", "--bin", "public-api"])?;
    let mut program = command(sh::target().join("debug/public-api"));
    for (library, _) in FEATURES {
        program.arg(sh::target().join("doc").join(library.replace('-', "_")).with_extension("json"));
        program.arg(sh::root().join(library).join("public-api.txt"));
    }
    Ok(program)
}

/// Packs the libraries as a registry would have them. What was packed is not built: that takes minutes.
fn packages() -> Result {
    let package = ["package", "--quiet", "--no-verify", "--allow-dirty"];
    let libraries = FEATURES.iter().flat_map(|(library, _)| ["--package", library]);
    sh::run(sh::cargo().args(package).args(libraries))
}

/// The features of the libraries.
const FEATURES: [(&str, &[&str]); 2] =
    [("chat-core", CORE_FEATURES), ("chat-http", &["", "jwt", "ui", "webhook", "test-util"])];

/// Those of chat-core. `entity` needs a database.
const CORE_FEATURES: &[&str] =
    &["", "runtime", "serde", "test-util", "sqlite", "postgres", "mysql", "tls", "entity sqlite"];

/// Checks the libraries with each of their features alone, and with none.
fn features() -> Result {
    for (library, feature) in
        FEATURES.iter().flat_map(|(library, all)| all.iter().map(move |feature| (library, feature)))
    {
        println!("{library} with {}", if feature.is_empty() { "none" } else { feature });
        // Clippy rather than rustc, since its flags apply only to our own code; others would rebuild all dependencies.
        let check = ["clippy", "--quiet", "--package", library, "--no-default-features", "--features", feature];
        // As hosts build it: without failpoints.
        sh::run(sh::cargo().args(check).args(["--", "-D", "warnings"]).env_remove(sh::FAILPOINTS))?;
    }
    Ok(())
}

/// Does two things at once that share no folder of what is built. Each leaves a core idle for long: it compiles one crate at a time, or
/// waits for what it gets.
fn at_once(one: impl FnOnce() -> Result, other: impl FnOnce() -> Result + Send) -> Result {
    thread::scope(|scope| {
        let other = scope.spawn(|| other().map_err(|error| error.to_string()));
        let one = one();
        let other = other.join().map_err(|_| "it panicked")?;
        one?;
        Ok(other?)
    })
}

fn cargo(args: &[&str]) -> Result {
    sh::run(sh::cargo().args(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_things_at_once_a_failure_of_either_is_told() {
        let fails = || Err("broken".into());
        assert!(at_once(|| Ok(()), || Ok(())).is_ok());
        for told in [at_once(fails, || Ok(())), at_once(|| Ok(()), fails), at_once(|| Ok(()), || panic!("broken"))] {
            assert!(told.is_err());
        }
    }
}
