//! Bad input over REST: no answer is a 5xx, and each is a problem that names what is wrong. The names of the rows are
//! those of the project's catalogue of bad inputs.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "whatever is not expected fails the test")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Client, client, engine, get, read, room, socket::Server};
use poem::Body;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn send(client: &Client, path: &str, content_type: &str, body: impl Into<Body>) -> (u16, Value) {
    read(client.post(path).content_type(content_type).body(body).send().await).await
}

async fn post_room(body: impl Into<Body>) -> (u16, Value) {
    send(&client().await, "/api/chat/rooms", "application/json", body).await
}

async fn assert_room(body: &str, code: &str, field: Option<&str>) {
    let (status, problem) = post_room(body.to_owned()).await;
    assert_eq!((status, &problem["code"]), (400, &json!(code)), "{body}: {problem}");
    assert_eq!(problem.get("field").and_then(Value::as_str), field, "{body}: {problem}");
    for internal in ["line", "column", "serde", "expected value"] {
        assert!(!problem["detail"].as_str().unwrap().contains(internal), "{problem}");
    }
}

#[tokio::test]
async fn r1_r2_no_json() {
    for body in
        ["", "  ", "{", "{\"name\":\"x\"", "{\"name\":\"x\"} x", "[]", "null", "\"x\"", "{'name':'x'}", "\u{feff}{}"]
    {
        assert_room(body, "bad_json", None).await;
    }
}

#[tokio::test]
async fn r3_doubled_keys() {
    assert_room(r#"{"name":"x","name":"y"}"#, "bad_json", None).await;
}

#[tokio::test]
async fn r4_r37_unknown_fields() {
    for field in ["owner_id", "created_at", "id", "seq", "x"] {
        assert_room(&format!(r#"{{"name":"x","{field}":1}}"#), "invalid_field", Some(field)).await;
    }
}

#[tokio::test]
async fn r5_deep_nesting() {
    let deep = format!("{{\"name\":{}", "[".repeat(100_000));
    assert_room(&deep, "bad_json", None).await;
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_room(&deep, "invalid_field", Some("name")).await;
}

#[tokio::test]
async fn r7_null_and_wrong_types() {
    for wrong in ["null", "1", "true", "[]", "{}", "1e400", "\"\\ud800\""] {
        assert_room(&format!(r#"{{"name":{wrong}}}"#), "invalid_field", Some("name")).await;
        assert_room(&format!(r#"{{"name":"x","topic":{wrong}}}"#), "invalid_field", Some("topic")).await;
    }
    assert_room(r#"{"topic":"x"}"#, "invalid_field", Some("name")).await;
}

#[tokio::test]
async fn r8_r9_too_large() {
    let client = client().await;
    let json = format!(r#"{{"name":"{}"}}"#, "x".repeat(256 << 10));
    let (status, body) = send(&client, "/api/chat/rooms", "application/json", json.clone()).await;
    assert_eq!((status, &body["code"]), (413, &json!("too_large")));
    // Without a length, and longer than what would be read and dropped.
    for size in [(256 << 10) + 1, 300 << 10, 4 << 20] {
        let chunks: Vec<std::io::Result<Bytes>> =
            (0..size / 1024 + 1).map(|_| Ok(Bytes::from(vec![b' '; 1024]))).collect();
        let body = Body::from_bytes_stream(futures::stream::iter(chunks));
        let (status, body) = send(&client, "/api/chat/rooms", "application/json", body).await;
        assert_eq!((status, &body["code"]), (413, &json!("too_large")), "{size}");
    }
    let just = format!("{{\"name\":\"x\"}}{}", " ".repeat((256 << 10) - 12));
    assert_eq!(send(&client, "/api/chat/rooms", "application/json", just).await.0, 201);
}

#[tokio::test]
async fn r11_r12_r13_content_types() {
    let client = client().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "x"] {
        let (status, body) = send(&client, "/api/chat/rooms", kind, r#"{"name":"x"}"#).await;
        assert_eq!((status, &body["code"]), (415, &json!("unsupported_media_type")), "{kind}");
    }
    let bare = client.post("/api/chat/rooms").body(r#"{"name":"x"}"#).send().await;
    assert_eq!(read(bare).await.0, 415);
    let zipped = client.post("/api/chat/rooms").content_type("application/json").header("Content-Encoding", "gzip");
    assert_eq!(read(zipped.body("x").send().await).await.0, 415);
    let utf16: Vec<u8> = "{\"name\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(post_room(utf16).await.0, 400);
    let (status, body) = post_room(vec![b'{', 0xff, b'}']).await;
    assert_eq!((status, &body["code"]), (400, &json!("bad_json")));
    assert_eq!(send(&client, "/api/chat/rooms", "application/JSON;charset=\"UTF-8\"", r#"{"name":"x"}"#).await.0, 201);
}

#[tokio::test]
async fn r28_r31_names_and_texts() {
    for name in ["", "  ", "\\u200b", "a\\u0000b", "\\u202eabc", "a\\nb", &"x".repeat(101)] {
        assert_room(&format!(r#"{{"name":"{name}"}}"#), "invalid_field", Some("name")).await;
    }
    assert_room(&format!(r#"{{"name":"x","topic":"{}"}}"#, "x".repeat(1_025)), "invalid_field", Some("topic")).await;
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
    for (content, code, field) in [
        ("", "empty_message", None),
        (" \\u200b", "empty_message", None),
        ("a\\u0000", "invalid_field", Some("content")),
        (&*"é".repeat(4_001), "too_long", None),
    ] {
        let (status, body) = send(&client, &path, "application/json", format!(r#"{{"content":"{content}"}}"#)).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{body}");
        assert_eq!(body.get("field").and_then(Value::as_str), field, "{body}");
    }
    let longest = "é".repeat(4_000);
    let (status, body) = send(&client, &path, "application/json", format!(r#"{{"content":"{longest}"}}"#)).await;
    assert_eq!((status, body["content"].as_str()), (201, Some(&*longest)));
}

#[tokio::test]
async fn r6_r35_room_ids() {
    let client = client().await;
    for id in ["0", "-1", "1.5", "1e3", "abc", "%31x", "9007199254740992", "18446744073709551616", "+1", "01", "-0"] {
        let (status, body) = get(&client, &format!("/api/chat/rooms/{id}")).await;
        assert_eq!((status, &body["field"]), (400, &json!("room_id")), "{id}: {body}");
    }
}

#[tokio::test]
async fn r38_idempotency_keys() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
    for key in ["", " ", "a b", "é", &"x".repeat(65), &"x".repeat(10_000)] {
        let request = client.post(&path).content_type("application/json").header("Idempotency-Key", key);
        let (status, body) = read(request.body(r#"{"content":"x"}"#).send().await).await;
        assert_eq!((status, &body["code"], &body["field"]), (400, &json!("invalid_field"), &json!("key")), "{key}");
    }
}

#[tokio::test]
async fn r39_r40_pages_and_cursors() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages");
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=abc", "limit"),
        ("limit=", "limit"),
        ("before=-1", "before"),
        ("before=9007199254740992", "before"),
        ("after=1.5", "after"),
        ("around=x", "around"),
        ("before=1&after=1", "after"),
        ("around=1&before=1", "around"),
    ] {
        let (status, body) = get(&client, &format!("{path}?{query}")).await;
        assert_eq!((status, &body["code"], &body["field"]), (400, &json!("invalid_field"), &json!(field)), "{query}");
    }
    for (query, field) in [("limit=0", "limit"), ("after=x", "after"), ("after=-1", "after"), ("q=%00", "q")] {
        let (status, body) = get(&client, &format!("/api/chat/rooms?{query}")).await;
        assert_eq!((status, &body["field"]), (400, &json!(field)), "{query}");
    }
    let long = get(&client, &format!("/api/chat/rooms?q={}", "x".repeat(10_000))).await;
    assert_eq!((long.0, &long.1["field"]), (400, &json!("q")));
}

/// The server's answer to these bytes, until it closes the connection or has sent one whole answer.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
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

#[tokio::test]
async fn r14_r15_r16_odd_requests() {
    let server = Server::start(engine().await).await;
    let many = (0..200).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), "431"),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(20 << 10)), "414"),
        ("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "405"),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "405"),
        ("TRACE /docs HTTP/1.1\r\nHost: localhost\r\nX-Secret: 1\r\n\r\n".to_owned(), "405"),
        ("GET http://localhost/api/chat/rooms HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "200"),
        ("GET /api/chat/rooms/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = raw(&server, request.as_bytes()).await;
        let start = &request[..request.len().min(40)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{start}: {answer}");
        assert!(!answer.contains("X-Secret"));
    }
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
    let statuses = |answer: &str| {
        let lines = answer.split("HTTP/1.1 ").skip(1);
        lines.map(|line| line[..3].to_owned()).collect::<Vec<_>>().join(" ")
    };
    for (round, piece) in [1 << 20, 1, 7].into_iter().enumerate() {
        let fresh = good.replace("\"a\"", &format!("\"{round}a\"")).replace("\"b\"", &format!("\"{round}b\""));
        let fresh = fresh.replace("Content-Length: 14", "Content-Length: 15").replace("\r\n8\r\n", "\r\n9\r\n");
        let answer = conversation(&server, format!("{fresh}{last}").as_bytes(), piece).await;
        assert_eq!(statuses(&answer), "201 201 200 200", "{piece}: {answer}");
        let answer = conversation(&server, format!("{fresh}{bad}").as_bytes(), piece).await;
        assert_eq!(statuses(&answer), "409 409 200 400", "{piece}: {answer}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_refused_leaves_a_connection_of_requests() {
    let server = Server::start(engine().await).await;
    let upgrade = "GET /ws/chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for piece in [1 << 20, 1] {
        let answer = conversation(&server, format!("{next}{upgrade}{next}GET / HTTP/1.1\n").as_bytes(), piece).await;
        let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|line| &line[..3]).collect();
        assert_eq!(statuses, ["200", "400", "200", "400"], "{answer}");
    }
}
