//! PostgreSQL and MariaDB for the tests: on free ports, in a folder of their own, removed when this process ends.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    certificates::Certificates,
    install::Databases,
    sh::{self, Result, command},
};

/// The two servers, and two more with TLS. Dropping this stops them.
pub(crate) struct Servers {
    pub(crate) postgres_url: String,
    pub(crate) mysql_url: String,
    /// The programs that start, stop and kill the servers, for tests of that.
    pub(crate) postgres_control: PathBuf,
    pub(crate) mysql_control: PathBuf,
    /// The URLs of the servers with TLS, by the name that their certificate has.
    pub(crate) postgres_tls_url: String,
    pub(crate) mysql_tls_url: String,
    /// The folder with the certificates.
    pub(crate) certificates: PathBuf,
    _janitor: Janitor,
}

/// The folder of a server, and its certificates if it has TLS.
struct Place<'a> {
    folder: PathBuf,
    port: u16,
    certificates: Option<&'a Certificates>,
}

impl Servers {
    /// Starts all servers, and waits until they accept connections.
    pub(crate) fn start(tools: &Databases) -> Result<Self> {
        let janitor = Janitor::start()?;
        let certificates = Certificates::make(janitor.folder.join("certificates"))?;
        let place = |name, certificates| {
            Ok::<_, Box<dyn std::error::Error>>(Place {
                folder: janitor.folder.join(name),
                port: free_port()?,
                certificates,
            })
        };
        let postgres = start_postgres(tools, place("postgres", None)?)?;
        let mysql = start_mariadb(tools, place("mariadb", None)?)?;
        let postgres_tls = start_postgres(tools, place("postgres-tls", Some(&certificates))?)?;
        let mysql_tls = start_mariadb(tools, place("mariadb-tls", Some(&certificates))?)?;
        Ok(Self {
            postgres_url: format!("postgres://postgres@127.0.0.1:{postgres}/postgres"),
            mysql_url: format!("mysql://root@127.0.0.1:{mysql}/mysql"),
            postgres_control: janitor.folder.join("postgres/control"),
            mysql_control: janitor.folder.join("mariadb/control"),
            postgres_tls_url: format!("postgres://postgres@localhost:{postgres_tls}/postgres"),
            mysql_tls_url: format!("mysql://root@localhost:{mysql_tls}/mysql"),
            certificates: certificates.folder,
            _janitor: janitor,
        })
    }
}

/// The process that stops the servers. It is in a process group of its own, and waits for the end of its input. So it
/// does its work even if this process is interrupted or killed.
struct Janitor {
    folder: PathBuf,
    process: Child,
}

impl Janitor {
    fn start() -> Result<Self> {
        let folder = env::temp_dir().join(format!("chat-test-{}", process::id()));
        fs::create_dir(&folder)?;
        let process = Command::new("sh")
            .args(["-c", include_str!("janitor.sh"), "janitor"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self { folder, process })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        if let Err(error) = self.process.wait() {
            eprintln!("the servers in {} may still run: {error}", self.folder.display());
        }
    }
}

/// Starts PostgreSQL with default settings except for its address; returns the port. It refuses to run as root.
fn start_postgres(tools: &Databases, place: Place<'_>) -> Result<u16> {
    let Place { folder, port, certificates } = place;
    let user = if sh::is_root() { Some("postgres") } else { None };
    make_folder(&folder, user)?;
    let run = |program: &str| {
        let program = tools.postgres.join(program);
        let mut words = match user {
            Some(user) => {
                let mut runuser = command("runuser");
                runuser.args(["-u", user, "--"]).arg(program);
                runuser
            }
            None => command(program),
        };
        // Another user may not be allowed to see the folder of the repository.
        words.current_dir(&folder);
        words
    };
    let data = folder.as_os_str();
    let initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
    sh::run_quietly(run("initdb").arg("-D").arg(data).args(initdb))?;
    let mut options = format!("-p {port} -c listen_addresses=127.0.0.1 -c max_connections=300 -k {}", folder.display());
    if let Some(certificates) = certificates {
        certificates.give(&folder, user)?;
        options.push_str(" -c ssl=on -c ssl_cert_file=server.pem -c ssl_key_file=server.key -c ssl_ca_file=ca.pem");
        // Two users need a password or a certificate. PostgreSQL uses the first line that matches.
        let access = fs::read_to_string(folder.join("pg_hba.conf"))?;
        let strict = "hostssl all chat_cert all cert\nhost all chat_password all scram-sha-256\n";
        fs::write(folder.join("pg_hba.conf"), format!("{strict}{access}"))?;
    }
    // pg_ctl waits until the server accepts connections. The server must not keep our pipes open.
    let mut start = run("pg_ctl");
    start.arg("-D").arg(data).arg("-l").arg(folder.join("log")).args(["-w", "-t", "60", "-o", &options, "start"]);
    let mut stop = run("pg_ctl");
    stop.arg("-D").arg(data).args(["-w", "-t", "60", "stop", "-m"]);
    let (start_words, stop_words) = (quoted(&start), quoted(&stop));
    let control = format!(
        "cd '{}'\ncase $1 in\nstart) {start_words} ;;\nstop) {stop_words} fast ;;\nkill) {stop_words} immediate ;;\nesac",
        folder.display()
    );
    write_control(&folder, &control)?;
    sh::run(start.stdout(Stdio::null())).map_err(|error| with_log(&*error, &folder))?;
    Ok(port)
}

/// Starts MariaDB with default settings (without the machine's own files) except for its address; returns the port.
fn start_mariadb(tools: &Databases, place: Place<'_>) -> Result<u16> {
    let Place { folder, port, certificates } = place;
    let user = if sh::is_root() && sh::has_user("mysql") { Some("mysql") } else { None };
    make_folder(&folder, user)?;
    let data = format!("--datadir={}", folder.join("data").display());
    if let Some(certificates) = certificates {
        certificates.give(&folder, user)?;
    }
    let user = user.map(|user| format!("--user={user}")).or_else(|| sh::is_root().then(|| "--user=root".into()));
    let install = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data];
    sh::run_quietly(command(&tools.mariadb_install_db).args(install).args(&user))?;
    let log = fs::File::create(folder.join("log"))?;
    let mut server = command(&tools.mariadbd);
    server
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--max-connections=300", &data])
        .arg(format!("--port={port}"))
        .arg(format!("--socket={}", folder.join("socket").display()))
        .arg(format!("--pid-file={}", folder.join("server.pid").display()))
        .args(&user)
        .args(certificates.into_iter().flat_map(|_| tls_arguments(&folder)))
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    write_control(&folder, &mariadb_control(&folder, &quoted(&server)))?;
    let mut server = server.spawn()?;
    // MariaDB opens its port only when it is ready.
    wait_for(port, || server.try_wait().is_ok_and(|ended| ended.is_none()))
        .map_err(|error| with_log(&*error, &folder))?;
    // The janitor stops the server; waiting for it here leaves no zombie process behind.
    thread::spawn(move || server.wait());
    Ok(port)
}

fn tls_arguments(folder: &Path) -> [String; 3] {
    [("ca", "ca.pem"), ("cert", "server.pem"), ("key", "server.key")]
        .map(|(what, name)| format!("--ssl-{what}={}", folder.join(name).display()))
}

/// MariaDB has no program that starts it and waits for it, as PostgreSQL has.
fn mariadb_control(folder: &Path, server: &str) -> String {
    let (folder, script) = (folder.display(), include_str!("mariadb.sh"));
    format!("cd '{folder}'\nserver() {{ exec setsid {server}; }}\n{script}")
}

/// Writes the program that starts, stops and kills a server. What it starts does not keep the caller's pipes open.
fn write_control(folder: &Path, body: &str) -> Result {
    let path = folder.join("control");
    fs::write(
        &path,
        format!("#!/bin/sh\nset -eu\nexec >>'{0}' 2>&1 </dev/null\n{body}\n", path.with_extension("log").display()),
    )?;
    Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?)
}

/// A command quoted for the shell.
fn quoted(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")));
    words.collect::<Vec<_>>().join(" ")
}

/// Waits until something listens on the port; fails if the process that should do so has ended.
fn wait_for(port: u16, mut is_running: impl FnMut() -> bool) -> Result {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && is_running() {
        if TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("the server did not start".into())
}

fn make_folder(folder: &Path, owner: Option<&str>) -> Result {
    fs::create_dir(folder)?;
    match owner {
        Some(owner) => sh::run_quietly(command("chown").arg(owner).arg(folder)),
        None => Ok(()),
    }
}

fn with_log(error: &dyn std::error::Error, folder: &Path) -> Box<dyn std::error::Error> {
    let log = fs::read(folder.join("log")).unwrap_or_default();
    format!("{error}\n{}", String::from_utf8_lossy(&log)).into()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
