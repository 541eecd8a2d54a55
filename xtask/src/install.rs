//! What the tests need on the machine, each pinned, and only what is missing of it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::sh::{self, Result, command};

/// The programs that the tests need.
pub(crate) struct Tools {
    /// The folder of PostgreSQL's programs.
    pub(crate) postgres: PathBuf,
    pub(crate) mariadbd: PathBuf,
    pub(crate) mariadb_install_db: PathBuf,
    /// Autobahn's cases for WebSockets on a native runner.
    pub(crate) kosoku: PathBuf,
}

/// Finds the programs; installs what is missing.
pub(crate) fn tools() -> Result<Tools> {
    let kosoku = sh::target().join("tools").join(format!("kosoku-{KOSOKU}"));
    let mut packages = Vec::new();
    if !Path::new(POSTGRES).join("initdb").exists() {
        packages.push("postgresql-15");
    }
    if find("mariadbd").is_none() || find("mariadb-install-db").is_none() {
        packages.push("mariadb-server=1:10.11.*");
    }
    if !kosoku.join("bin/kosoku").exists() && !sh::succeeds(command("python3").args(["-c", "import ensurepip, venv"])) {
        packages.push("python3-venv");
    }
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    if !kosoku.join("bin/kosoku").exists() {
        install_kosoku(&kosoku)?;
    }
    Ok(Tools {
        postgres: POSTGRES.into(),
        mariadbd: found("mariadbd")?,
        mariadb_install_db: found("mariadb-install-db")?,
        kosoku: kosoku.join("bin/kosoku"),
    })
}

/// Debian's packages, as root or through sudo.
fn install_packages(packages: &[&str]) -> Result {
    println!("installing {}", packages.join(", "));
    // Not by name but by version where a version has a say in the results; `*` is the packages' own patch level.
    run_as_root(&["apt-get", "update", "-q"], packages)?;
    let install = ["apt-get", "install", "-q", "-y", "--no-install-recommends"];
    run_as_root(&[&install[..], packages].concat(), packages)
}

fn run_as_root(words: &[&str], packages: &[&str]) -> Result {
    let prefix: &[&str] = if sh::is_root() {
        &[]
    } else if sh::succeeds(command("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        let missing = packages.join(", ");
        return Err(format!(
            "the tests need {missing}, and there is neither root nor sudo (without a password) to install them with.\n\
             Install them by hand, or run this as a user who may."
        )
        .into());
    };
    // `RUNLEVEL=1`: the machine's own servers are not ours to start.
    let env = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    let words = [prefix, &env[..], words].concat();
    sh::run_quietly(command(words[0]).args(&words[1..]))
}

/// The cases for WebSockets, in a Python environment of their own below the target folder.
fn install_kosoku(into: &Path) -> Result {
    println!("installing kosoku {KOSOKU}");
    // An environment that was begun and not finished is begun again.
    sh::run_quietly(command("python3").args(["-m", "venv", "--clear"]).arg(into))?;
    let pip: &mut Command = &mut command(into.join("bin/python"));
    sh::run_quietly(pip.args(["-m", "pip", "install", "--quiet", "--no-deps", &format!("kosoku=={KOSOKU}")]))
}

fn found(program: &str) -> Result<PathBuf> {
    find(program).ok_or_else(|| format!("{program} is not where it should be after the installation").into())
}

/// A program, where the shell or the system's administrator would find it.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

const KOSOKU: &str = "0.1.0";
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";
