//! Misbehaving clients: they appear nowhere in the log at level info.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::common::{Database, Server, Socket};

#[tokio::test]
async fn r52_clients_cannot_write_into_the_log() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    // A refused origin is logged once, so that the operator can allow it.
    refused_origin(&server).await;
    server.wait_for_output("a web page was refused", 1).await;
    let before = server.output();

    positions_that_cannot_be_right(&server, room).await;
    frames_that_are_none(&server, room).await;
    requests_that_are_none(&server, room).await;

    assert_eq!(server.output(), before);
    let stopped = server.stop_and_read_output().await;
    assert!(stopped.len() - before.len() < 1_000, "{stopped}");
}

/// Whatever clients send, each line is one record that a program can read, also at the finest level, and in text no line begins
/// but with its time.
#[tokio::test]
async fn r52_each_line_of_the_log_is_one_record() {
    for format in ["json", "text"] {
        let database = Database::sqlite();
        let server = Server::start_under(&database, [("RUST_LOG", "trace"), ("CHATD_LOG_FORMAT", format)]).await;
        let room = server.room("general").await;
        say_what_looks_like_a_log(&server, room).await;
        positions_that_cannot_be_right_once(&server, room).await;
        let log = server.stop_and_read_output().await;
        for heard in ["a web page was refused", "FORGED", "a client's position cannot be right", "stopped"] {
            assert!(log.contains(heard), "there is no {heard} in {log}");
        }
        // Four lines for people go to standard output.
        let is_for_people =
            |line: &&str| ["Chat server on ", "  ", "Guests may"].iter().any(|start| line.starts_with(start));
        let (for_people, lines): (Vec<_>, Vec<_>) = log.lines().partition(is_for_people);
        assert_eq!(for_people.len(), 4, "{for_people:?}");
        for line in lines {
            assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}')), "{line:?}");
            if format == "json" {
                let record: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                assert!(record["timestamp"].is_string() && record["level"] != "FORGED", "{line}");
            } else {
                assert!(line.starts_with("20") && line.as_bytes().get(10) == Some(&b'T'), "{line:?}");
            }
        }
    }
}

const FORGED: &str = "x\r\n{\"timestamp\":\"2026\",\"level\":\"FORGED\"}\r\n\u{1b}[2J\u{202e}\u{2028}\u{9b}";

async fn say_what_looks_like_a_log(server: &Server, room: u64) {
    let encoded: String = FORGED.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for path in [
        format!("/rooms?q={encoded}&username={encoded}"),
        format!("/rooms/{encoded}"),
        format!("/rooms/{room}/messages/1/reactions/{encoded}?username=Mallory"),
        format!("/search?q={encoded}"),
        format!("/{encoded}"),
    ] {
        let headers =
            [("user-agent", "x\t{\"level\":\"FORGED\"}"), ("referer", "\u{e9}\u{202e}"), ("origin", "\"}\t{\u{9b}")];
        for method in ["GET", "PUT"] {
            server.call(method, &path, &headers, None).await;
        }
    }
    for name in [FORGED, "{\"level\":\"FORGED\"}", "ERROR all is lost", "2026-11-22T00:00:00Z ERROR"] {
        server.post("/rooms", json!({"name": name, "topic": name})).await;
        let said = json!({"content": name, "mentions": [name], "meta": {name: name}});
        server.post(&format!("/rooms/{room}/messages?username=Mallory"), said).await;
    }
    let mut mallory = server.socket("?username=%7B%22level%22%3A%22FORGED%22%7D").await;
    for frame in [json!({"type": FORGED, "ref": FORGED}), json!({"type": "attach", "room": room, FORGED: FORGED})] {
        mallory.try_send(frame).await;
    }
    mallory.close().await;
}

async fn positions_that_cannot_be_right_once(server: &Server, room: u64) {
    let mut mallory = server.socket("?username=Mallory").await;
    mallory.send(json!({"type": "attach", "room": room, "after": {"epoch": "e\n\u{1b}\u{202e}", "seq": 9}})).await;
    mallory.expect_type("resync").await;
}

async fn positions_that_cannot_be_right(server: &Server, room: u64) {
    let mut mallory = server.socket("?username=Mallory").await;
    for _ in 0..100 {
        for seq in 0..50 {
            let after = json!({"epoch": "of another history", "seq": seq});
            mallory.send(json!({"type": "attach", "room": room, "after": after})).await;
            mallory.send(json!({"type": "detach", "room": room})).await;
        }
        let heard = mallory.so_far().await;
        assert!(heard.iter().any(|frame| frame["type"] == "resync"), "{heard:?}");
    }
    for _ in 0..100 {
        drop(server.socket(&format!("/{room}?username=Mallory&after=9&epoch=another")).await);
    }
}

async fn frames_that_are_none(server: &Server, room: u64) {
    let hostile = "\u{1b}[31m\n2026-11-22T00:00:00Z ERROR all is lost\u{202e}";
    for _ in 0..100 {
        let mut mallory = server.socket(&format!("/{room}?username=Mallory")).await;
        for _ in 0..5 {
            mallory.try_send(json!({"type": hostile})).await;
        }
        assert_eq!(mallory.expect_close().await, Some(4400));
        let mut nobody = server.socket("/nowhere?username=Mallory").await;
        assert_eq!(nobody.expect_close().await, Some(4400));
        refused_origin(server).await;
    }
}

async fn refused_origin(server: &Server) {
    let evil = [("origin", "http://evil.example")];
    assert!(Socket::try_connect(server.address(), "/ws/chat?username=Mallory", &evil).await.is_err());
}

async fn requests_that_are_none(server: &Server, room: u64) {
    let requests = [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "BREW /%1b%5b31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        format!(
            "GET /api/chat/rooms/{room}/messages?limit=%0a%0dERROR HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ),
        "GET /api/chat/rooms?secret=s3cret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(20 << 10)),
        "POST /api/chat/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_owned(),
        "POST /api/chat/rooms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n".to_owned(),
    ];
    for _ in 0..20 {
        for request in &requests {
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = Vec::new();
            // A reset is an acceptable answer.
            let _ended = stream.read_to_end(&mut answer).await;
        }
    }
}
