//! Behind a real nginx, set up as docs/operating.md shows: sockets and event streams pass through at once, pages are known by
//! the public URL, and clients come back when the server behind it is started again.

use std::{
    env, fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::{Call, DEADLINE, Database, Reply, Server, Socket, tls};

/// The name that the proxy is reached by.
const HOST: &str = "chat.example";
const PUBLIC_URL: [&str; 2] = ["--public-url", "https://chat.example"];

/// A running nginx. Dropping it kills it.
struct Proxy {
    process: Child,
    address: SocketAddr,
    _folder: Database,
}

impl Proxy {
    async fn start(server: SocketAddr) -> Self {
        let program = env::var("CHAT_TEST_NGINX").expect("CHAT_TEST_NGINX is not set: run `cargo xtask test`");
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // Its folder is removed together with the database, which nobody uses.
        let place = Database::sqlite();
        fs::write(place.folder().join("nginx.conf"), configuration(place.folder().to_str().unwrap(), address, server))
            .unwrap();
        let process = Command::new(program)
            .arg("-p")
            .arg(place.folder())
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let proxy = Self { process, address, _folder: place };
        let listens = async { while TcpStream::connect(address).await.is_err() {} };
        timeout(DEADLINE, listens).await.expect("nginx does not listen");
        proxy
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Reply {
        let call = Call { host: HOST.to_owned(), method, path, headers, body };
        let answer = timeout(DEADLINE, call.over(tls::connect(self.address).await)).await;
        answer.unwrap_or_else(|_| panic!("{method} {path} is not answered")).unwrap()
    }

    /// Opens a socket as a page of this origin.
    async fn socket(&self, path: &str, origin: &str) -> Option<Socket> {
        let mut request = format!("wss://{HOST}{path}").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        Socket::over(tls::connect(self.address).await, request).await.ok()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.process.id().to_string()).status());
        drop(self.process.wait());
    }
}

/// What operators are shown, with these addresses, and in a folder that needs no installation.
fn configuration(folder: &str, address: SocketAddr, server: SocketAddr) -> String {
    let shown = include_str!("../../docs/operating.md").split_once("```nginx\n").unwrap().1;
    let shown = shown.split_once("```").unwrap().0;
    let mut ours = shown.to_owned();
    for (theirs, value) in [
        ("listen 443 ssl;", format!("listen {address} ssl;")),
        ("/etc/letsencrypt/live/chat.example/fullchain.pem", tls::file("first.pem").display().to_string()),
        ("/etc/letsencrypt/live/chat.example/privkey.pem", tls::file("first.key").display().to_string()),
        ("http://127.0.0.1:8080", format!("http://{server}")),
    ] {
        assert!(ours.contains(theirs), "{theirs} is not shown any more");
        ours = ours.replace(theirs, &value);
    }
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .join(" ");
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;\n\
         events {{}}\nhttp {{ access_log off; {temporary}\n{ours}}}\n"
    )
}

#[tokio::test]
#[ignore = "needs nginx: cargo xtask test"]
async fn pages_are_known_by_the_public_url_behind_a_proxy() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &PUBLIC_URL).await;
    let proxy = Proxy::start(server.address()).await;
    let room = server.room("general").await;
    let path = format!("/ws/chat/{room}?username=Alice");
    for (origin, is_own) in [
        ("https://chat.example", true),
        ("https://evil.example", false),
        ("http://chat.example", false),
        ("null", false),
    ] {
        assert_eq!(proxy.socket(&path, origin).await.is_some(), is_own, "{origin}");
        let body = Some(json!({"name": origin}).to_string());
        let made = proxy.call("POST", "/api/chat/rooms", &[("origin", origin)], body).await;
        assert_eq!(made.status, if is_own { 201 } else { 403 }, "{origin}");
    }
    proxy.call("GET", "/api/chat/rooms", &[("host", "evil.example")], None).await.problem(421, "wrong_host");
}

#[tokio::test]
#[ignore = "needs nginx: cargo xtask test"]
async fn event_streams_come_through_a_proxy_at_once() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &PUBLIC_URL).await;
    let proxy = Proxy::start(server.address()).await;
    let room = server.room("general").await;
    let mut stream = tls::connect(proxy.address).await;
    let request = format!("GET /api/chat/rooms/{room}/events?username=Bob HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    // Each is waited for before the next is sent, so nothing that follows can push it out of a buffer.
    for number in 0..3 {
        let words = format!("word {number}");
        if number == 0 {
            timeout(DEADLINE, stream.read_buf(&mut told)).await.expect("nothing comes").unwrap();
        }
        server.say(room, "Alice", &words).await;
        let heard = async {
            while !String::from_utf8_lossy(&told).contains(&words) {
                assert_ne!(stream.read_buf(&mut told).await.unwrap(), 0, "it ends");
            }
        };
        timeout(DEADLINE, heard).await.unwrap_or_else(|_| panic!("{words} does not come"));
    }
}

/// A socket of this guest, who comes from this address: this machine is trusted, so the proxy's word on it is, too.
async fn socket_from(proxy: &Proxy, client: &str, name: &str) -> Socket {
    let mut request = format!("wss://{HOST}/ws/chat?username={name}").into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    Socket::over(tls::connect(proxy.address).await, request).await.unwrap()
}

#[tokio::test]
#[ignore = "needs nginx: cargo xtask test"]
async fn w33_people_behind_a_trusted_proxy_have_an_address_each() {
    let database = Database::sqlite();
    let environment = [
        ("CHATD_PUBLIC_URL", "https://chat.example"),
        ("CHATD_TRUSTED_PROXIES", "127.0.0.1"),
        ("CHATD_GUESTS", "true"),
        ("CHATD_NO_LIMITS", "false"),
    ];
    let server = Server::start_under(&database, environment).await;
    let proxy = Proxy::start(server.address()).await;
    let mut sockets = Vec::new();
    for number in 0..200 {
        let mut socket = socket_from(&proxy, "203.0.113.1", &format!("user{}", number / 50)).await;
        socket.expect_type("hello").await;
        sockets.push(socket);
    }
    assert_eq!(socket_from(&proxy, "203.0.113.1", "late").await.expect_close().await, Some(1013));
    socket_from(&proxy, "203.0.113.2", "other").await.expect_type("hello").await;
}

#[tokio::test]
#[ignore = "needs nginx: cargo xtask test"]
async fn clients_come_back_when_the_server_behind_a_proxy_is_started_again() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &PUBLIC_URL).await;
    let (proxy, address) = (Proxy::start(server.address()).await, server.address().to_string());
    let room = server.room("general").await;
    let path = format!("/ws/chat/{room}?username=Alice");
    let mut alice = proxy.socket(&path, "https://chat.example").await.unwrap();
    alice.expect_type("attached").await;
    assert_eq!(alice.say("before").await, 1);
    assert_eq!(server.stop().await.code(), Some(0));
    assert_eq!(alice.expect_close().await, Some(1001), "the reason comes through");
    let away = proxy.call("GET", "/api/chat/rooms", &[], None).await;
    assert_eq!(away.status, 502, "which clients take for a reason to try again");
    assert!(proxy.socket(&path, "https://chat.example").await.is_none());

    let server = Server::start_with(&database, &[&PUBLIC_URL[..], &["--listen", &address]].concat()).await;
    server.say(room, "Bob", "meanwhile").await;
    let mut alice = proxy.socket(&format!("{path}&after=1"), "https://chat.example").await.unwrap();
    let attached = alice.expect_type("attached").await;
    assert_eq!(attached["events"].as_array().unwrap().len(), 1, "exactly what was missed: {attached}");
    assert_eq!(attached["events"][0]["content"], "meanwhile");
}
