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
