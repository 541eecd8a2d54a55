//! Requests that are no well-formed HTTP, as bytes over real connections.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::common::{engine, socket::Server};

/// The server's answer to these bytes, until it closes the connection or has sent one whole answer.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    // The server may close before all is written.
    let _written = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = async {
        while let Ok(byte) = stream.read_u8().await {
            answer.push(byte);
            if answer.ends_with(b"}") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("an answer or an end");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn r8_who_asks_first_is_told_before_sending() {
    let server = Server::start(engine().await).await;
    let head = "POST /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let answer = raw(&server, format!("{head}Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("too_large"), "{answer}");
    let answer = raw(&server, format!("{head}Content-Length: 3000000\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn r10_lengths_that_contradict_each_other() {
    let server = Server::start(engine().await).await;
    let head = "POST /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    for lengths in ["Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: -1\r\n", "Content-Length: x\r\n"] {
        let answer = raw(&server, format!("{head}{lengths}\r\n{{}}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
    }
}

/// What is left of a body that is longer than its length is no request, and ends the connection.
#[tokio::test]
async fn r10_nothing_is_made_of_what_a_body_leaves_over() {
    let server = Server::start(engine().await).await;
    let head = "POST /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (request, statuses) in [
        (format!("{head}Content-Length: 5\r\n\r\n{{\"name\":\"a\"}}{next}"), "400 400"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}x\r\n0\r\n\r\n{next}"), "400"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n-2\r\n{{}}\r\n0\r\n\r\n{next}"), "400"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n{}\r\n{{}}\r\n0\r\n\r\n{next}", "f".repeat(17)), "400"),
    ] {
        let answer = conversation(&server, request.as_bytes(), 1 << 20).await;
        assert_eq!(statuses_of(&answer), statuses, "{request:?}: {answer}");
    }
    let rooms = raw(&server, b"GET /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(rooms.contains("\"rooms\":[]"), "nothing was made: {rooms}");
}

#[tokio::test]
async fn r14_r15_r16_odd_requests() {
    let server = Server::start(engine().await).await;
    let many = (0..200).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let ask = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Secret: 1\r\n\r\n");
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "y".repeat(17 << 10)), "431"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "y".repeat(1_000_000)), "431"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}: y\r\n\r\n", "x".repeat(1_000_000)), "431"),
        (get(&format!("/{}", "x".repeat(20 << 10))), "414"),
        (get(&format!("/api/chat/rooms?q={}", "x".repeat(1_000_000))), "414"),
        (get("/api/chat/rooms/%zz"), "400"),
        (get("/api/chat/rooms/%00"), "400"),
        (get("/api/chat/rooms/%"), "400"),
        (get("/api/chat/rooms/%ff"), "400"),
        (get("/%00"), "404"),
        (get("/%2e%2e/%2e%2e/etc/passwd"), "404"),
        (get("/../../etc/passwd"), "404"),
        (get("/docs/..%2f..%2fetc%2fpasswd"), "404"),
        (get("/docs/%5c..%5c"), "404"),
        (get("//api/chat/rooms"), "404"),
        (get("http://localhost/api/chat/rooms"), "200"),
        (ask("CONNECT", "localhost:80"), "405"),
        (ask("OPTIONS", "*"), "405"),
        (ask("TRACE", "/docs"), "405"),
        (ask("TRACE", "/api/chat/rooms"), "405"),
        (ask("BREW", "/api/chat/rooms"), "405"),
        (ask("get", "/api/chat/rooms"), "405"),
        (ask("PROPFIND", "/"), "405"),
        (ask(&"X".repeat(1_000), "/"), "405"),
        (ask("GE(T", "/"), "400"),
    ] {
        let answer = raw(&server, request.as_bytes()).await;
        let start = &request[..request.len().min(60)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{start}: {answer}");
        assert_eq!(answer.to_lowercase().contains("\r\nallow: "), status == "405", "{start}: {answer}");
        assert!(!answer.contains("X-Secret") && !answer.contains("root:"), "{start}: {answer}");
    }
}

/// HTTP/2 is not spoken, so there is nothing to reset rapidly and nothing to continue for ever.
#[tokio::test]
async fn r17_http_2_is_not_spoken() {
    let server = Server::start(engine().await).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let resets = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08".repeat(10_000);
    let answer = raw(&server, &[preface, resets].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"bad_request\""), "{answer}");
    let headers = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let answer =
        raw(&server, format!("GET /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = answer.to_lowercase();
    assert!(!answer.contains("\r\nupgrade:") && !answer.contains("\r\nalt-svc:"), "{answer}");
}

/// What two servers might read as different requests is refused.
#[tokio::test]
async fn what_is_no_http_is_refused_with_a_problem() {
    let server = Server::start(engine().await).await;
    let post = "POST /api/chat/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let socket = "GET /ws/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    for (request, status, what) in [
        ("GET / HTTP/1.1\nHost: localhost\n\n".to_owned(), 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: localhost\n\r\n".to_owned(), 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n".to_owned(), 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n".to_owned(), 400, "bad_request"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400, "bad_request"),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), 400, "bad_request"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "Host"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n".to_owned(), 400, "Host"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), 400, "Host"),
        (format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, "Transfer-Encoding"),
        (format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), 400, "Transfer-Encoding"),
        (format!("{post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}"), 400, "Content-Length"),
        (format!("{post}Expect: the-unexpected\r\nContent-Length: 2\r\n\r\n{{}}"), 417, "Expect"),
        (format!("{socket}Content-Length: 2\r\n\r\n{{}}"), 400, "Upgrade"),
        (format!("{socket}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, "Upgrade"),
    ] {
        let answer = raw(&server, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer}");
        let lower = answer.to_lowercase();
        for header in ["connection: close", "content-type: application/problem+json", "cache-control: no-store"] {
            assert!(lower.contains(header), "{request:?}: {answer}");
        }
        assert!(answer.contains(&format!("\"{what}\"")), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn http_1_0_needs_no_host_and_expects_nothing() {
    let server = Server::start(engine().await).await;
    for lines in ["", "Expect: x\r\n", "Host: localhost\r\n"] {
        let answer = raw(&server, format!("GET /api/chat/rooms HTTP/1.0\r\n{lines}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.0 200"), "{lines}: {answer}");
    }
    let answer = raw(&server, b"GET /api/chat/rooms HTTP/1.0\r\nHost: evil.example\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 421"), "{answer}");
}

/// Everything that the server answers to these bytes, sent in pieces of this size, until it closes the connection.
async fn conversation(server: &Server, bytes: &[u8], piece: usize) -> String {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    let writing = async {
        for part in bytes.chunks(piece) {
            writer.write_all(part).await.unwrap();
        }
    };
    let both = async { tokio::join!(writing, reader.read_to_end(&mut answer)) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("an end").1.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The statuses of these answers. (A problem may speak of HTTP/1.1, too.)
fn statuses_of(answers: &str) -> String {
    let starts = answers.split("HTTP/1.1 ").skip(1).filter_map(|line| line.get(..3));
    let statuses = starts.filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()));
    statuses.collect::<Vec<_>>().join(" ")
}

/// Bodies of both kinds pass through, answers come in order, and the first malformed request is the last.
#[tokio::test]
async fn requests_in_a_row_are_answered_in_order_up_to_the_first_bad_one() {
    let server = Server::start(engine().await).await;
    let json = "Host: localhost\r\nContent-Type: application/json\r\n";
    let good = format!(
        "POST /api/chat/rooms HTTP/1.1\r\n{json}Content-Length: 14\r\n\r\n{{\"name\": \"a\"}} \r\n\
         POST /api/chat/rooms HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{{\"nam\r\n8\r\ne\": \"b\"}}\r\n0\r\nT: u\r\n\r\n\
         GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    );
    let bad = "GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for (round, piece) in [1 << 20, 1, 7].into_iter().enumerate() {
        let fresh = good.replace("\"a\"", &format!("\"{round}a\"")).replace("\"b\"", &format!("\"{round}b\""));
        let fresh = fresh.replace("Content-Length: 14", "Content-Length: 15").replace("\r\n8\r\n", "\r\n9\r\n");
        let answer = conversation(&server, format!("{fresh}{last}").as_bytes(), piece).await;
        assert_eq!(statuses_of(&answer), "201 201 200 200", "{piece}: {answer}");
        let answer = conversation(&server, format!("{fresh}{bad}").as_bytes(), piece).await;
        assert_eq!(statuses_of(&answer), "409 409 200 400", "{piece}: {answer}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_refused_leaves_a_connection_of_requests() {
    let server = Server::start(engine().await).await;
    let upgrade = "GET /ws/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for piece in [1 << 20, 1] {
        let answer = conversation(&server, format!("{next}{upgrade}{next}GET / HTTP/1.1\n").as_bytes(), piece).await;
        assert_eq!(statuses_of(&answer), "200 400 200 400", "{answer}");
    }
}
