//! The metrics that the server shows.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::time::timeout;

use crate::common::{DEADLINE, Database, Server, Socket};

/// Metrics on any free port.
const METRICS: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

/// The metrics that the documentation names, but for those of a server with TLS.
fn documented() -> BTreeSet<String> {
    let rows = include_str!("../../docs/metrics.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()));
    names.filter(|name| !name.starts_with("chat_tls_")).collect()
}

#[tokio::test]
async fn metrics_are_those_documented_and_name_nobody() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &METRICS).await;
    let room = server.room("Confidential").await;
    let mut alice = server.join(room, "Zwetschge").await;
    alice.say("not for monitoring").await;
    alice.send_text("no frame").await;
    alice.expect_type("error").await;
    let mut nobody = server.socket(&format!("/{room}")).await;
    assert_eq!(nobody.expect_close().await, Some(4401));
    let evil = [("origin", "http://evil.example")];
    assert!(Socket::try_connect(server.address(), "/ws/chat?username=Zwetschge", &evil).await.is_err());
    server.get("/rooms/Confidential").await.problem(400, "invalid_field");
    server.call("BREW", "/rooms", &[], Some(json!({}))).await.problem(405, "method_not_allowed");
    assert_eq!(server.get_path("/Confidential").await.status, 404);

    drop(nobody);
    let settled =
        async { while !server.metrics().await.body.windows(21).any(|part| part == b"\nchat_sockets_open 1\n") {} };
    timeout(DEADLINE, settled).await.expect("one socket is left");
    let reply = server.metrics().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let shown: BTreeSet<String> =
        text.lines().filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned())).collect();
    assert_eq!(shown, documented(), "\n{text}");
    for name in ["Confidential", "confidential", "Zwetschge", "zwetschge", "monitoring", "BREW", "evil"] {
        assert!(!text.contains(name), "{name} is in\n{text}");
    }
    for line in [
        "chat_sends_total{outcome=\"stored\"} 1",
        "chat_attaches_total{kind=\"now\"} 1",
        "chat_sessions 1",
        "chat_append_batch_messages_bucket{le=\"1\"} 1",
        "chat_socket_frames_malformed_total 1",
        "chat_socket_upgrades_refused_total{code=\"4401\"} 1",
        "chat_socket_upgrades_refused_total{code=\"forbidden\"} 1",
        "chat_http_requests_total{method=\"POST\",route=\"/api/chat/rooms\",status=\"2xx\"} 1",
        "chat_http_requests_total{method=\"GET\",route=\"/api/chat/rooms/{room_id}\",status=\"4xx\"} 1",
        "chat_http_requests_total{method=\"other\",route=\"/api/chat/rooms\",status=\"4xx\"} 1",
        "chat_http_requests_total{method=\"GET\",route=\"unknown\",status=\"4xx\"} 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "there is no {line} in\n{text}");
    }
    assert_eq!(server.get_path("/metrics").await.status, 404, "not on the address that everyone reaches");
}

#[tokio::test]
async fn an_address_for_metrics_that_is_taken_ends_the_server_with_6() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, said) = Server::fail_with(&Database::sqlite(), &["--metrics-listen", &address]).await;
    assert_eq!(status.code(), Some(6), "{said}");
    assert!(said.contains(&address), "{said}");
}
