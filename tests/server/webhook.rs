//! Webhooks of a server: everything is posted at least once, each room in order, through failures and kills.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, time::timeout};

use crate::common::{DEADLINE, Database, Load, Server, TextFile, on_each_database};

on_each_database!(a_webhook_misses_nothing_through_kills);

const SECRET: &str = "whsec_canary8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "canary-0123456789abcdef0123456789";
const ROUNDS: usize = 4;

/// Takes in what is posted; every so often it does not.
#[derive(Default)]
struct Target {
    calls: AtomicUsize,
    /// Each so many-th call fails; 0: none.
    failing: AtomicUsize,
    /// What was taken in of each room: its numbers, as they came.
    rooms: Mutex<BTreeMap<u64, Vec<u64>>>,
    came: Notify,
}

impl Target {
    async fn serve() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::<Self>::default();
        let serving = Arc::clone(&target);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let target = Arc::clone(&serving);
                let service = service_fn(move |request| Arc::clone(&target).answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (target, address)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> hyper::Result<Response<Empty<Bytes>>> {
        let body = request.into_body().collect().await?.to_bytes();
        let mut response = Response::new(Empty::new());
        *response.status_mut() = self.take(&body);
        Ok(response)
    }

    fn take(&self, body: &[u8]) -> StatusCode {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let failing = self.failing.load(Ordering::Relaxed);
        if failing > 0 && call.is_multiple_of(failing) {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        let entry: Value = serde_json::from_slice(body).unwrap();
        let seq = if entry["type"] == "room_created" { 0 } else { entry["event"]["seq"].as_u64().unwrap() };
        self.rooms.lock().unwrap().entry(entry["room"].as_u64().unwrap()).or_default().push(seq);
        self.came.notify_one();
        StatusCode::NO_CONTENT
    }

    /// Waits until the newest event of a room was taken in.
    async fn has(&self, room: u64, seq: u64) {
        let waited = timeout(DEADLINE, async {
            while !self.rooms.lock().unwrap().get(&room).is_some_and(|taken| taken.contains(&seq)) {
                self.came.notified().await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{seq} of {room} does not come: {:?}", self.rooms.lock().unwrap()));
    }
}

/// Starts a server with a webhook to this address, and a token for the feed.
async fn start(database: &Database, address: SocketAddr) -> Server {
    let (secret, token) = (TextFile::new(SECRET), TextFile::new(TOKEN));
    let url = format!("http://{address}/canary");
    let files = ["--webhook-secret-file", secret.path(), "--feed-token-file", token.path()];
    Server::start_with(database, &[&files[..], &["--webhook", &url, "--webhook-allow-private"]].concat()).await
}

/// What the server tells whoever operates it.
async fn ask(server: &Server, path: &str) -> Value {
    let bearer = format!("Bearer {TOKEN}");
    server.call("GET", path, &[("authorization", &bearer)], None).await.json(200)
}

async fn a_webhook_misses_nothing_through_kills(database: Database) {
    let (target, address) = Target::serve().await;
    let server = start(&database, address).await;
    // It begins with what happens once it is there.
    while ask(&server, "/events/consumers").await["consumers"] == json!([]) {}
    let mut load = Load::new(&server).await;
    server.kill().await;
    for round in 0..ROUNDS {
        target.failing.store(if round % 2 == 0 { 0 } else { 40 }, Ordering::Relaxed);
        let server = start(&database, address).await;
        let writers = load.start(&server, 5 + (round * 37) % 90).await;
        server.kill().await;
        load.finish(writers).await;
    }
    target.failing.store(0, Ordering::Relaxed);
    let server = start(&database, address).await;
    load.check(&server).await;
    let rooms: Vec<u64> = target.rooms.lock().unwrap().keys().copied().collect();
    assert!(!rooms.is_empty());
    for room in rooms {
        let head = server.get(&format!("/rooms/{room}")).await.json(200)["head"].as_u64().unwrap();
        target.has(room, head).await;
        let taken = target.rooms.lock().unwrap()[&room].clone();
        let mut next = 0;
        for seq in &taken {
            assert!(*seq <= next, "room {room}: {seq} comes before {next}: {taken:?}");
            next = next.max(seq + 1);
        }
        assert_eq!(next, head + 1);
    }
}

#[tokio::test]
async fn what_waits_is_shown_to_who_operates_the_server() {
    let database = Database::sqlite();
    let (target, address) = Target::serve().await;
    let server = start(&database, address).await;
    while ask(&server, "/events/consumers").await["consumers"] == json!([]) {}
    target.failing.store(1, Ordering::Relaxed);
    let room = server.room("general").await;
    let held = loop {
        let list = ask(&server, "/events/consumers").await;
        let held = list["consumers"][0]["held"].clone();
        if held != json!([]) {
            break held;
        }
    };
    assert_eq!((&held[0]["room"], &held[0]["reason"]), (&json!(room), &json!("answered 500")), "{held}");
    let name = ask(&server, "/events/consumers").await["consumers"][0]["name"].as_str().unwrap().to_owned();
    let letters = ask(&server, &format!("/events/dead-letters?consumer={name}")).await;
    assert_eq!(letters, json!({"dead_letters": [], "next": null}));
    target.failing.store(0, Ordering::Relaxed);
    target.has(room, 0).await;
    let said = server.stop_and_read_output().await;
    for number in 1..=3 {
        let letter = format!(
            "INSERT INTO chat_dead_letters (consumer, number, pos, seq, room_id, at_us, tries, reason) \
             VALUES ('{name}', {number}, 1, 1, {room}, 0, {number}, 'answered 500')"
        );
        database.execute(&[&letter]).await;
    }
    let server = start(&database, address).await;
    let letters = async |page: &str| ask(&server, &format!("/events/dead-letters?consumer={name}&limit=2{page}")).await;
    let newest = letters("").await;
    let tries = |index: usize| &newest["dead_letters"][index]["tries"];
    assert_eq!((tries(0), tries(1), tries(2), &newest["next"]), (&json!(3), &json!(2), &Value::Null, &json!("2")));
    let oldest = letters("&after=2").await;
    assert_eq!((&oldest["dead_letters"][0]["tries"], &oldest["next"]), (&json!(1), &Value::Null), "{oldest}");
    drop(server);
    assert!(said.contains("127.0.0.1") && said.contains("was not taken in") && said.contains("answered 500"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn webhooks_lead_outside_unless_they_may_lead_inside() {
    let database = Database::sqlite();
    let secret = TextFile::new(SECRET);
    let secret = ["--webhook-secret-file", secret.path()];
    for url in ["https://127.0.0.1/canary", "http://hooks.example/canary", "https://user@hooks.example/canary"] {
        let (status, said) = Server::fail_with(&database, &[&secret[..], &["--webhook", url]].concat()).await;
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("--webhook") && !said.contains("canary"), "{said}");
    }
    // A name that leads inside is found out when it is connected to.
    let (_, address) = Target::serve().await;
    let url = format!("https://localhost:{}/canary", address.port());
    let server = Server::start_with(&database, &[&secret[..], &["--webhook", &url]].concat()).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "x").await;
    server.wait_for_output("its address is not public", 1).await;
    let said = server.stop_and_read_output().await;
    assert!(!said.contains("canary"), "{said}");
}
