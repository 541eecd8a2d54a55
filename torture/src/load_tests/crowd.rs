//! Thousands of clients, each as small as possible, so that the server is what is measured.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

use crate::{
    client::rest::{self, Headers},
    rng::Rng,
    server::{Launch, Result, Server, free_address},
};

/// A socket that is attached to one room.
#[derive(Debug)]
pub(super) struct Ears(WebSocketStream<TcpStream>);

/// The fields of a frame that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Frame {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) seq: Option<u64>,
    pub(super) head: Option<u64>,
    pub(super) epoch: Option<String>,
    #[serde(default)]
    pub(super) events: Vec<Numbered>,
    pub(super) content: Option<String>,
}

/// A missed event.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    pub(super) seq: u64,
}

impl Ears {
    /// Opens a socket; `None`: it failed. With a `buffer`, the kernel's receive buffer has about that size.
    pub(super) async fn open(address: SocketAddr, path: &str, buffer: Option<u32>) -> Option<Self> {
        let open = async {
            let tcp = TcpSocket::new_v4().ok()?;
            if let Some(size) = buffer {
                tcp.set_recv_buffer_size(size).ok()?;
            }
            let stream = tcp.connect(address).await.ok()?;
            let request = format!("ws://{address}{path}").into_client_request().ok()?;
            let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
            Some(client_async_with_config(request, stream, Some(config)).await.ok()?.0)
        };
        timeout(TIMEOUT, open).await.ok()?.map(Self)
    }

    /// The next frame; `None`: the end.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Message::Text(text) = self.0.next().await?.ok()? {
                return serde_json::from_str(&text).ok();
            }
        }
    }
}

/// Starts a server with an empty database of its own.
pub(super) async fn server(program: &Path, folder: &Path, name: &str) -> Result<Server> {
    let database = format!("sqlite://{}/{name}.db?mode=rwc", folder.display());
    let mut server = Server::new(Launch {
        program: program.to_owned(),
        database,
        address: free_address(Ipv4Addr::LOCALHOST.into(), &mut Rng::of(u64::from(std::process::id()), name))?,
        log: folder.join(format!("{name}.log")),
        variables: vec![("RUST_LOG".to_owned(), "warn".into())],
    });
    server.start().await?;
    Ok(server)
}

/// Creates rooms with the ids 1, 2, 3 …
pub(super) async fn make_rooms(address: SocketAddr, count: u64) -> Result {
    for number in 1..=count {
        let body = json!({"name": format!("room {number}")});
        let reply = rest::call(address, "POST", "/api/chat/rooms", Headers::default(), Some(body)).await;
        if reply.and_then(|reply| reply.body["id"].as_u64()) != Some(number) {
            return Err(format!("room {number} cannot be made").into());
        }
    }
    Ok(())
}

/// Sends a message over REST with a key of its own; returns whether it was stored.
pub(super) async fn send(address: SocketAddr, room: u64, key: &str, content: &str) -> bool {
    let path = format!("/api/chat/rooms/{room}/messages?username=Speaker");
    let headers = Headers { key: Some(key), ..Headers::default() };
    let reply = rest::call(address, "POST", &path, headers, Some(json!({"content": content}))).await;
    reply.is_some_and(|reply| matches!(reply.status, 200 | 201))
}

/// The memory of a process in MiB; 0 if the system does not say.
pub(super) fn memory_of(server: &Server) -> f64 {
    let pid = server.pid().unwrap_or_default();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// The quantile of sorted durations at this share.
pub(super) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// How long a socket may take to open.
const TIMEOUT: Duration = Duration::from_secs(10);
