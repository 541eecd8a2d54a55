//! How much may come from one address, over each transport, directly and through a proxy.

use std::net::SocketAddr;

use chat_core::{AddressLimits, ChatEngine, Limits, Rate};
use chat_http::{Guests, Listener, TrustedProxy, site};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Duration, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, client_async, tungstenite::client::IntoClientRequest};

use crate::common::{
    engine_with,
    http::{EventSource, request},
    socket::{Server, Socket},
};

/// Far longer than anything takes: a test that waits this long fails.
const TOO_LONG: Duration = Duration::from_secs(20);

async fn engine_where(change: impl FnOnce(&mut AddressLimits)) -> ChatEngine {
    let mut limits = Limits::default();
    change(&mut limits.addresses);
    engine_with(limits).await
}

/// A server that believes this machine's first address.
async fn behind_a_proxy(change: impl FnOnce(&mut AddressLimits)) -> Server {
    let proxy: TrustedProxy = "127.0.0.1".parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let engine = engine_where(change).await;
    Server::start_on(addr, Listener::from(listener).trust([proxy]), engine.clone(), site(engine, Guests))
}

/// A connection from another address of this machine.
async fn connect(server: &Server, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(server.addr).await.unwrap()
}

/// A socket over this connection, with this header of a proxy.
async fn socket(server: &Server, stream: TcpStream, forwarded_for: Option<&str>) -> Socket {
    let mut request = format!("ws://{}/ws/chat?username=Alice", server.addr).into_client_request().unwrap();
    if let Some(client) = forwarded_for {
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    }
    Socket(client_async(request, MaybeTlsStream::Plain(stream)).await.unwrap().0)
}

/// The answer to a request over this connection, as text: until it is whole, or the connection ends.
async fn ask(stream: &mut TcpStream, headers: &str) -> String {
    let request = format!("GET /api/chat/rooms?username=Alice HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = async { while !answer.ends_with(b"}") && stream.read_buf(&mut answer).await.unwrap() > 0 {} };
    timeout(TOO_LONG, reading).await.expect("an answer in time");
    String::from_utf8(answer).unwrap()
}

async fn ends(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // It may be reset.
    let _ended = timeout(TOO_LONG, stream.read_to_end(&mut rest)).await.expect("an end in time");
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

fn assert_refused(problem: &Value, seconds: u64) {
    assert_eq!(problem["code"], "rate_limited", "{problem}");
    let wait = problem["retry_after_ms"].as_u64().unwrap();
    assert!((seconds - 1) * 1_000 < wait && wait <= seconds * 1_000, "{problem}");
}

#[tokio::test]
async fn w33_too_many_connections_from_an_address_are_told_so_on_each_transport() {
    let server = Server::start(engine_where(|limits| limits.connections = Some(3)).await).await;
    let room = server.room("general").await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = socket(&server, connect(&server, 1).await, None).await;
        assert_eq!(socket.next().await["type"], "hello");
        sockets.push(socket);
    }
    let mut one_more = socket(&server, connect(&server, 1).await, None).await;
    assert_eq!(one_more.close().await.0, 1013);
    for path in ["/api/chat/rooms".to_owned(), format!("/api/chat/rooms/{room}/events"), "/".to_owned()] {
        let (head, problem) = request(server.addr, "GET", &format!("{path}?username=Alice"), "", None).await;
        assert_eq!((head.status, head.header("retry-after")), (429, Some("5")), "{path}");
        assert_refused(&problem, 5);
    }
    assert_eq!(request(server.addr, "GET", "/healthz", "", None).await.0.status, 200, "monitoring is told");
    // Who is told so has to come back with another connection.
    let mut stream = connect(&server, 1).await;
    let answer = ask(&mut stream, "").await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    ends(&mut stream).await;
    // Others do not notice, and a place that becomes free is given again.
    assert!(ask(&mut connect(&server, 2).await, "").await.starts_with("HTTP/1.1 200 "));
    drop(sockets.pop());
    let comes_in = async { while !ask(&mut connect(&server, 1).await, "").await.starts_with("HTTP/1.1 200 ") {} };
    timeout(TOO_LONG, comes_in).await.expect("a free place");
}

#[tokio::test]
async fn w33_connections_that_say_nothing_count_and_those_far_above_the_limit_are_closed() {
    let server = Server::start(engine_where(|limits| limits.connections = Some(3)).await).await;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(connect(&server, 1).await);
    }
    for _ in 0..10 {
        ends(&mut connect(&server, 1).await).await;
    }
    assert!(ask(&mut connect(&server, 2).await, "").await.starts_with("HTTP/1.1 200 "));
    // The first three are served.
    for (number, stream) in silent.iter_mut().enumerate() {
        let status = if number < 3 { "HTTP/1.1 200 " } else { "HTTP/1.1 429 " };
        let answer = ask(stream, "").await;
        assert!(answer.starts_with(status), "{number}: {answer}");
    }
}

#[tokio::test]
async fn w33_connections_that_come_too_fast_are_told_when_to_come_back() {
    let rate = Rate { per_second: 0.1, burst: 2 };
    let server = Server::start(engine_where(|limits| limits.connecting = Some(rate)).await).await;
    let mut first = connect(&server, 1).await;
    for _ in 0..5 {
        assert!(ask(&mut first, "").await.starts_with("HTTP/1.1 200 "), "requests are not connections");
    }
    assert_eq!(request(server.addr, "GET", "/api/chat/rooms?username=Alice", "", None).await.0.status, 200);
    let (head, problem) = request(server.addr, "GET", "/api/chat/rooms?username=Alice", "", None).await;
    assert_eq!((head.status, head.header("retry-after")), (429, Some("10")));
    assert_refused(&problem, 10);
    let mut socket = socket(&server, connect(&server, 1).await, None).await;
    assert_eq!(socket.close().await.0, 1013);
    assert!(ask(&mut connect(&server, 2).await, "").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn r46_behind_a_trusted_proxy_each_client_has_an_address_of_its_own() {
    let server = behind_a_proxy(|limits| limits.connections = Some(1)).await;
    let mut ada = socket(&server, connect(&server, 1).await, Some("203.0.113.1")).await;
    assert_eq!(ada.next().await["type"], "hello");
    for client in ["203.0.113.1", "198.51.100.7, 203.0.113.1", "::ffff:203.0.113.1"] {
        let mut more = socket(&server, connect(&server, 1).await, Some(client)).await;
        assert_eq!(more.close().await.0, 1013, "{client}");
    }
    // One connection of the proxy carries the requests of many.
    let mut proxy = connect(&server, 1).await;
    let forwarded = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    for (client, status) in [
        ("203.0.113.1", "429"),
        ("203.0.113.2", "200"),
        ("203.0.113.1, 203.0.113.2", "200"),
        ("203.0.113.2, 203.0.113.1", "429"),
        ("2001:db8::1", "200"),
        ("203.0.113.3", "200"),
    ] {
        let answer = ask(&mut proxy, &forwarded(client)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{client}: {answer}");
        assert!(!answer.contains("connection: close"), "the others go on: {answer}");
    }
    let mut bob = socket(&server, connect(&server, 1).await, Some("2001:db8::1")).await;
    assert_eq!(bob.next().await["type"], "hello");
    let mut neighbour = socket(&server, connect(&server, 1).await, Some("2001:db8::2")).await;
    assert_eq!(neighbour.close().await.0, 1013, "a /64 is one subscriber");
}

#[tokio::test]
async fn r46_who_is_no_trusted_proxy_is_not_believed() {
    let server = behind_a_proxy(|limits| limits.connections = Some(1)).await;
    let mut ada = socket(&server, connect(&server, 2).await, Some("203.0.113.1")).await;
    assert_eq!(ada.next().await["type"], "hello");
    for number in 0..100 {
        let answer = ask(&mut connect(&server, 2).await, &format!("X-Forwarded-For: 203.0.113.{number}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    }
    // Nor does it take anything from whom it names.
    let mut stream = connect(&server, 1).await;
    assert!(ask(&mut stream, "X-Forwarded-For: 203.0.113.1\r\n").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn behind_a_proxy_a_stream_counts_as_long_as_it_lasts() {
    let server = behind_a_proxy(|limits| {
        limits.connections = Some(1);
        limits.connecting = Some(Rate { per_second: 0.001, burst: 2 });
    })
    .await;
    let room = server.room("general").await;
    let (path, forwarded) =
        (format!("/api/chat/rooms/{room}/events?username=Alice"), "X-Forwarded-For: 203.0.113.1\r\n");
    let (head, stream) = EventSource::open(server.addr, &path, forwarded).await;
    assert_eq!(head.status, 200);
    let (head, _) = EventSource::open(server.addr, &path, forwarded).await;
    assert_eq!((head.status, head.header("retry-after")), (429, Some("5")));
    drop(stream);
    let ask = async || request(server.addr, "GET", "/api/chat/rooms?username=Alice", forwarded, None).await.0.status;
    let becomes_free = async { while ask().await != 200 {} };
    timeout(TOO_LONG, becomes_free).await.expect("a free place");
    assert_eq!(ask().await, 200, "requests do not count towards the rate");
    let (head, _) = EventSource::open(server.addr, &path, forwarded).await;
    assert_eq!((head.status, head.header("retry-after")), (429, Some("1000")), "it is the third");
    let (head, _) = EventSource::open(server.addr, &path, "X-Forwarded-For: 203.0.113.2\r\n").await;
    assert_eq!(head.status, 200);
}
