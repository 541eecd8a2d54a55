//! Slow, silent or greedy clients harm only themselves.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::common::{DEADLINE, Database, Server};

#[tokio::test]
async fn a_thousand_half_sent_requests_stop_nobody() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut halves = Vec::new();
    for number in 0..1_000 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // Half of them stop within the headers, the others within the body.
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
async fn who_asks_is_known_before_a_body_is_read() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    for (username, status) in [("", 401), ("?username=%E2%80%8B", 400)] {
        // The body never comes.
        let head = format!(
            "POST /api/chat/rooms/{room}/messages{username} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: 200000\r\n\r\n",
            server.address()
        );
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        timeout(DEADLINE / 2, stream.read_exact(&mut start)).await.expect("it waits for the body").unwrap();
        assert_eq!(String::from_utf8_lossy(&start), format!("HTTP/1.1 {status}"));
    }
}

#[tokio::test]
async fn what_is_never_finished_is_held_only_up_to_a_budget() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut alice = server.join(room, "Alice").await;
    let before = resident(server.pid());
    let (mut held, mut refused) = (Vec::new(), 0);
    for number in 0..300 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let half = vec![b' '; 200 << 10];
        let (head, first) = if number % 2 == 0 {
            let path = format!("POST /api/chat/rooms/{room}/messages?username=Bob");
            let head = "Content-Type: application/json\r\nContent-Length: 250000\r\n";
            (format!("{path} HTTP/1.1\r\nHost: {}\r\n{head}\r\n", server.address()), Vec::new())
        } else {
            let head = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
            let path = format!("GET /ws/chat?username=Bob HTTP/1.1\r\nHost: {}\r\n{head}\r\n", server.address());
            // The head of a text of 250,000 bytes, with a mask of zeros.
            (path, [&[0x81, 0xff][..], &250_000_u64.to_be_bytes(), &[0; 4]].concat())
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        if number % 2 == 1 {
            let mut upgraded = [0; 12];
            stream.read_exact(&mut upgraded).await.unwrap();
            assert_eq!(&upgraded, b"HTTP/1.1 101");
        }
        // A client that is refused meanwhile accepts no more.
        let taken = stream.write_all(&[first, half].concat()).await;
        refused += usize::from(taken.is_err());
        held.push(stream);
    }
    assert!(alice.say("still here").await > 0);
    let grown = resident(server.pid()).saturating_sub(before);
    assert!(grown < 96 << 20, "{} MiB for what is not finished", grown >> 20);
    // The last clients were refused.
    let mut told = 0;
    for mut stream in held {
        let mut said = [0; 1 << 10];
        if let Ok(Ok(read)) = timeout(std::time::Duration::from_millis(20), stream.read(&mut said)).await {
            let said = &said[..read];
            let is_503 = said.starts_with(b"HTTP/1.1 503");
            told += usize::from(is_503 || said.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == [0x03, 0xf5]));
        }
    }
    assert!(told > 50, "{told} were told, {refused} could not even send");
}

/// How much memory a process has, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
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
    // The kernel decides how much it buffers for a client that does not read, so messages are sent until the last is
    // disconnected.
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

/// How many sessions were disconnected for reading too slowly.
async fn lagged(server: &Server) -> u64 {
    let metrics = server.metrics().await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    let line = text.lines().find(|line| line.starts_with("chat_sessions_closed_total{reason=\"lagged\"}"));
    line.and_then(|line| line.rsplit_once(' ')).map_or(0, |(_, count)| count.parse().unwrap())
}
