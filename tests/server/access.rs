//! Who may use the server: guests by default only from this machine, and users with tokens of the host's app.

use std::{fs, path::PathBuf};

use chat_http::{JwtAuthenticator, JwtKeys};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::common::{Database, Server, Socket};

const BAD_LINE: i32 = 2;
const SECRETS: [&str; 2] = ["canary-0123456789abcdef0123456789", "canary-abcdef0123456789abcdef0123"];

/// A file beside the database.
fn file(database: &Database, name: &str, content: &str) -> PathBuf {
    let path = database.folder().join(name);
    fs::write(&path, content).unwrap();
    path
}

/// A header with a token of Ada's that is signed with this secret.
fn bearer(secret: &str) -> String {
    // It brings the cryptography along.
    drop(JwtAuthenticator::new(JwtKeys::default()));
    let claims = json!({"sub": "u-1", "name": "Ada", "exp": 9_999_999_999_u64});
    format!("Bearer {}", encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap())
}

async fn status(server: &Server, secret: &str) -> u16 {
    let authorization = bearer(secret);
    server.call("GET", "/rooms", &[("authorization", &authorization)], None).await.status
}

async fn refuses(database: &Database, arguments: &[&str], says: &str) {
    let (status, said) = Server::fail_with(database, arguments).await;
    assert_eq!(status.code(), Some(BAD_LINE), "{said}");
    assert!(said.contains(says), "it does not say {says:?}: {said}");
}

#[tokio::test]
async fn strangers_come_as_guests_only_if_they_are_asked() {
    let database = Database::sqlite();
    refuses(&database, &["--listen", "0.0.0.0:0", "--insecure"], "--guests").await;
    refuses(&database, &["--trusted-proxy", "127.0.0.1"], "--guests").await;
    refuses(&database, &["--trusted-proxy", "10.0.0.1/8", "--guests"], "10.0.0.0/8").await;
    let server = Server::start_with(&database, &["--guests", "--trusted-proxy", "127.0.0.1,10.0.0.0/8"]).await;
    assert_eq!(server.get("/rooms").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn tokens_of_the_app_are_needed_where_there_are_keys() {
    let database = Database::sqlite();
    let secret = file(&database, "secret", &format!("{}\n", SECRETS[0]));
    let short = file(&database, "short", "0123456789abcdef0123456789abcde");
    refuses(&database, &["--jwt-hs256-file", short.to_str().unwrap()], "31 bytes").await;
    let server = Server::start_with(&database, &["--jwt-hs256-file", secret.to_str().unwrap()]).await;
    server.get("/rooms?username=Eve").await.problem(401, "unauthenticated");
    assert_eq!(status(&server, SECRETS[0]).await, 200);
    assert_eq!(status(&server, SECRETS[1]).await, 401);
    let said = server.stop_and_read_output().await;
    assert!(said.contains("a token was refused") && !said.contains("canary"), "{said}");
    assert!(!said.contains("any name"), "{said}");
}

/// Neither the metrics nor the finest log have a token, a ticket or a key, or what people write.
#[tokio::test]
async fn s35_metrics_and_the_finest_log_have_no_secret() {
    let database = Database::sqlite();
    let secret = file(&database, "secret", SECRETS[0]);
    let environment = [
        ("CHATD_JWT_HS256_FILE", secret.to_str().unwrap()),
        ("CHATD_METRICS_LISTEN", "127.0.0.1:0"),
        ("RUST_LOG", "trace"),
    ];
    let server = Server::start_under(&database, environment).await;
    let good = bearer(SECRETS[0]);
    let ask = async |method, path: &str, body| {
        server.call(method, path, &[("authorization", &good), ("idempotency-key", "canary-key")], body).await
    };
    let room = ask("POST", "/rooms", Some(json!({"name": "canary room"}))).await.json(201)["id"].clone();
    ask("POST", &format!("/rooms/{room}/messages"), Some(json!({"content": "canary text"}))).await.json(201);
    ask("GET", "/search?q=canary", None).await.json(200);
    let ticket = ask("POST", "/ticket", None).await.json(200)["ticket"].as_str().unwrap().to_owned();
    for wrong in ["Bearer canary.canary.canary", "Basic canary", &bearer(SECRETS[1])] {
        server.call("GET", "/rooms", &[("authorization", wrong)], None).await.problem(401, "unauthenticated");
    }
    let token = good.strip_prefix("Bearer ").unwrap();
    for proof in [json!({"token": token}), json!({"ticket": ticket}), json!({"token": "canary"})] {
        let mut socket = Socket::connect(server.address(), "/ws/chat?token=canary").await;
        let mut frame = proof;
        frame["type"] = json!("auth");
        socket.send(frame).await;
        socket.try_send(json!({"type": "attach", "room": room})).await;
        socket.try_send(json!({"type": "message", "room": room, "content": "canary text"})).await;
        socket.try_send(json!({"type": "canary"})).await;
        socket.close().await;
    }
    let metrics = String::from_utf8(server.metrics().await.body.to_vec()).unwrap();
    assert!(
        metrics.contains("chat_sends_total") && metrics.contains("chat_socket_upgrades_refused_total"),
        "{metrics}"
    );
    let log = server.stop_and_read_output().await;
    assert!(log.contains("a token was refused") && log.contains("a session has ended"), "the log was heard: {log}");
    let signature = good.rsplit('.').next().unwrap();
    for secret in ["canary", signature, &ticket] {
        for line in metrics.lines().chain(log.lines()) {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[tokio::test]
async fn keys_are_read_again_on_sighup_and_bad_ones_change_nothing() {
    let database = Database::sqlite();
    let secret = file(&database, "secret", SECRETS[0]);
    let server = Server::start_with(&database, &["--jwt-hs256-file", secret.to_str().unwrap()]).await;
    let hang_up = async || {
        let pid = server.pid().to_string();
        assert!(tokio::process::Command::new("kill").args(["-HUP", &pid]).status().await.unwrap().success());
    };
    file(&database, "secret", "too short");
    hang_up().await;
    server.wait_for_output("the keys for tokens stay as they were", 1).await;
    assert_eq!(status(&server, SECRETS[0]).await, 200);
    file(&database, "secret", SECRETS[1]);
    hang_up().await;
    server.wait_for_output("the keys for tokens were read again", 1).await;
    assert_eq!((status(&server, SECRETS[0]).await, status(&server, SECRETS[1]).await), (401, 200));
    server.stop().await;
}

#[tokio::test]
async fn no_guest_of_before_is_taken_for_a_user_unasked() {
    let database = Database::sqlite();
    let secret = file(&database, "secret", SECRETS[0]);
    let with_tokens = ["--jwt-hs256-file", secret.to_str().unwrap()];
    let server = Server::start_with(&database, &with_tokens).await;
    server.stop().await;
    let server = Server::start(&database).await;
    server.stop().await;
    refuses(&database, &with_tokens, "--keep-guest-ids").await;
    let server = Server::start_with(&database, &[with_tokens[0], with_tokens[1], "--keep-guest-ids"]).await;
    assert_eq!(status(&server, SECRETS[0]).await, 200);
    server.stop().await;
}
