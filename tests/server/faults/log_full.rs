//! The log cannot be written.

use std::{fs::File, net::TcpListener, process::Stdio};

use crate::common::{Database, Server, call};

#[tokio::test]
async fn a_log_without_room_is_nobodys_business() {
    // Another process could take the port in between, which is very unlikely.
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let database = Database::sqlite();
    // A device of the system that is always full.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let server = Server::start_logging_to(&database, full.into(), &["--metrics-listen", &metrics.to_string()]).await;
    chat(&server).await;
    let shown = call(metrics, "GET", "/metrics", &[], None).await;
    let shown = String::from_utf8(shown.body.to_vec()).unwrap();
    let dropped = shown.lines().find_map(|line| line.strip_prefix("chat_log_lines_dropped_total ")).unwrap();
    assert!(dropped.parse::<u64>().unwrap() > 0, "{shown}");
    assert_eq!(server.stop().await.code(), Some(0));
}

#[tokio::test]
async fn a_log_that_nobody_reads_any_more_is_nobodys_business() {
    let database = Database::sqlite();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let server = Server::start_logging_to(&database, Stdio::from(writer), &[]).await;
    chat(&server).await;
    assert_eq!(server.stop().await.code(), Some(0));
}

async fn chat(server: &Server) {
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    assert_eq!(server.say(room, "Alice", "one").await, 1);
    assert_eq!(bob.event().await["content"], "one");
}
