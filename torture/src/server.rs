//! The server's process: it can be started, killed, frozen, stopped, and started again at the same address.

use std::{
    error::Error,
    ffi::OsString,
    fs::{File, OpenOptions},
    net::{IpAddr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    client::rest::{self, Headers},
    fault::process::{Signal, signal},
    rng::Rng,
};

/// The result of a step of the torture. An error means that the torture itself failed, not the server.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// The URL of its database.
    pub database: String,
    /// The address it listens on.
    pub address: SocketAddr,
    /// The file of its log; each start appends to it.
    pub log: PathBuf,
    /// The variables in its environment at every start.
    pub variables: Vec<(String, OsString)>,
}

/// A server that runs or can be started. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    launch: Launch,
    process: Option<Child>,
    /// How often it was started.
    pub starts: usize,
    /// How often it was killed, by us or by itself at a chosen point.
    pub kills: usize,
}

impl Server {
    /// A server that is not started yet.
    #[must_use]
    pub const fn new(launch: Launch) -> Self {
        Self { launch, process: None, starts: 0, kills: 0 }
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, ends, or is not ready in time.
    pub async fn start(&mut self) -> Result {
        self.start_with(&[]).await
    }

    /// The same, with more variables for this start only.
    ///
    /// # Errors
    /// It cannot be started, ends, or is not ready in time.
    pub async fn start_with(&mut self, variables: &[(String, OsString)]) -> Result {
        self.spawn(variables)?;
        let deadline = Instant::now() + TIMEOUT;
        while !self.is_ready().await {
            if let Some(status) = self.has_ended()? {
                return Err(format!("the server ended while it started: {status}").into());
            }
            if Instant::now() > deadline {
                return Err("the server is not ready in time".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Starts the process without waiting for it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&mut self, variables: &[(String, OsString)]) -> Result {
        let log = OpenOptions::new().create(true).append(true).open(&self.launch.log)?;
        let process = Command::new(&self.launch.program)
            .args(["--database-url", &self.launch.database, "--listen", &self.launch.address.to_string()])
            .env("CHATD_NO_LIMITS", "true")
            // It may listen in a network that the torture has made.
            .env("CHATD_INSECURE", "true")
            .env("CHATD_GUESTS", "true")
            .envs(self.launch.variables.iter().chain(variables).map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(File::options().append(true).open(&self.launch.log)?)
            .stderr(log)
            // Ctrl-C goes to the torture, which kills the server.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        self.process = Some(process);
        self.starts += 1;
        Ok(())
    }

    /// Whether it answers requests.
    pub async fn is_ready(&self) -> bool {
        let asked = rest::call(self.launch.address, "GET", "/readyz", Headers::default(), None);
        timeout(Duration::from_secs(2), asked).await.is_ok_and(|reply| reply.is_some_and(|reply| reply.status == 200))
    }

    /// How it ended, if it has ended.
    ///
    /// # Errors
    /// The system does not say.
    pub fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        let Some(process) = &mut self.process else { return Ok(None) };
        let status = process.try_wait()?;
        if status.is_some() {
            self.process = None;
        }
        Ok(status)
    }

    /// Whether the process runs.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Waits for its end for this long; `None`: it still runs.
    ///
    /// # Errors
    /// The system does not say.
    pub async fn ended(&mut self, time_limit: Duration) -> Result<Option<ExitStatus>> {
        let Some(process) = &mut self.process else { return Ok(None) };
        let Ok(status) = timeout(time_limit, process.wait()).await else { return Ok(None) };
        self.process = None;
        Ok(Some(status?))
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// The system refuses.
    pub async fn kill(&mut self) -> Result {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
            self.kills += 1;
        }
        Ok(())
    }

    /// Asks it to stop with SIGTERM, and waits until it has ended.
    ///
    /// # Errors
    /// It does not stop in time, or ends with an error.
    pub async fn stop(&mut self) -> Result {
        if !self.is_up() {
            return Ok(());
        }
        if let Some(pid) = self.pid() {
            signal(pid, Signal::Terminate).await?;
        }
        match self.ended(TIMEOUT).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("after SIGTERM the server ended with {status}").into()),
            None => Err("the server does not stop after SIGTERM".into()),
        }
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Child::id)
    }

    /// The options it is started with.
    #[must_use]
    pub const fn launch(&self) -> &Launch {
        &self.launch
    }
}

/// A free address. Its port is below those that the system gives to outgoing connections, so it stays free while the
/// server is down.
///
/// # Errors
/// No port is free.
pub fn free_address(host: IpAddr, rng: &mut Rng) -> Result<SocketAddr> {
    for _ in 0..1_000 {
        let port = u16::try_from(rng.between(12_000, 32_000))?;
        let address = SocketAddr::from((host, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err("there is no free port".into())
}

/// How long a server may take to start or to stop.
const TIMEOUT: Duration = Duration::from_secs(30);
