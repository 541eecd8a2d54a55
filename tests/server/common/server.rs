//! The server as a process of its own.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use torture::fault::process::{Signal, signal};

use super::{DEADLINE, Database, Reply, Socket, rest};

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_at(database, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts a server at the address of an earlier one.
    pub(crate) async fn start_at(database: &Database, address: SocketAddr) -> Self {
        Self::spawn(command(database, address)).await
    }

    /// Starts a server with further arguments.
    pub(crate) async fn start_with(database: &Database, arguments: &[&str]) -> Self {
        let mut command = command(database, SocketAddr::from(([127, 0, 0, 1], 0)));
        command.args(arguments);
        Self::spawn(command).await
    }

    /// Starts a server with further arguments, and waits only until it says where it will listen.
    pub(crate) async fn start_unready_with(database: &Database, arguments: &[&str]) -> Self {
        let mut command = command(database, SocketAddr::from(([127, 0, 0, 1], 0)));
        command.args(arguments);
        Self::spawn_unready(command).await
    }

    /// Starts a server with failpoints or a bug, as these variables say.
    pub(crate) async fn start_armed(database: &Database, variables: &[(&str, &str)]) -> Self {
        let has_failpoints = cfg!(failpoints);
        assert!(has_failpoints, "this build has no failpoints: cargo xtask test");
        Self::start_under(database, variables.iter().copied()).await
    }

    /// Starts a server with these variables in its environment.
    pub(crate) async fn start_under(
        database: &Database,
        environment: impl IntoIterator<Item = (&str, impl AsRef<OsStr>)>,
    ) -> Self {
        let mut command = command(database, SocketAddr::from(([127, 0, 0, 1], 0)));
        command.envs(environment);
        Self::spawn(command).await
    }

    /// Starts a server with further arguments, and with its log elsewhere.
    pub(crate) async fn start_logging_to(database: &Database, log: Stdio, arguments: &[&str]) -> Self {
        let mut command = command(database, SocketAddr::from(([127, 0, 0, 1], 0)));
        command.args(arguments).stderr(log).env("RUST_LOG", "debug");
        Self::spawn(command).await
    }

    /// Starts a server, and waits only until it says where it will listen.
    pub(crate) async fn start_unready(database: &Database) -> Self {
        Self::spawn_unready(command(database, SocketAddr::from(([127, 0, 0, 1], 0)))).await
    }

    async fn spawn(command: Command) -> Self {
        let server = Self::spawn_unready(command).await;
        server.ready().await;
        server
    }

    async fn spawn_unready(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (told, mut address) = watch::channel(None);
        let mut readers = vec![read(process.stdout.take().unwrap(), log.clone(), told.clone())];
        // Its log may go elsewhere.
        if let Some(stderr) = process.stderr.take() {
            readers.push(read(stderr, log.clone(), told));
        }
        let address = timeout(DEADLINE, address.wait_for(Option::is_some)).await.ok();
        let address = address.and_then(|told| told.ok().and_then(|told| *told));
        let address =
            address.unwrap_or_else(|| panic!("the server did not say where it listens:\n{}", log.lock().unwrap()));
        Self { process, address, log, readers }
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        let waited = timeout(DEADLINE, self.wait_until_ready()).await;
        waited.unwrap_or_else(|_| panic!("the server is not ready in time:\n{}", self.output()));
    }

    /// Starts a server, and kills it after this time, however far it is.
    pub(crate) async fn kill_after(database: &Database, instant: Duration) {
        let mut process = command(database, SocketAddr::from(([127, 0, 0, 1], 0))).spawn().unwrap();
        tokio::time::sleep(instant).await;
        process.kill().await.unwrap();
    }

    /// Runs a server that is expected to fail; returns its exit status and its output.
    pub(crate) async fn fail(database: &Database) -> (ExitStatus, String) {
        Self::fail_with(database, &[]).await
    }

    /// Does the same with further arguments.
    pub(crate) async fn fail_with(database: &Database, arguments: &[&str]) -> (ExitStatus, String) {
        Self::run_to_its_end(command(database, SocketAddr::from(([127, 0, 0, 1], 0))).args(arguments)).await
    }

    /// Does the same with these variables in its environment.
    pub(crate) async fn fail_under(
        database: &Database,
        environment: impl IntoIterator<Item = (&str, impl AsRef<OsStr>)>,
    ) -> (ExitStatus, String) {
        Self::run_to_its_end(command(database, SocketAddr::from(([127, 0, 0, 1], 0))).envs(environment)).await
    }

    async fn run_to_its_end(command: &mut Command) -> (ExitStatus, String) {
        let output = timeout(DEADLINE, command.output()).await.expect("it runs on").unwrap();
        (output.status, String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// Does the same with failpoints or a bug.
    pub(crate) async fn fail_armed(database: &Database, variables: &[(&str, &str)]) -> (ExitStatus, String) {
        Self::fail_under(database, variables.iter().copied()).await
    }

    /// Runs `chatd new-epoch`; returns its exit status and its output.
    pub(crate) async fn new_epoch(database_url: &str) -> (ExitStatus, String) {
        Self::command(database_url, &["new-epoch"], &[]).await
    }

    /// Runs `chatd erase-user` with these variables in its environment; returns its exit status and its output.
    pub(crate) async fn erase_user(
        database_url: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (ExitStatus, String) {
        Self::command(database_url, &[&["erase-user"], arguments].concat(), variables).await
    }

    /// Runs a command of chatd with these variables in its environment; returns its exit status and its output.
    pub(crate) async fn command(
        database_url: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (ExitStatus, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatd"));
        command.args(arguments).args(["--database-url", database_url]);
        command.envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
        Self::run_to_its_end(&mut command).await
    }

    /// Runs `chatd revoke-tokens`; returns its exit status and its output.
    pub(crate) async fn revoke_tokens(database_url: &str, user: &str) -> (ExitStatus, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatd"));
        command.args(["revoke-tokens", "--database-url", database_url, user]).stdin(Stdio::null()).kill_on_drop(true);
        Self::run_to_its_end(&mut command).await
    }

    async fn wait_until_ready(&self) {
        // Whoever asks as often as this may be refused a connection.
        while !rest::try_call(self.address, "GET", "/readyz", &[], None).await.is_ok_and(|reply| reply.status == 200) {
            tokio::task::yield_now().await;
        }
    }

    /// Kills it with SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Asks it to stop, and waits until it has ended.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.ask_to_stop().await;
        self.ended().await
    }

    /// Does the same, and returns all of its output.
    pub(crate) async fn stop_and_read_output(mut self) -> String {
        self.ask_to_stop().await;
        self.ended().await;
        for reader in &mut self.readers {
            reader.await.unwrap();
        }
        self.log.lock().unwrap().clone()
    }

    /// Asks it to stop.
    pub(crate) async fn ask_to_stop(&self) {
        signal(self.pid(), Signal::Terminate).await.unwrap();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(DEADLINE, self.process.wait()).await;
        ended.unwrap_or_else(|_| panic!("it runs on:\n{}", self.log.lock().unwrap())).unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Its output so far.
    pub(crate) fn output(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until its output contains these words this many times.
    pub(crate) async fn wait_for_output(&self, words: &str, times: usize) {
        let said = async {
            while self.log.lock().unwrap().matches(words).count() < times {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, said).await.unwrap_or_else(|_| panic!("it does not say {words:?}:\n{}", self.output()));
    }

    /// Its page of metrics.
    pub(crate) async fn metrics(&self) -> Reply {
        let told = async {
            loop {
                let address = self.log.lock().unwrap().lines().find_map(|line| {
                    let (_, address) = line.split_once("metrics are served at /metrics address=")?;
                    address.trim().parse().ok()
                });
                match address {
                    Some(address) => return address,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        let address = timeout(DEADLINE, told).await.expect("it does not say where its metrics are");
        rest::call(address, "GET", "/metrics", &[], None).await
    }

    /// Gets a path outside the REST prefix.
    pub(crate) async fn get_path(&self, path: &str) -> Reply {
        rest::call(self.address, "GET", path, &[], None).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, &[], Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.call("PATCH", path, &[], Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, &[], None).await
    }

    /// Makes a REST call; the path is below `/api/chat`.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string());
        rest::call(self.address, method, &format!("/api/chat{path}"), headers, body).await
    }

    /// Creates a room, and returns its id.
    pub(crate) async fn room(&self, name: &str) -> u64 {
        self.post("/rooms", json!({"name": name})).await.json(201)["id"].as_u64().unwrap()
    }

    /// Sends a message as this user, and returns its number.
    pub(crate) async fn say(&self, room: u64, user: &str, content: &str) -> u64 {
        let path = format!("/rooms/{room}/messages?username={user}");
        self.post(&path, json!({"content": content})).await.json(201)["seq"].as_u64().unwrap()
    }

    /// Opens a socket at a path below `/ws/chat`.
    pub(crate) async fn socket(&self, path: &str) -> Socket {
        Socket::connect(self.address, &format!("/ws/chat{path}")).await
    }

    /// Opens a socket for a room, and waits until it is attached.
    pub(crate) async fn join(&self, room: u64, user: &str) -> Socket {
        let mut socket = self.socket(&format!("/{room}?username={user}")).await;
        socket.expect("attached", |frame| frame["type"] == "attached").await;
        socket
    }
}

fn command(database: &Database, address: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatd"));
    command
        .args(["--database-url", database.url()])
        // An argument of a test overrides this.
        .env("CHATD_LISTEN", address.to_string())
        // The networks of tests have no other machines.
        .env("CHATD_INSECURE", (!address.ip().is_loopback()).to_string())
        .env("CHATD_GUESTS", (!address.ip().is_loopback()).to_string())
        // Tests are faster than people. One that is about the limits removes this.
        .env("CHATD_NO_LIMITS", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Keeps the server's output, and reports its address once the output has it.
fn read(
    from: impl AsyncRead + Unpin + Send + 'static,
    log: Arc<Mutex<String>>,
    told: watch::Sender<Option<SocketAddr>>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(address) = address_in(&line) {
                told.send_replace(Some(address));
            }
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    })
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://").or_else(|| line.split_once("https://"))?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
