//! Clients that are slow, silent or greedy: they harm themselves.

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::common::{Database, Server};

#[tokio::test]
async fn a_thousand_half_sent_requests_stop_nobody() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut halves = Vec::new();
    for number in 0..1_000 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // Half of them stop in their headers, the others in their bodies.
        let half = match number % 2 {
            0 => "GET /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
            _ => {
                "POST /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            }
        };
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    let mut alice = server.join(room, "Alice").await;
    for number in 1..=20 {
        assert_eq!(server.say(room, "Bob", "hello").await, number);
        assert_eq!(alice.event().await["seq"], json!(number));
    }
    drop(halves);
}

#[tokio::test]
async fn who_never_reads_is_cut_as_lagged_and_nobody_waits() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--metrics-listen", "127.0.0.1:0"]).await;
    let room = server.room("general").await;
    let mut stuck = Vec::new();
    for number in 0..5 {
        stuck.push(server.join(room, &format!("Stuck{number}")).await);
    }
    let mut alice = server.join(room, "Alice").await;
    let text = "x".repeat(4_000);
    let mut sent = 0;
    // What the kernel takes for a client that does not read is its own business: so many until the last is cut.
    while lagged(&server).await < 5 {
        for _ in 0..50 {
            sent = server.say(room, "Bob", &text).await;
            assert_eq!(alice.event().await["seq"], json!(sent));
        }
        assert!(sent < 5_000, "20 MB wait for clients that do not read");
    }
    for mut socket in stuck {
        let code = socket.expect_close().await;
        assert!(matches!(code, Some(4560) | None), "a reason, unless it did not get through: {code:?}");
    }
    assert_eq!(alice.say("still here").await, sent + 1);
}

/// How many sessions were cut because they read too slowly.
async fn lagged(server: &Server) -> u64 {
    let metrics = server.metrics().await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    let line = text.lines().find(|line| line.starts_with("chat_sessions_closed_total{reason=\"lagged\"}"));
    line.and_then(|line| line.rsplit_once(' ')).map_or(0, |(_, count)| count.parse().unwrap())
}
