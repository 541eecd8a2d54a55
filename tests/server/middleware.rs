//! Which requests are let in: over real sockets, as the program's flags say.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::common::{DEADLINE, Database, Reply, Server, Socket};

async fn ask(server: &Server, path: &str, host: &str) -> Reply {
    server.call("GET", path, &[("host", host)], None).await
}

/// The server's answer to these bytes, until it closes the connection.
async fn raw(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("it does not close").unwrap();
    answer
}

#[tokio::test]
async fn only_known_hosts_are_answered_for() {
    let database = Database::sqlite();
    let flags = ["--public-url", "https://chat.example/", "--allowed-host", "one.example,two.example"];
    let server = Server::start_with(&database, &flags).await;
    let room = server.room("general").await;
    for host in ["localhost", "127.0.0.1:1", "[::1]", "chat.example", "ONE.example.:81", "two.example"] {
        ask(&server, "/rooms", host).await.json(200);
    }
    let events = format!("/rooms/{room}/events?username=Ghost");
    for path in ["/rooms", &events] {
        ask(&server, path, "evil.example").await.problem(421, "wrong_host");
    }
    for path in ["/ws/chat".to_owned(), format!("/ws/chat/{room}")] {
        let path = format!("{path}?username=Ghost");
        let refused = Socket::try_connect(server.address(), &path, &[("host", "evil.example")]).await;
        assert!(refused.err().unwrap().to_string().contains("421"), "{path}");
    }
    let absolute = "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, absolute).await.starts_with("HTTP/1.1 200"), "health is told to everyone");
    for (target, host, status) in [("http://evil.example", "localhost", 421), ("http://localhost", "evil.example", 200)]
    {
        let request = format!("GET {target}/api/chat/rooms HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert!(raw(&server, &request).await.starts_with(&format!("HTTP/1.1 {status}")), "{target}");
    }
    assert_eq!(server.get(&format!("/rooms/{room}/presence")).await.json(200)["count"], 0);
}

#[tokio::test]
async fn the_public_url_says_which_pages_are_its_own() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--public-url", "https://chat.example"]).await;
    let room = server.room("general").await;
    let path = format!("/ws/chat/{room}?username=Alice");
    let plain = format!("http://{}", server.address());
    for (origin, is_own) in [("https://chat.example", true), ("http://chat.example", false), (&plain, false)] {
        let socket = Socket::try_connect(server.address(), &path, &[("origin", origin)]).await;
        assert_eq!(socket.is_ok(), is_own, "{origin}");
        let sent = server.call("POST", "/rooms", &[("origin", origin)], Some(json!({"name": origin}))).await;
        assert_eq!(sent.status, if is_own { 201 } else { 403 }, "{origin}");
    }
}

#[tokio::test]
async fn hosts_and_urls_that_are_none_are_told_at_the_start() {
    let database = Database::sqlite();
    for (flag, value) in [
        ("--allowed-host", "*.example"),
        ("--allowed-host", "http://a"),
        ("--public-url", "chat.example"),
        ("--public-url", "https://chat.example/chat"),
        ("--listen", "8080"),
        ("--listen", "localhost"),
    ] {
        let (status, said) = Server::fail_with(&database, &[flag, value]).await;
        assert!(status.code() == Some(2) && said.contains("must be"), "{flag} {value}: {said}");
    }
}

#[tokio::test]
async fn a_name_may_be_listened_on() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--listen", "localhost:0"]).await;
    assert!(server.address().ip().is_loopback());
    let (status, said) = Server::fail_with(&Database::sqlite(), &["--listen", "nowhere.invalid:80"]).await;
    assert!(status.code() == Some(6) && said.contains("cannot listen on nowhere.invalid:80"), "{said}");
}

/// Tokens in URLs are mistakes, but still secrets.
#[tokio::test]
async fn r23_values_in_urls_are_not_logged() {
    let database = Database::sqlite();
    let server = Server::start_under(&database, [("RUST_LOG", "trace")]).await;
    let room = server.room("general").await;
    let secret = "token=5eCret&access_token=5eCret&after=5eCret&limit=5eCret&5eCret";
    for path in
        [format!("/rooms?{secret}"), format!("/rooms/{room}/events?{secret}"), format!("/rooms/5eCret?{secret}")]
    {
        server.get(&path).await;
    }
    server.get_path(&format!("/5eCret?{secret}")).await;
    server.socket(&format!("?username=Alice&{secret}")).await.close().await;
    server.socket(&format!("/{room}?username=Alice&{secret}")).await.expect_close().await;
    server.call("GET", "/rooms", &[("authorization", "Bearer 5eCret"), ("cookie", "a=5eCret")], None).await;
    raw(&server, "GET /?5eCret HTTP/1.1\r\nHost: 5eCret/\r\n\r\n").await;
    let log = server.stop_and_read_output().await;
    let told = log.lines().filter(|line| line.contains("5eCret")).collect::<Vec<_>>();
    assert_eq!(told, Vec::<&str>::new());
}

#[tokio::test]
async fn values_in_the_url_of_a_database_are_not_logged() {
    for url in
        ["postgres://me:5eCret@127.0.0.1:1/x?token=5eCret&5eCret", "mysql://me:5eCret@127.0.0.1:1/x?passwd=5eCret"]
    {
        let (status, said) = Server::new_epoch(url).await;
        assert!(status.code() == Some(4) && said.contains("is not known"), "{status}: {said}");
        assert!(!said.contains("5eCret"), "{said}");
    }
}
