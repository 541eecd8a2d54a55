//! Taking a user's access away, and erasing one with an account.

use std::{
    env, fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chat_http::{JwtAuthenticator, JwtKeys};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::common::{Database, Server, Socket, on_each_database};

on_each_database!(revoked_tokens_end_what_is_open_in_a_server_that_runs, whoever_is_erased_has_no_account);

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "correct horse";

/// A file with the secret; it goes with the test.
struct Secret(PathBuf);

impl Secret {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("chat_secret_{}", uuid::Uuid::new_v4().simple()));
        fs::write(&path, SECRET).unwrap();
        Self(path)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

/// A token of the app's that was issued so long from now.
fn token(issued_in: i64) -> String {
    // It brings the cryptography along.
    drop(JwtAuthenticator::new(JwtKeys::default()));
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let claims = json!({"sub": "u-1", "name": "Ada", "iat": now + issued_in, "exp": 9_999_999_999_u64});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

async fn status(server: &Server, token: &str) -> u16 {
    server.call("GET", "/me", &[("authorization", &format!("Bearer {token}"))], None).await.status
}

async fn socket(server: &Server, token: &str) -> Socket {
    let mut socket = Socket::connect(server.address(), "/ws/chat").await;
    socket.send(json!({"type": "auth", "token": token})).await;
    socket.expect_type("hello").await;
    socket
}

/// Registers somebody; returns their id and their token.
async fn register(server: &Server, name: &str) -> (String, String) {
    let body = json!({"username": name, "password": PASSWORD});
    let login = server.call("POST", "/account/register", &[], Some(body)).await.json(201);
    let text = |field: &str| login[field].as_str().unwrap().to_owned();
    (text("user"), text("token"))
}

async fn revoke(database: &Database, user: &str) -> String {
    let (status, said) = Server::revoke_tokens(database.url(), user).await;
    assert!(status.success(), "{said}");
    said
}

async fn revoked_tokens_end_what_is_open_in_a_server_that_runs(database: Database) {
    let secret = Secret::new();
    let arguments = ["--accounts", "--jwt-hs256-file", secret.0.to_str().unwrap()];
    let server = Server::start_with(&database, &arguments).await;
    let old = token(-60);
    let (bob, bobs) = register(&server, "Bob").await;
    let (_, carols) = register(&server, "Carol").await;
    let (mut adas_socket, mut bobs_socket) = (socket(&server, &old).await, socket(&server, &bobs).await);
    let mut carols_socket = socket(&server, &carols).await;
    for (user, socket, token) in [("u-1", &mut adas_socket, &old), (&bob, &mut bobs_socket, &bobs)] {
        let began = Instant::now();
        let said = revoke(&database, user).await;
        assert_eq!(socket.expect_close().await, Some(4401), "{said}");
        assert!(began.elapsed() < Duration::from_secs(7), "{user}");
        assert_eq!(status(&server, token).await, 401, "{user}");
    }
    assert_eq!(status(&server, &token(60)).await, 200, "what is issued later is good");
    if database.folder_of_file().is_none() {
        database.execute(&["DELETE FROM chat_logins"]).await;
        assert_eq!(carols_socket.expect_close().await, Some(4401), "her login was ended elsewhere");
    } else {
        carols_socket.send(json!({"type": "ping"})).await;
        carols_socket.expect_type("pong").await;
    }
    server.stop().await;

    revoke(&database, "u-1").await;
    let server = Server::start_with(&database, &arguments).await;
    assert_eq!((status(&server, &old).await, status(&server, &token(60)).await), (401, 200));
    server.stop().await;
}

async fn whoever_is_erased_has_no_account(database: Database) {
    let server = Server::start_with(&database, &["--accounts"]).await;
    let (ada, token) = register(&server, "Ada").await;
    server.stop().await;
    let rows = async |table: &str| database.number(&format!("SELECT COUNT(*) FROM {table}")).await;
    assert_eq!((rows("chat_accounts").await, rows("chat_logins").await), (1, 1));
    let (done, said) = Server::erase_user(database.url(), &[&ada, "--anonymise"], &[]).await;
    assert!(done.success(), "{said}");
    assert!(said.contains("account removed       yes\n"), "{said}");
    assert_eq!((rows("chat_accounts").await, rows("chat_logins").await), (0, 0));
    let server = Server::start_with(&database, &["--accounts"]).await;
    assert_eq!(status(&server, &token).await, 401);
    let body = json!({"username": "Ada", "password": PASSWORD});
    let login = server.call("POST", "/account/login", &[], Some(body)).await;
    assert_eq!(login.status, 401, "{login:?}");
    let (other, _) = register(&server, "Ada").await;
    assert_ne!(other, ada, "an id is given once");
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_database_of_a_chat_is_refused() {
    let refused = async |url: String, user: &str| {
        let (status, said) = Server::revoke_tokens(&url, user).await;
        (status.code(), said)
    };
    let database = Database::sqlite();
    let (code, said) = refused(database.url().to_owned(), "u-1").await;
    assert!(code == Some(4) && said.contains("does not exist"), "{said}");
    assert!(fs::read_dir(database.folder()).unwrap().next().is_none(), "nothing is made");
    let other = database.folder().join("chat.db");
    fs::write(&other, "something else").unwrap();
    assert_eq!(refused(database.url().to_owned(), "u-1").await.0, Some(5));
    assert_eq!(refused("sqlite::memory:".to_owned(), "u-1").await.0, Some(5));
    assert_eq!(refused("redis://x".to_owned(), "u-1").await.0, Some(2));
    assert_eq!(refused(database.url().to_owned(), "").await.0, Some(2));
}
