//! Starts the servers, each in a new folder, and stops them.

use std::{
    ffi::OsString,
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Result, measure::Target, peer::Peer, process::Process};

/// A program of a server.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) peer: Peer,
    /// The program, and what comes before its own arguments.
    pub(crate) words: Vec<OsString>,
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    pub(crate) target: Target,
}

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

impl Program {
    /// Starts it with nothing stored.
    pub(crate) fn start(&self) -> Result<Server> {
        let folder = std::env::temp_dir().join(format!("chat-load-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        // What it opens counts for 10,000 connections. It may open as many as the system lets it.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n $(ulimit -H -n); exec \"$@\"", "sh"]).args(&self.words);
        command.args(self.arguments(address, &folder)?).stdin(Stdio::null());
        let log = File::create(folder.join("log"))?;
        command.current_dir(&folder).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn()?;
        let target = Target { peer: self.peer, address, process: Process(child.id()) };
        let server = Server { child, folder, target };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                let log = fs::read_to_string(server.folder.join("log"))?;
                return Err(format!("{} does not listen: {log}", self.name).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn arguments(&self, address: SocketAddr, folder: &Path) -> Result<Vec<OsString>> {
        let port = address.port().to_string();
        Ok(match self.peer {
            Peer::Chatd => ["--no-limits", "--listen", &address.to_string()].map(OsString::from).to_vec(),
            Peer::Nats => {
                let config = folder.join("nats.conf");
                let socket = format!("websocket {{ listen: \"{address}\", no_tls: true }}\nlisten: \"127.0.0.1:-1\"\n");
                fs::write(&config, socket)?;
                vec!["-c".into(), config.into()]
            }
            Peer::SocketIo => vec![port.into()],
            Peer::FastApi => vec![port.into(), folder.join("chat.db").into()],
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}
