//! Who one is, on every transport: tokens, tickets, first frames, expiry and revocation. The letters in names of tests are rows of
//! the table of bad input that this project holds to.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::common::{
    engine,
    http::{EventSource, request},
    socket::{Server, Socket},
};
use chat_core::UserId;
use chat_http::{Authenticator, Guests, JwtAuthenticator, JwtKeys, Several};
use futures::StreamExt;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{client::IntoClientRequest, http::HeaderValue},
};

const SECRET: &[u8] = b"canary-0123456789abcdef0123456789";

fn tokens() -> JwtAuthenticator {
    JwtAuthenticator::new(JwtKeys::default().and_hs256(SECRET).unwrap())
}

/// A server that knows tokens, and no guests.
async fn server() -> Server {
    Server::start_as(engine().await, tokens()).await
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token_until(id: &str, name: &str, exp: u64) -> String {
    let claims = json!({"sub": id, "name": name, "iat": now() - 1, "exp": exp});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

fn token(id: &str, name: &str) -> String {
    token_until(id, name, now() + 600)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Opens a socket with these headers.
async fn open_with(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> (Socket, Option<String>) {
    let mut request = format!("ws://{}{path}", server.addr).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    let (stream, response) = connect_async(request).await.unwrap();
    let protocol = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
    (Socket(stream), protocol)
}

/// A socket for many rooms that has said with its first frame who it is.
async fn open_as(server: &Server, token: &str) -> Socket {
    let mut socket = server.open("/ws/chat").await;
    socket.say(json!({"type": "auth", "token": token})).await;
    assert_eq!(socket.next().await["type"], "ok");
    assert_eq!(socket.next().await["type"], "hello");
    socket
}

async fn ticket(server: &Server, credentials: &str) -> String {
    let (head, body) = request(server.addr, "POST", "/api/chat/ticket", credentials, None).await;
    assert_eq!(head.status, 200, "{body}");
    assert_eq!(body["expires_in_ms"], 30_000);
    body["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_guests_every_path_needs_an_identity_first() {
    let server = server().await;
    let not_json = json!("not an object");
    for (method, path, body) in [
        ("GET", "/api/chat/rooms", None),
        ("POST", "/api/chat/rooms", Some(&not_json)),
        ("GET", "/api/chat/rooms/1/messages?limit=x", None),
        ("GET", "/api/chat/rooms/x", None),
        ("GET", "/api/chat/rooms/1/events", None),
        ("GET", "/api/chat/search", None),
        ("POST", "/api/chat/ticket", None),
        ("GET", "/api/chat/no-such-path", None),
        ("GET", "/api/chat/rooms?username=Eve", None),
    ] {
        let (head, problem) = request(server.addr, method, path, "", body).await;
        assert_eq!(
            (head.status, problem["code"].as_str()),
            (401, Some("unauthenticated")),
            "{method} {path}: {problem}"
        );
        assert_eq!(head.header("www-authenticate"), Some("Bearer realm=\"chat\""), "{method} {path}");
    }
    let good = bearer(&token("u-1", "Ada"));
    let (head, _) = request(server.addr, "POST", "/api/chat/rooms", &good, Some(&json!({"name": "general"}))).await;
    assert_eq!(head.status, 201);
    let said = json!({"content": "Hi"});
    let (head, message) =
        request(server.addr, "POST", "/api/chat/rooms/1/messages?username=Eve", &good, Some(&said)).await;
    assert_eq!((head.status, &message["user"], &message["username"]), (201, &json!("u-1"), &json!("Ada")));
    for open in ["/healthz", "/openapi.json"] {
        assert_eq!(request(server.addr, "GET", open, "", None).await.0.status, 200, "{open}");
    }
}

/// What is no bearer token in a header is refused, with and without guests; and a token in an address is none.
#[tokio::test]
async fn r18_r22_r23_what_is_no_credential() {
    let engine = engine().await;
    let (mute, open) = (server().await, Server::start_as(engine.clone(), Several::new(tokens()).or(Guests)).await);
    let good = token("u-1", "Ada");
    let ended = bearer(&token_until("u-1", "Ada", now() - 70));
    let erased = bearer(&token("erased:1", "Ada"));
    for headers in [
        "Authorization:\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Basic YWRhOmFkYQ==\r\n",
        "Authorization: Digest username=ada\r\n",
        &*format!("Authorization: {good}\r\n"),
        &*format!("Authorization: Token {good}\r\n"),
        &*format!("{0}{0}", bearer(&good)),
        &*ended,
        &*erased,
    ] {
        for server in [&mute, &open] {
            for path in ["/api/chat/rooms?username=Bob", "/api/chat/rooms/1/events?username=Bob", "/api/chat/none"] {
                let (head, problem) = request(server.addr, "GET", path, headers, None).await;
                assert_eq!(
                    (head.status, &problem["code"]),
                    (401, &json!("unauthenticated")),
                    "{path} {headers}: {problem}"
                );
                assert!(head.header("www-authenticate").is_some_and(|told| told.contains("Bearer")), "{headers}");
            }
        }
    }
    for name in ["token", "access_token", "jwt", "bearer", "authorization", "ticket"] {
        let query = format!("{name}={good}");
        let (head, problem) = request(mute.addr, "GET", &format!("/api/chat/rooms?{query}"), "", None).await;
        assert_eq!((head.status, &problem["code"]), (401, &json!("unauthenticated")), "{name}");
        assert!(!problem.to_string().contains(&good), "{problem}");
        // The socket still waits for the frame that says whose it is.
        let mut socket = mute.open(&format!("/ws/chat?{query}")).await;
        socket.say(json!({"type": "ping"})).await;
        assert_eq!(socket.next().await["code"], "unauthenticated", "{name}");
        assert_eq!(socket.close_code().await, 4401, "{name}");
    }
}

#[tokio::test]
async fn guests_beside_tokens_have_ids_apart() {
    let server = Server::start_as(engine().await, Several::new(tokens()).or(Guests)).await;
    let room = server.room("general").await;
    let path = format!("/api/chat/rooms/{room}/messages");
    let said = json!({"content": "Hi"});
    let (_, message) = request(server.addr, "POST", &format!("{path}?username=Bob"), "", Some(&said)).await;
    assert_eq!((&message["user"], &message["username"]), (&json!("guest:Bob"), &json!("Bob")));
    // A bad credential decides, whatever the name.
    let bad = bearer("x.y.z");
    let (head, _) = request(server.addr, "POST", &format!("{path}?username=Bob"), &bad, Some(&said)).await;
    assert_eq!(head.status, 401);
    let (head, _) = request(server.addr, "GET", "/api/chat/rooms", "", None).await;
    assert_eq!(head.status, 200, "reading needs no name where guests are");
    let mut socket = server.open("/ws/chat?username=Bob").await;
    assert_eq!(socket.next().await["user"], "guest:Bob");
    let (mut socket, _) = open_with(&server, "/ws/chat?username=Bob", &[("authorization", "Bearer x")]).await;
    assert_eq!(socket.close_code().await, 4401);
    // Who says nothing in the request may do so in the first frame.
    open_as(&server, &token("u-1", "Ada")).await;
}

#[tokio::test]
async fn a_header_says_whose_a_socket_is() {
    let server = server().await;
    let authorization = format!("Bearer {}", token("u-1", "Ada"));
    let (mut socket, _) = open_with(&server, "/ws/chat", &[("authorization", &authorization)]).await;
    let hello = socket.next().await;
    assert_eq!(hello, json!({"type": "hello", "user": "u-1", "username": "Ada"}));
    for bad in ["Bearer x.y.z", "Bearer ", "Basic YTpi"] {
        let (mut socket, _) = open_with(&server, "/ws/chat", &[("authorization", bad)]).await;
        assert_eq!(socket.close_code().await, 4401, "{bad}");
    }
}

#[tokio::test]
async fn a_first_frame_says_whose_a_socket_is() {
    let server = server().await;
    let room = server.room("general").await;
    let mut socket = server.open(&format!("/ws/chat/{room}")).await;
    socket.say(json!({"type": "auth", "token": token("u-1", "Ada"), "ref": "a"})).await;
    // What follows at once is read, too.
    socket.say(json!({"type": "message", "content": "ﷺ".repeat(3_000), "ref": "m"})).await;
    let mut ok = socket.next().await;
    let left = ok["expires_in_ms"].take().as_u64().unwrap();
    assert!((500_000..=600_000).contains(&left), "{left}");
    assert_eq!(ok, json!({"type": "ok", "ref": "a", "user": "u-1", "username": "Ada", "expires_in_ms": null}));
    assert_eq!(socket.next().await["type"], "attached");
    assert_eq!(socket.next_of("ok").await["ref"], "m");
}

#[tokio::test]
async fn w20_nothing_is_said_of_a_room_before() {
    let server = server().await;
    server.room("general").await;
    // A room that is there, one that is not, and one that cannot be: the same answer.
    for path in ["/ws/chat/1", "/ws/chat/99", "/ws/chat/zero", "/ws/chat/1?after=x", "/ws/chat"] {
        for frame in [
            json!({"type": "message", "content": "Hi", "ref": "r"}),
            json!({"type": "attach", "room": 1, "ref": "r"}),
            json!({"type": "ping", "ref": "r"}),
            json!({"type": "shout", "ref": "r"}),
        ] {
            let mut socket = server.open(path).await;
            socket.say(frame.clone()).await;
            let error = socket.next().await;
            assert_eq!((&error["code"], &error["ref"]), (&json!("unauthenticated"), &json!("r")), "{path} {frame}");
            assert_eq!(error.get("room"), None);
            assert_eq!(socket.close_code().await, 4401, "{path} {frame}");
        }
    }
    let mut socket = server.open("/ws/chat/99").await;
    socket.say(json!({"type": "auth", "token": token("u-1", "Ada")})).await;
    assert_eq!(socket.next().await["type"], "ok");
    assert_eq!(socket.close_code().await, 4404);
    let mut socket = server.open("/ws/chat/zero").await;
    socket.say(json!({"type": "auth", "token": token("u-1", "Ada")})).await;
    assert_eq!(socket.close_code().await, 4400);
}

#[tokio::test]
async fn w23_a_bad_first_frame_closes() {
    let server = server().await;
    let expired = token_until("u-1", "Ada", now() - 70);
    for (frame, code) in [
        (json!({"type": "auth", "token": "x.y.z"}).to_string(), 4401),
        (json!({"type": "auth", "token": expired}).to_string(), 4401),
        (json!({"type": "auth", "token": ""}).to_string(), 4401),
        (json!({"type": "auth", "ticket": "0".repeat(32)}).to_string(), 4401),
        (json!({"type": "auth"}).to_string(), 4401),
        (json!({"type": "auth", "token": 7}).to_string(), 4401),
        (json!({"type": "auth", "token": token("u-1", "Ada"), "more": 1}).to_string(), 4401),
        ("{".to_owned(), 4401),
        (json!({"type": "auth", "token": "x".repeat(9_000)}).to_string(), 1009),
        (json!({"type": "auth", "token": "x".repeat(200_000)}).to_string(), 1009),
    ] {
        let mut socket = server.open("/ws/chat").await;
        socket.say_text(&frame).await;
        assert_eq!(socket.close_code().await, code, "{frame:.80}");
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let server = server().await;
    let credentials = bearer(&token("u-1", "Ada"));
    let ticket_of_ada = ticket(&server, &credentials).await;
    let offered = format!("chat, ticket.{ticket_of_ada}");
    let (mut socket, protocol) = open_with(&server, "/ws/chat", &[("sec-websocket-protocol", &offered)]).await;
    assert_eq!(protocol.as_deref(), Some("chat"));
    assert_eq!(socket.next().await["user"], "u-1");
    let (mut again, _) = open_with(&server, "/ws/chat", &[("sec-websocket-protocol", &offered)]).await;
    assert_eq!(again.close_code().await, 4401, "it is good once");

    let second = ticket(&server, &credentials).await;
    let mut socket = server.open("/ws/chat").await;
    socket.say(json!({"type": "auth", "ticket": second})).await;
    let ok = socket.next().await;
    assert_eq!((&ok["type"], &ok["user"]), (&json!("ok"), &json!("u-1")));
    assert!(ok["expires_in_ms"].as_u64().unwrap() > 100_000, "it ends with the token, not with the ticket");
}

#[tokio::test]
async fn a_ticket_of_a_guest_opens_a_socket() {
    let server = Server::start(engine().await).await;
    let (head, body) = request(server.addr, "POST", "/api/chat/ticket?username=Bob", "", None).await;
    assert_eq!(head.status, 200);
    let offered = format!("chat, ticket.{}", body["ticket"].as_str().unwrap());
    let (mut socket, _) = open_with(&server, "/ws/chat", &[("sec-websocket-protocol", &offered)]).await;
    assert_eq!(socket.next().await["user"], "Bob");
    assert_eq!(request(server.addr, "POST", "/api/chat/ticket", "", None).await.0.status, 401);
}

#[tokio::test]
async fn w22_a_token_is_renewed_within_the_connection() {
    let server = server().await;
    let mut socket = open_as(&server, &token_until("u-1", "Ada", now() + 30)).await;
    let warned = socket.next_of("expiring").await;
    assert!(warned["in_ms"].as_u64().unwrap() <= 30_000, "{warned}");
    socket.say(json!({"type": "auth", "token": token_until("u-1", "Ada", now() + 900)})).await;
    let ok = socket.next_of("ok").await;
    assert!(ok["expires_in_ms"].as_u64().unwrap() > 800_000, "{ok}");
    assert_eq!((&ok["user"], &ok["username"]), (&json!("u-1"), &json!("Ada")));
    socket.say(json!({"type": "ping", "ref": "p"})).await;
    assert_eq!(socket.next().await["type"], "pong");
    // A frame that is malformed is an error, and nothing changes.
    socket.say(json!({"type": "auth", "ref": "e"})).await;
    assert_eq!(socket.next().await["code"], "invalid_field");
    socket.say(json!({"type": "auth", "token": token("u-2", "Eve")})).await;
    assert_eq!(socket.close_code().await, 4401, "another user");
    let mut socket = open_as(&server, &token("u-1", "Ada")).await;
    socket.say(json!({"type": "auth", "token": "x.y.z"})).await;
    assert_eq!(socket.close_code().await, 4401);
}

#[tokio::test]
async fn f41_a_revocation_ends_everything_of_before() {
    let engine = engine().await;
    let server = Server::start_as(engine.clone(), tokens()).await;
    let room = server.room("general").await;
    let old = token("u-1", "Ada");
    let credentials = bearer(&old);
    let mut socket = open_as(&server, &old).await;
    let mut other = open_as(&server, &token("u-2", "Bob")).await;
    let (head, mut stream) =
        EventSource::open(server.addr, &format!("/api/chat/rooms/{room}/events"), &credentials).await;
    assert_eq!(head.status, 200);
    stream.next_of("attached").await;
    let unused = ticket(&server, &credentials).await;

    let ada = UserId::new("u-1").unwrap();
    assert_eq!(engine.revoke(&ada).await.unwrap(), 2);
    assert_eq!(socket.close_code().await, 4401);
    while stream.next().await.is_some() {}
    let refused = async |headers: &str| request(server.addr, "GET", "/api/chat/rooms", headers, None).await.0.status;
    assert_eq!(refused(&credentials).await, 401);
    let mut late = server.open("/ws/chat").await;
    late.say(json!({"type": "auth", "ticket": unused})).await;
    assert_eq!(late.close_code().await, 4401, "a ticket of before");
    let without_iat = json!({"sub": "u-1", "exp": now() + 600});
    let without_iat = encode(&Header::default(), &without_iat, &EncodingKey::from_secret(SECRET)).unwrap();
    assert_eq!(refused(&bearer(&without_iat)).await, 401);

    // A token that is issued later is good; nobody else has noticed.
    let later = json!({"sub": "u-1", "iat": now() + 2, "exp": now() + 600});
    let later = encode(&Header::default(), &later, &EncodingKey::from_secret(SECRET)).unwrap();
    assert_eq!(refused(&bearer(&later)).await, 200);
    other.say(json!({"type": "ping"})).await;
    assert_eq!(other.next().await["type"], "pong");
}

#[tokio::test]
async fn one_may_choose_a_name_until_the_token_gives_another() {
    let engine = engine().await;
    let server = Server::start_as(engine.clone(), Several::new(tokens()).or(Guests)).await;
    let me = async |method: &str, headers: &str, body: Option<Value>| {
        let (head, body) = request(server.addr, method, "/api/chat/me", headers, body.as_ref()).await;
        (head.status, body)
    };
    let exp = now() + 600;
    let ada = bearer(&token_until("u-1", "Ada", exp));
    let ends = me("GET", &ada, None).await.1["expires_at"].clone();
    assert!(ends.as_str().unwrap().ends_with(".000Z"), "{ends}");
    let shown = |name: &str| json!({"user": "u-1", "username": name, "via": "token", "expires_at": ends});
    assert_eq!(me("GET", &ada, None).await, (200, shown("Ada")));
    assert_eq!(me("PATCH", &ada, Some(json!({"username": " Countess "}))).await, (200, shown("Countess")));
    assert_eq!(me("GET", &ada, None).await, (200, shown("Countess")));
    let mut socket = open_as(&server, &token("u-1", "Ada")).await;
    socket.say(json!({"type": "auth", "token": token("u-1", "Ada")})).await;
    assert_eq!(socket.next().await["username"], "Countess");
    for (body, field) in [
        (json!({"username": ""}), "username"),
        (json!({"username": " guest:Bob"}), "username"),
        (json!({"username": "erased:1"}), "username"),
        (json!({"username": 7}), "username"),
        (json!({}), "username"),
        (json!({"username": "a", "user": "u-2"}), "user"),
    ] {
        let (status, problem) = me("PATCH", &ada, Some(body)).await;
        assert_eq!((status, problem["field"].as_str()), (400, Some(field)), "{problem}");
    }
    // The app has given another name since.
    let lovelace = bearer(&token_until("u-1", "Lovelace", exp));
    assert_eq!(me("GET", &lovelace, None).await, (200, shown("Lovelace")));
    assert_eq!(me("GET", &ada, None).await, (200, shown("Ada")));
    assert_eq!(me("PATCH", &ada, Some(json!({"username": "x"}))).await.0, 200);
    assert_eq!(me("PATCH", &ada, Some(json!({"username": "Ada"}))).await, (200, shown("Ada")));

    let guest = async |method: &str, body: Option<&Value>| {
        request(server.addr, method, "/api/chat/me?username=Bob", "", body).await
    };
    assert_eq!(guest("GET", None).await.1, json!({"user": "guest:Bob", "username": "Bob", "via": "guest"}));
    let (head, problem) = guest("PATCH", Some(&json!({"username": "Rob"}))).await;
    assert_eq!((head.status, &problem["code"]), (403, &json!("forbidden")));
    assert_eq!(me("GET", "", None).await.0, 401);
}

/// Says that every request is the host itself.
struct Presumptuous;

#[async_trait::async_trait]
impl Authenticator for Presumptuous {
    async fn authenticate(&self, request: &poem::Request) -> Result<chat_http::Authenticated, chat_core::Error> {
        let mut found = chat_http::Authenticated::anonymous();
        found.actor = match request.uri().query() {
            Some("system") => chat_core::Actor::System,
            Some("as") => chat_core::Actor::SystemAs(chat_core::Identity::named("Ada")?),
            _ => return Ok(chat_core::Identity::new("guest:Bob", "Bob")?.into()),
        };
        Ok(found)
    }
}

#[tokio::test]
async fn no_request_is_the_hosts_own() {
    let server = Server::start_as(engine().await, Presumptuous).await;
    for query in ["system", "as", "reserved"] {
        let (head, _) = request(server.addr, "GET", &format!("/api/chat/rooms?{query}"), "", None).await;
        assert_eq!(head.status, 401, "{query}");
        let mut socket = server.open(&format!("/ws/chat?{query}")).await;
        assert_eq!(socket.close_code().await, 4401, "{query}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn s35_no_token_ticket_or_key_is_told_to_anyone() {
    let log = Log::default();
    let (writer, level) = (log.clone(), tracing::Level::TRACE);
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone()).finish();
    // This test has a thread of its own, on which everything runs.
    let _guard = tracing::subscriber::set_default(subscriber);
    // While there is one subscriber alone, whether a line is wanted is asked of the thread that reaches it first, for good: of
    // another test. With two, all are asked.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let authenticator = tokens();
    let shown = format!("{authenticator:?}");
    let server = Server::start_as(engine().await, authenticator).await;
    let (good, bad) = (token("u-1", "Ada"), "canary.canary.canary");
    let mut told = vec![shown];
    for credentials in [bearer(&good), bearer(bad), "Authorization: Basic canary\r\n".to_owned()] {
        let (head, body) = request(server.addr, "GET", "/api/chat/rooms", &credentials, None).await;
        told.extend([format!("{head:?}"), body.to_string()]);
    }
    let ticket = ticket(&server, &bearer(&good)).await;
    for frame in [
        json!({"type": "auth", "token": bad}),
        json!({"type": "auth", "token": good, "ticket": "canary"}),
        json!({"type": "auth", "ticket": "canary"}),
        json!({"type": "message", "token": "canary"}),
    ] {
        let mut socket = server.open("/ws/chat").await;
        socket.say(frame).await;
        while let Some(Ok(message)) = socket.0.next().await {
            told.push(message.to_string());
        }
    }
    let mut socket = server.open("/ws/chat").await;
    socket.say(json!({"type": "auth", "ticket": ticket})).await;
    told.push(socket.next_text().await);
    socket.say(json!({"type": "auth", "token": bad})).await;
    told.push(format!("{:?}", socket.close().await));
    told.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    let signature = good.rsplit('.').next().unwrap();
    for secret in ["canary", signature, &ticket] {
        for text in &told {
            assert!(!text.contains(secret), "{text}");
        }
    }
    for line in ["the engine has started", "a token was refused"] {
        assert!(told.last().unwrap().contains(line), "{line:?} was not heard: {}", told.last().unwrap());
    }
}
