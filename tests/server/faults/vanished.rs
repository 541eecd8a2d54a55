//! The network to the clients vanishes, and neither end is told.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use torture::fault::{FaultError, network::Network};

use crate::common::{Database, Server, Socket};

/// 30 s until it is noticed, the grace of 10 s, and the rest for a busy machine.
const GONE_WITHIN: Duration = Duration::from_secs(43);

#[tokio::test]
#[ignore = "needs root and the program ip: cargo xtask test"]
async fn users_whose_network_vanishes_are_offline_after_30_s_and_the_grace_on_every_transport() {
    let network = match Network::make().await {
        Ok(network) => network,
        Err(FaultError::Impossible(why)) => return eprintln!("left out: {why}"),
        Err(error) => panic!("{error}"),
    };
    let _inside = network.enter().unwrap();
    let database = Database::sqlite();
    let server = Server::start_at(&database, SocketAddr::new(Network::NEAR, 0)).await;
    let (quiet, busy) = (server.room("quiet").await, server.room("busy").await);

    let _bob = stream(TcpStream::connect(server.address()).await.unwrap(), quiet, "Bob").await;
    let mut slow = stream(with_small_buffer(server.address()).await, busy, "Slow").await;
    let connect = || async { network.connect(server.address()).await.unwrap() };
    let _streams =
        [stream(connect().await, quiet, "on-a-stream").await, stream(connect().await, busy, "on-a-busy-stream").await];
    let mut one = socket(connect().await, &server, &format!("/{quiet}?username=on-a-socket")).await;
    one.expect_type("attached").await;
    let mut many = socket(connect().await, &server, "?username=on-a-socket-of-many-rooms").await;
    for room in [quiet, busy] {
        let attached = many.ask(json!({"type": "attach", "room": room})).await;
        assert_eq!(attached["type"], "attached", "{attached}");
    }
    // A slow reader acknowledges what comes, although its buffer is full for seconds.
    let reading = tokio::spawn(async move {
        let mut some = [0; 400];
        while slow.read(&mut some).await.unwrap() > 0 {
            sleep(Duration::from_secs(1)).await;
        }
    });

    for (room, count) in [(quiet, 4), (busy, 3)] {
        assert_eq!(server.get(&format!("/rooms/{room}/presence")).await.json(200)["count"], count);
    }
    network.vanish(true).await.unwrap();
    let vanished = Instant::now();
    let both_rooms = [(quiet, json!(["Bob"])), (busy, json!(["Slow"]))];
    for (room, left) in both_rooms {
        while server.get(&format!("/rooms/{room}/presence")).await.json(200)["users"] != left {
            assert!(vanished.elapsed() < GONE_WITHIN, "{:?}", server.get(&format!("/rooms/{room}/presence")).await);
            server.say(busy, "Host", &"x".repeat(300)).await;
            sleep(Duration::from_millis(500)).await;
        }
        eprintln!("offline after {:?}", vanished.elapsed());
    }
    assert!(!reading.is_finished(), "who reads slowly was cut");
    drop((one, many));
}

/// Opens an event stream, and waits until it is attached.
async fn stream(mut connection: TcpStream, room: u64, user: &str) -> TcpStream {
    let request = format!("GET /api/chat/rooms/{room}/events?username={user} HTTP/1.1\r\nHost: 10.77.1.1\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    let attached = async {
        while !heard.contains("user_list") {
            let mut some = [0; 1 << 10];
            let read = connection.read(&mut some).await.unwrap();
            assert!(read > 0, "{heard}");
            heard += std::str::from_utf8(&some[..read]).unwrap();
        }
    };
    timeout(crate::common::DEADLINE, attached).await.expect("it is not attached");
    connection
}

async fn socket(connection: TcpStream, server: &Server, path: &str) -> Socket {
    let request = format!("ws://{}/ws/chat{path}", server.address()).into_client_request().unwrap();
    Socket::over(connection, request).await.unwrap()
}

async fn with_small_buffer(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2 << 10).unwrap();
    socket.connect(address).await.unwrap()
}
