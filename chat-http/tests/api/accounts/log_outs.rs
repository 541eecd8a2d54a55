//! What ends when a user logs out: over real sockets and event streams.

use std::time::{Duration, Instant};

use chat_http::Registration;
use poem::http::Method;
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, client::IntoClientRequest, http::HeaderValue},
};

use super::{Stage, accounts, password, site_of, token_of, who};
use crate::common::{
    engine,
    http::{EventSource, request},
    socket::{Server, Socket},
};

/// By when everything has ended.
const SOON: Duration = Duration::from_secs(5);

async fn server() -> Server {
    let engine = engine().await;
    let accounts = accounts(&engine, Registration::Open).await;
    Server::start_site(engine.clone(), site_of(&engine, &accounts)).await
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

async fn post(server: &Server, path: &str, headers: &str, body: Option<&Value>) -> (u16, Value) {
    let (head, answer) = request(server.addr, "POST", &format!("/api/chat{path}"), headers, body).await;
    (head.status, answer)
}

/// Registers Ada, and logs her in once more; returns both tokens.
async fn two_logins(server: &Server) -> (String, String) {
    let (_, first) = post(server, "/account/register", "", Some(&who("Ada"))).await;
    let (status, second) = post(server, "/account/login", "", Some(&who("Ada"))).await;
    assert_eq!(status, 200, "{second}");
    (token_of(&first), token_of(&second))
}

/// A socket with these headers.
async fn socket(server: &Server, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/ws/chat", server.addr).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    Ok(Socket(connect_async(request).await?.0))
}

/// A socket of this login, which has begun.
async fn open(server: &Server, token: &str) -> Socket {
    let mut socket = socket(server, &[("authorization", &format!("Bearer {token}"))]).await.unwrap();
    assert_eq!(socket.next().await["type"], "hello");
    socket
}

async fn stream(server: &Server, token: &str) -> EventSource {
    let (head, mut stream) = EventSource::open(server.addr, "/api/chat/events", &bearer(token)).await;
    assert_eq!(head.status, 200);
    assert_eq!(stream.next().await.unwrap().data["type"], "hello");
    stream
}

async fn is_alive(socket: &mut Socket) {
    socket.say(json!({"type": "ping"})).await;
    assert_eq!(socket.next_of("pong").await["type"], "pong");
}

#[tokio::test]
async fn logging_out_ends_what_was_opened_with_that_login() {
    let server = server().await;
    let (own, other) = two_logins(&server).await;
    let mut first = open(&server, &own).await;
    // The other ways in: a first frame, and a ticket.
    let mut second = server.open("/ws/chat").await;
    second.say(json!({"type": "auth", "token": own})).await;
    assert_eq!(second.next().await["type"], "ok");
    let ticket = async |token: &str| post(&server, "/ticket", &bearer(token), None).await.1["ticket"].clone();
    let mut third = server.open("/ws/chat").await;
    third.say(json!({"type": "auth", "ticket": ticket(&own).await})).await;
    assert_eq!(third.next().await["type"], "ok");
    let unused = ticket(&own).await;
    let mut events = stream(&server, &own).await;
    let mut others = open(&server, &other).await;
    let room = server.room("general").await;
    let path = format!("/api/chat/rooms/{room}/events");
    let (_, mut other_events) = EventSource::open(server.addr, &path, &bearer(&other)).await;
    assert_eq!(other_events.next().await.unwrap().data["type"], "attached");
    let began = Instant::now();
    let (status, _) = post(&server, "/account/logout", &bearer(&own), None).await;
    assert_eq!(status, 204);
    for socket in [&mut first, &mut second, &mut third] {
        assert_eq!(socket.close_code().await, 4401);
    }
    while events.next().await.is_some() {}
    assert!(began.elapsed() < SOON);
    let mut late = server.open("/ws/chat").await;
    late.say(json!({"type": "auth", "ticket": unused})).await;
    assert_eq!(late.close_code().await, 4401, "a ticket ends with its login, too");
    assert_eq!(post(&server, "/account/logout", &bearer(&own), None).await.0, 401);
    // The other login goes on.
    is_alive(&mut others).await;
    let (status, sent) =
        post(&server, &format!("/rooms/{room}/messages"), &bearer(&other), Some(&json!({"content": "Hi"}))).await;
    assert_eq!(status, 201, "{sent}");
    assert_eq!(other_events.next_of("message").await.data["content"], "Hi");
}

#[tokio::test]
async fn a_socket_goes_on_with_another_login_of_the_same_user() {
    let server = server().await;
    let (own, other) = two_logins(&server).await;
    let mut socket = open(&server, &own).await;
    socket.say(json!({"type": "auth", "token": other})).await;
    assert_eq!(socket.next_of("ok").await["type"], "ok");
    post(&server, "/account/logout", &bearer(&own), None).await;
    is_alive(&mut socket).await;
    post(&server, "/account/logout", &bearer(&other), None).await;
    assert_eq!(socket.close_code().await, 4401);
}

#[tokio::test]
async fn logging_out_everywhere_ends_all() {
    let server = server().await;
    let (own, other) = two_logins(&server).await;
    let (mut first, mut second) = (open(&server, &own).await, open(&server, &other).await);
    let mut events = stream(&server, &other).await;
    let began = Instant::now();
    assert_eq!(post(&server, "/account/logout-all", &bearer(&own), None).await.0, 204);
    assert_eq!((first.close_code().await, second.close_code().await), (4401, 4401));
    while events.next().await.is_some() {}
    assert!(began.elapsed() < SOON);
    let (status, login) = post(&server, "/account/login", "", Some(&who("Ada"))).await;
    assert_eq!(status, 200, "{login}");
    is_alive(&mut open(&server, &token_of(&login)).await).await;
}

#[tokio::test]
async fn another_password_ends_what_others_have_open() {
    let server = server().await;
    let (own, other) = two_logins(&server).await;
    let (mut kept, mut ended) = (open(&server, &own).await, open(&server, &other).await);
    let change = json!({"password": password("Ada"), "new_password": "another one"});
    assert_eq!(post(&server, "/account/password", &bearer(&own), Some(&change)).await.0, 204);
    assert_eq!(ended.close_code().await, 4401);
    is_alive(&mut kept).await;
}

#[tokio::test]
async fn a_cookie_opens_a_socket_only_for_a_page_of_the_server() {
    let server = server().await;
    let (own, _) = two_logins(&server).await;
    let cookie = format!("__Host-chat={own}");
    let page = format!("http://{}", server.addr);
    let mut socket_of_page = socket(&server, &[("cookie", &cookie), ("origin", &page)]).await.unwrap();
    assert_eq!(socket_of_page.next().await["username"], "Ada");
    let mut without = socket(&server, &[("cookie", &cookie)]).await.unwrap();
    assert_eq!(without.close_code().await, 4401);
    let Err(Error::Http(refused)) = socket(&server, &[("cookie", &cookie), ("origin", "http://evil.example")]).await
    else {
        panic!("another site has a socket")
    };
    assert_eq!(refused.status(), 403);
    // A page that is on the list says itself who it is.
    let mut listed = socket(&server, &[("cookie", &cookie), ("origin", "http://app.example")]).await.unwrap();
    listed.say(json!({"type": "auth", "token": own})).await;
    assert_eq!(listed.next().await["type"], "ok");
    let (head, mut events) = EventSource::open(server.addr, "/api/chat/events", &format!("Cookie: {cookie}\r\n")).await;
    assert_eq!(head.status, 200);
    assert_eq!(events.next().await.unwrap().data["username"], "Ada");
    let (status, _) =
        post(&server, "/account/logout", &format!("Cookie: {cookie}\r\nOrigin: http://localhost\r\n"), None).await;
    assert_eq!(status, 204);
    assert_eq!(socket_of_page.close_code().await, 4401);
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn whoever_closes_an_account_leaves_their_rooms() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.register("Ada").await, stage.register("Bob").await);
    let id = stage.call(&ada, Method::GET, "/me", None).await.1["user"].as_str().unwrap().to_owned();
    let (_, room) = stage.call(&ada, Method::POST, "/rooms", Some(&json!({"name": "hers"}))).await;
    let path = format!("/rooms/{}", room["id"]);
    stage.call(&bob, Method::POST, &format!("{path}/join"), None).await;
    let close = async |password: &str| {
        stage.call(&ada, Method::DELETE, "/account", Some(&json!({ "password": password }))).await
    };
    let (status, problem) = close("wrong").await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    assert_eq!(close(&password("Ada")).await.0, 204);
    assert!(!stage.is_good(&ada).await);
    assert_eq!(stage.post("/account/login", &who("Ada")).await.0, 401);
    let (_, members) = stage.call(&bob, Method::GET, &format!("{path}/members"), None).await;
    let members = members["members"].as_array().unwrap();
    assert_eq!((members.len(), &members[0]["username"], &members[0]["role"]), (1, &json!("Bob"), &json!("owner")));
    // The name is free again; whoever has it is somebody else.
    let again = stage.register("Ada").await;
    assert_ne!(stage.call(&again, Method::GET, "/me", None).await.1["user"], json!(id));
    assert!(stage.engine.revoked_at(&chat_core::UserId::new(&id).unwrap()).is_some());
}
