//! Runs other programs.

use std::{
    env,
    error::Error,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// The target folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cargo that runs this command, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The servers of the tests can be told to fail; `chat-core/src/failpoints/mod.rs` says how.
    cargo.current_dir(root()).env(FAILPOINTS, "1");
    // Variables that the outer cargo sets for xtask are removed. Build scripts that watch them (such as ring's) would
    // otherwise run again, and half of all crates be rebuilt, whenever one switches between xtask and cargo.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

/// The variable that enables the failpoints in a build.
pub(crate) const FAILPOINTS: &str = "CHAT_FAILPOINTS";

/// A program without input.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Runs a program, and shows its output.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| format!("cannot run {}: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command)).into()) }
}

/// Runs a program, and shows its output only if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result {
    let output = command.output().map_err(|error| format!("cannot run {}: {error}", shown(command)))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(format!("{} failed: {}\n{}", shown(command), output.status, String::from_utf8_lossy(&told)).into())
}

/// Whether a program can be run and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    command("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether the machine has this user.
pub(crate) fn has_user(name: &str) -> bool {
    succeeds(command("id").args(["-u", name]))
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(OsStr::to_string_lossy));
    format!("`{}`", words.join(" "))
}
