//! Accounts of the server: its first start, and what stays when it is started again.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Database, Reply, Server};

const BAD_LINE: i32 = 2;
const PASSWORD: &str = "canary correct horse";

/// The setup token that was printed.
fn setup_token(said: &str) -> String {
    let is_token = |line: &&str| line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    said.lines().map(str::trim).find(is_token).unwrap_or_else(|| panic!("no token: {said}")).to_owned()
}

async fn post(server: &Server, path: &str, token: &str, body: Option<Value>) -> Reply {
    let bearer = format!("Bearer {token}");
    let authorization: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("authorization", &bearer)] };
    server.call("POST", path, authorization, body).await
}

async fn register(server: &Server, name: &str, setup_token: Option<&str>) -> Reply {
    let mut body = json!({"username": name, "password": PASSWORD});
    if let Some(token) = setup_token {
        body["setup_token"] = token.into();
    }
    post(server, "/account/register", "", Some(body)).await
}

async fn is_admin(server: &Server, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    server.call("GET", "/accounts", &[("authorization", &bearer)], None).await.status == 200
}

fn token(login: &Reply) -> String {
    let login = login.json(login.status);
    login["token"].as_str().unwrap_or_else(|| panic!("no token: {login}")).to_owned()
}

#[tokio::test]
async fn the_setup_token_is_printed_until_it_was_used() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--accounts", "--registration", "off"]).await;
    register(&server, "Ada", None).await.problem(403, "forbidden");
    let first = setup_token(&server.stop_and_read_output().await);
    let server = Server::start_with(&database, &["--accounts", "--registration", "off"]).await;
    register(&server, "Ada", Some(&first)).await.problem(403, "forbidden");
    server.wait_for_output("setup_token", 1).await;
    let said = server.output();
    assert!(said.contains("curl") && said.contains("/api/chat/account/register"), "{said}");
    let login = register(&server, "Ada", Some(&setup_token(&said))).await;
    assert_eq!(login.status, 201, "{login:?}");
    assert!(is_admin(&server, &token(&login)).await);
    let said = server.stop_and_read_output().await;
    let log: String = said.lines().filter(|line| line.contains(" INFO ") || line.contains(" WARN ")).collect();
    for secret in [PASSWORD, &token(&login), &setup_token(&said)] {
        assert!(!log.contains(secret), "{log}");
    }
    let server = Server::start_with(&database, &["--accounts"]).await;
    assert!(is_admin(&server, &token(&login)).await, "the login is still good");
    let other = register(&server, "Bob", None).await;
    assert_eq!(other.status, 201, "{other:?}");
    assert!(!is_admin(&server, &token(&other)).await);
    let said = server.stop_and_read_output().await;
    assert!(!said.contains("setup token"), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_setup_token_is_in_a_file_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::sqlite();
    let path = database.folder().join("setup");
    fs::write(&path, "of before").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let arguments = ["--accounts", "--setup-token-file", path.to_str().unwrap()];
    let server = Server::start_with(&database, &arguments).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::read_to_string(&path).unwrap();
    let login = register(&server, "Ada", Some(written.trim_end())).await;
    assert_eq!(login.status, 201, "{login:?}");
    let said = server.stop_and_read_output().await;
    assert!(said.contains(path.to_str().unwrap()) && !said.contains(written.trim_end()), "{said}");
    let nowhere = ["--accounts", "--setup-token-file", "/nowhere/setup"];
    let (status, said) = Server::fail_with(&Database::sqlite(), &nowhere).await;
    assert_eq!(status.code(), Some(BAD_LINE), "{said}");
    assert!(said.contains("/nowhere/setup"), "{said}");
}

#[tokio::test]
async fn accounts_take_nobody_for_a_guest_of_before_unasked() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    server.stop().await;
    let (status, said) = Server::fail_with(&database, &["--accounts"]).await;
    assert_eq!(status.code(), Some(BAD_LINE), "{said}");
    assert!(said.contains("--keep-guest-ids"), "{said}");
    let server = Server::start_with(&database, &["--accounts", "--keep-guest-ids"]).await;
    server.get("/rooms?username=Eve").await.problem(401, "unauthenticated");
    server.stop().await;
}

/// Registers, logs out and in again, and is still there after a restart.
async fn lives_on(database: &Database) {
    let server = Server::start_with(database, &["--accounts", "--guests"]).await;
    let login = register(&server, "Σίσυφος", None).await;
    assert_eq!(login.status, 201, "{login:?}");
    register(&server, "ΣΊΣΥΦΟΣ", None).await.problem(409, "name_taken");
    assert_eq!(post(&server, "/account/logout", &token(&login), None).await.status, 204);
    post(&server, "/account/logout", &token(&login), None).await.problem(401, "unauthenticated");
    let body = json!({"username": "σίσυφος", "password": PASSWORD});
    let login = post(&server, "/account/login", "", Some(body)).await;
    assert_eq!(login.status, 200, "{login:?}");
    let room = post(&server, "/rooms", &token(&login), Some(json!({"name": "his"}))).await;
    assert_eq!(room.status, 201, "{room:?}");
    server.stop().await;
    let server = Server::start_with(database, &["--accounts"]).await;
    let bearer = format!("Bearer {}", token(&login));
    let me = server.call("GET", "/me", &[("authorization", &bearer)], None).await;
    let me = me.json(200);
    assert_eq!((&me["user"], &me["via"]), (&login.json(200)["user"], &json!("account")));
    let body = json!({"password": PASSWORD});
    let closed = server.call("DELETE", "/account", &[("authorization", &bearer)], Some(body)).await;
    assert_eq!(closed.status, 204, "{closed:?}");
    server.stop().await;
}

#[tokio::test]
async fn accounts_live_on_in_sqlite() {
    lives_on(&Database::sqlite()).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn accounts_live_on_in_postgres() {
    lives_on(&Database::postgres().await).await;
}

#[tokio::test]
#[ignore = "needs MariaDB or MySQL: cargo xtask test"]
async fn accounts_live_on_in_mysql() {
    lives_on(&Database::mariadb().await).await;
}
