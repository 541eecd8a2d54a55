//! Opening handshakes, as bytes over real connections.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::server;
use crate::common::socket::Server;

const UPGRADE: &str = "Upgrade: websocket\r\n";
const CONNECTION: &str = "Connection: Upgrade\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The head of the answer, in lower case, and what follows it if it is a refusal.
async fn answer(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let is_whole = |answer: &[u8]| {
        let end: &[u8] = if answer.starts_with(b"HTTP/1.1 101") { b"\r\n\r\n" } else { b"}" };
        answer.ends_with(end)
    };
    while !is_whole(&answer) {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap().to_lowercase()
}

async fn shake(server: &Server, path: &str, headers: &[&str]) -> String {
    answer(server, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", headers.concat())).await
}

const PATH: &str = "/ws/chat?username=Alice";

#[tokio::test]
async fn w2_what_a_handshake_lacks_is_named() {
    let server = server().await;
    let eight = "Sec-WebSocket-Version: 8\r\n";
    let twice = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for (headers, status, field) in [
        (&[UPGRADE, CONNECTION, VERSION][..], 400, "sec-websocket-key"),
        (&[UPGRADE, CONNECTION, VERSION, "Sec-WebSocket-Key: eA==\r\n"], 400, "sec-websocket-key"),
        (&[UPGRADE, CONNECTION, VERSION, KEY, twice], 400, "sec-websocket-key"),
        (&[UPGRADE, CONNECTION, KEY], 426, "sec-websocket-version"),
        (&[UPGRADE, CONNECTION, KEY, eight], 426, "sec-websocket-version"),
        (&[UPGRADE, CONNECTION, KEY, VERSION, eight], 426, "sec-websocket-version"),
        (&[UPGRADE, VERSION, KEY], 400, "connection"),
        (&[UPGRADE, "Connection: close\r\n", VERSION, KEY], 400, "connection"),
        (&[CONNECTION, VERSION, KEY], 400, "upgrade"),
        (&["Upgrade: h2c\r\n", CONNECTION, VERSION, KEY], 400, "upgrade"),
        (&[], 400, "upgrade"),
    ] {
        let answer = shake(&server, PATH, headers).await;
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{headers:?}: {answer}");
        assert!(answer.contains("\"code\":\"invalid_field\""), "{headers:?}: {answer}");
        assert!(answer.contains(&format!("\"field\":\"{field}\"")), "{headers:?}: {answer}");
        assert_eq!(answer.contains("\r\nsec-websocket-version: 13\r\n"), status == 426, "{headers:?}: {answer}");
    }
    let post = format!("POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{CONNECTION}{VERSION}{KEY}\r\n");
    let answer = answer(&server, &post).await;
    assert!(answer.starts_with("http/1.1 405 ") && answer.contains("\r\nallow: get\r\n"), "{answer}");
}

#[tokio::test]
async fn w3_the_words_of_a_handshake_may_be_in_capitals() {
    let server = server().await;
    for (upgrade, connection) in [
        ("Upgrade: WEBSOCKET\r\n", "Connection: UPGRADE\r\n"),
        ("Upgrade: h2c, WebSocket\r\n", "Connection: keep-alive, Upgrade\r\n"),
        (UPGRADE, "Connection: keep-alive\r\nConnection: upgrade\r\n"),
    ] {
        let answer = shake(&server, PATH, &[upgrade, connection, VERSION, KEY]).await;
        assert!(answer.starts_with("http/1.1 101 "), "{upgrade}: {answer}");
        // The answer to the key of RFC 6455, section 1.3.
        assert!(answer.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    }
}

/// A protocol that the server does not know is not chosen; then browsers close by themselves (RFC 6455, section 4.1).
#[tokio::test]
async fn w4_w5_no_unknown_protocol_and_no_extension_is_chosen() {
    let server = server().await;
    for (offered, is_chosen) in [
        ("", false),
        ("Sec-WebSocket-Protocol: mqtt\r\n", false),
        ("Sec-WebSocket-Protocol: chat2, xchat, CHAT.v9\r\n", false),
        ("Sec-WebSocket-Protocol: mqtt, chat\r\n", true),
        ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", false),
        ("Sec-WebSocket-Extensions: permessage-deflate, x-webkit-deflate-frame, bbf-usp\r\n", false),
    ] {
        let answer = shake(&server, PATH, &[UPGRADE, CONNECTION, VERSION, KEY, offered]).await;
        assert!(answer.starts_with("http/1.1 101 "), "{offered}: {answer}");
        assert!(!answer.contains("sec-websocket-extensions"), "{offered}: {answer}");
        assert_eq!(answer.contains("\r\nsec-websocket-protocol: chat\r\n"), is_chosen, "{offered}: {answer}");
        assert_eq!(answer.contains("sec-websocket-protocol"), is_chosen, "{offered}: {answer}");
    }
}

#[tokio::test]
async fn w6_there_is_no_connect() {
    let server = server().await;
    let headers = format!("Host: localhost\r\n:protocol: websocket\r\n{VERSION}");
    let answer = answer(&server, &format!("CONNECT {PATH} HTTP/1.1\r\n{headers}\r\n")).await;
    assert!(answer.starts_with("http/1.1 400 "), "{answer}");
    let plain = format!("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{CONNECTION}{VERSION}{KEY}\r\n");
    let answer = self::answer(&server, &plain).await;
    assert!(answer.starts_with("http/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn w36_a_long_address_is_refused_before_it_is_whole() {
    let server = server().await;
    let path = format!("{PATH}&x={}", "y".repeat(1_000_000));
    let answer = shake(&server, &path, &[UPGRADE, CONNECTION, VERSION, KEY]).await;
    assert!(answer.starts_with("http/1.1 414 "), "{answer}");
}
