//! `cargo xtask torture`: builds the server with failpoints and bugs to inject, and runs the torture on it.

use std::process::ExitCode;

use crate::{
    sh::{self, Result, command},
    test,
};

/// Runs the torture with these options.
pub(crate) fn run(options: &[String]) -> Result<ExitCode> {
    // The same build as the tests', so that nothing is compiled twice.
    let build = ["build", "--workspace", "--all-features", "--bins", "--test", "torture"];
    sh::run(sh::cargo().args(build))?;
    let has = |wanted: &[&str]| options.iter().any(|option| wanted.contains(&option.as_str()));
    let names_server = options.iter().any(|option| option.ends_with("postgres") || option.ends_with("mariadb"));
    let needs_server = names_server || has(&["--mutation-check", "--judge"]);
    let (_servers, variables) = if needs_server { test::prepare()? } else { (None, test::Variables::new()) };
    let programs = sh::target().join("debug");
    let mut server = programs.join("chatd");
    if has(&["--load-tests", "--figures"]) {
        // What is measured is the release build.
        sh::run(sh::cargo().args(["build", "--release"]).env_remove(sh::FAILPOINTS))?;
        server = sh::target().join("release/chatd");
    }
    let mut torture = command(programs.join("torture"));
    if !options.iter().any(|option| option == "--server" || option.starts_with("--server=")) {
        torture.arg("--server").arg(server);
    }
    torture.args(options).envs(variables);
    let status = torture.status()?;
    // A process that was ended by a signal has no exit code: the torture itself failed.
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}
