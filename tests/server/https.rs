//! TLS towards clients: everything works over it, a certificate is replaced while sockets stay, and what can be reached
//! from other machines has it.

use std::{fs, net::SocketAddr, path::Path};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use torture::fault::process::{Signal, signal};

use crate::common::{DEADLINE, Database, Server, tls};

const WRONG: i32 = 2;

/// Starts a server with the certificate and the key in these files.
async fn start(database: &Database, certificate: &Path, key: &Path, more: &[&str]) -> Server {
    let files = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Server::start_unready_with(database, &[&files, more].concat()).await;
    while tls::call(server.address(), "GET", "/readyz", &[], None).await.status != 200 {}
    server
}

async fn start_with_first(database: &Database, more: &[&str]) -> Server {
    start(database, &tls::file("first.pem"), &tls::file("first.key"), more).await
}

async fn room(address: SocketAddr) -> u64 {
    let made = tls::call(address, "POST", "/api/chat/rooms", &[], Some(json!({"name": "general"}).to_string())).await;
    made.json(201)["id"].as_u64().unwrap()
}

#[tokio::test]
async fn calls_sockets_and_event_streams_work_over_tls() {
    let database = Database::sqlite();
    let server = start_with_first(&database, &[]).await;
    let address = server.address();
    let room = room(address).await;
    let mut alice = tls::socket(address, &format!("/ws/chat/{room}?username=Alice")).await;
    alice.expect_type("attached").await;

    let mut stream = tls::connect(address).await;
    let request = format!("GET /api/chat/rooms/{room}/events?username=Bob HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    alice.expect("Bob", |frame| frame["type"] == "join" && frame["user"] == "Bob").await;
    assert_eq!(alice.say("over TLS").await, 1);
    let mut told = Vec::new();
    let heard = async {
        while !String::from_utf8_lossy(&told).contains("over TLS") {
            assert_ne!(stream.read_buf(&mut told).await.unwrap(), 0, "it ends");
        }
    };
    timeout(DEADLINE, heard).await.expect("the event stream says nothing");

    let large = "x".repeat(4_000);
    for _ in 0..50 {
        alice.send(json!({"type": "message", "content": large})).await;
    }
    alice.expect("the last", |frame| frame["seq"] == 51 && frame["type"] == "message").await;
    let page = format!("/api/chat/rooms/{room}/messages?limit=100");
    let messages = tls::call(address, "GET", &page, &[], None).await.json(200);
    assert_eq!(messages["messages"].as_array().unwrap().len(), 51);

    let told = server.output();
    assert!(told.contains(&format!("Chat server on https://{address}\n")), "{told}");
    assert!(told.contains(&format!("wss://{address}/ws/chat/")) && !told.contains("http://"), "{told}");
    server.ask_to_stop().await;
    assert_eq!(alice.expect_close().await, Some(1001));
}

#[tokio::test]
async fn pages_of_the_server_itself_are_those_with_https() {
    let database = Database::sqlite();
    let server = start_with_first(&database, &[]).await;
    let address = server.address();
    for (scheme, status) in [("https", 201), ("http", 403)] {
        let body = json!({"name": scheme}).to_string();
        let origin = format!("{scheme}://{address}");
        let made = tls::call(address, "POST", "/api/chat/rooms", &[("origin", &origin)], Some(body)).await;
        assert_eq!(made.status, status, "{origin}");
    }
}

/// A loopback name belongs to other servers, too, which may have no TLS.
#[tokio::test]
async fn a_server_with_tls_has_browsers_come_back_by_tls() {
    let database = Database::sqlite();
    let server = start_with_first(&database, &["--allowed-host", "chat.example"]).await;
    for (host, is_told) in [("chat.example", true), ("localhost", false), ("a.localhost:8443", false)] {
        let answer = tls::call(server.address(), "GET", "/", &[("host", host)], None).await;
        assert_eq!(answer.status, 200, "{host}");
        let told = answer.header("strict-transport-security");
        assert_eq!(told, is_told.then_some("max-age=31536000"), "{host}");
    }
}

#[tokio::test]
async fn what_is_spoken_is_http_1_over_tls_1_2_or_1_3() {
    let database = Database::sqlite();
    let server = start_with_first(&database, &[]).await;
    let chosen = tls::connect_for(server.address(), &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(chosen.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(tls::connect_for(server.address(), &["h2"]).await.is_err(), "there is no HTTP/2");
    tls::connect_with_tls12(server.address()).await.unwrap();
}

#[tokio::test]
async fn a_certificate_is_replaced_while_sockets_stay() {
    let database = Database::sqlite();
    let files = [database.folder().join("cert.pem"), database.folder().join("key.pem")];
    let place = |certificate: &str, key: &str| {
        fs::copy(tls::file(certificate), &files[0]).unwrap();
        fs::copy(tls::file(key), &files[1]).unwrap();
    };
    place("first.pem", "first.key");
    let server = start(&database, &files[0], &files[1], &[]).await;
    let address = server.address();
    let room = room(address).await;
    let mut alice = tls::socket(address, &format!("/ws/chat/{room}?username=Alice")).await;
    assert_eq!(tls::shown(address).await, tls::certificate("first.pem"));

    place("second.pem", "second.key");
    assert_eq!(tls::shown(address).await, tls::certificate("first.pem"), "nobody asked for it");
    signal(server.pid(), Signal::HangUp).await.unwrap();
    server.wait_for_output("the certificate was read again", 1).await;
    assert_eq!(tls::shown(address).await, tls::certificate("second.pem"));
    assert_eq!(alice.say("still here").await, 1);

    let bad =
        [("first.pem", "second.key"), ("expired.pem", "expired.key"), ("ca.pem", "ca.pem"), ("first.key", "first.key")];
    for (times, (certificate, key)) in bad.into_iter().enumerate() {
        place(certificate, key);
        signal(server.pid(), Signal::HangUp).await.unwrap();
        server.wait_for_output("SIGHUP: the old certificate stays", times + 1).await;
        assert_eq!(tls::shown(address).await, tls::certificate("second.pem"), "{certificate} and {key}");
    }
    fs::remove_file(&files[0]).unwrap();
    signal(server.pid(), Signal::HangUp).await.unwrap();
    server.wait_for_output("cannot read", 1).await;
    assert_eq!(alice.say("and now").await, 2);
    let output = server.stop_and_read_output().await;
    assert!(output.contains("the certificate has expired, on 2020-02-01"), "{output}");
    assert!(!output.contains("PRIVATE"), "{output}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let database = Database::sqlite();
    let path = |name: &str| tls::file(name).display().to_string();
    for (certificate, key, why) in [
        ("first.pem", "second.key", "the key does not belong to the certificate"),
        ("expired.pem", "expired.key", "the certificate has expired, on 2020-02-01"),
        ("future.pem", "future.key", "not valid yet"),
        ("missing.pem", "first.key", "cannot read"),
        ("first.pem", "first.pem", "there is no private key"),
        ("first.key", "first.key", "there is no certificate"),
    ] {
        let arguments = ["--tls-cert", &path(certificate), "--tls-key", &path(key)];
        let (status, said) = Server::fail_with(&database, &arguments).await;
        assert!(status.code() == Some(WRONG) && said.contains(why), "{certificate} with {key}: {said}");
    }
    for (flag, file) in [("--tls-cert", "first.pem"), ("--tls-key", "first.key")] {
        let (status, said) = Server::fail_with(&database, &[flag, &path(file)]).await;
        assert!(status.code() == Some(WRONG) && said.contains("required"), "{flag} alone: {said}");
    }
}

#[tokio::test]
async fn what_is_not_tls_is_refused_and_others_are_served() {
    let database = Database::sqlite();
    let server = start_with_first(&database, &["--metrics-listen", "127.0.0.1:0"]).await;
    let address = server.address();
    let plain = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let garbage: Vec<u8> = (0..64_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    // A record as long as records may be, which holds no handshake that there is.
    let nonsense = [&[22, 3, 1, 0x40, 0][..], &[0xff; 0x4000]].concat();
    for bytes in [&plain[..], &garbage, &nonsense, b"\x16", b""] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may close before it has read everything.
        drop(stream.write_all(bytes).await);
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        drop(timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("it does not close"));
        assert!(!answer.starts_with(b"HTTP"), "nothing is answered without TLS");
    }
    assert_eq!(tls::call(address, "GET", "/healthz", &[], None).await.status, 200);
    let counted = async { while !counts(&server, 5).await {} };
    timeout(DEADLINE, counted).await.expect("each is counted");
}

/// Whether so many handshakes have failed.
async fn counts(server: &Server, failed: u32) -> bool {
    let text = String::from_utf8(server.metrics().await.body.to_vec()).unwrap();
    text.contains(&format!("\nchat_tls_handshakes_failed_total {failed}\n"))
}

#[tokio::test]
async fn what_other_machines_can_reach_has_tls_or_is_said_to_be_insecure() {
    let database = Database::sqlite();
    for arguments in [&["--listen", "0.0.0.0:0"][..], &["--listen", "[::]:0"], &["--metrics-listen", "0.0.0.0:0"]] {
        let (status, said) = Server::fail_with(&database, arguments).await;
        assert!(status.code() == Some(WRONG) && said.contains("--insecure"), "{arguments:?}: {said}");
    }
    let insecure = ["--listen", "0.0.0.0:0", "--metrics-listen", "0.0.0.0:0", "--insecure", "--guests"];
    Server::start_with(&database, &insecure).await.stop().await;
    let server = start_with_first(&database, &["--listen", "0.0.0.0:0", "--guests"]).await;
    assert_eq!(tls::call(server.address(), "GET", "/api/chat/rooms", &[], None).await.status, 200);
}

#[tokio::test]
async fn the_public_url_is_told_at_the_start() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--public-url", "https://chat.example"]).await;
    let (address, told) = (server.address(), server.output());
    for line in [
        format!("Chat server on http://{address}"),
        "documentation  https://chat.example/docs".to_owned(),
        "wss://chat.example/ws/chat/{room_id}?username=…".to_owned(),
    ] {
        assert!(told.contains(&line), "{line}: {told}");
    }
}
