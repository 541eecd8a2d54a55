//! The network between the server and its database.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use torture::fault::proxy::{Lose, Proxy};

use super::{AT_ONCE, log, post, until_ready, within};
use crate::common::{Database, Server};

/// A database on a server, behind a proxy of its own.
struct BehindProxy {
    proxy: Proxy,
    database: Database,
}

impl BehindProxy {
    async fn new(database: Database) -> Self {
        let (start, rest) = database.url().split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let proxy = Proxy::start(address.parse().unwrap()).await.unwrap();
        let database = Database::at(format!("{start}@{}/{name}", proxy.address()));
        Self { proxy, database }
    }
}

/// Runs `async fn name(behind: BehindProxy)` on each database that is behind a network.
macro_rules! on_each_server {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::BehindProxy;
            use crate::common::Database;

            #[tokio::test]
            #[ignore = "needs a server: cargo xtask test"]
            async fn on_postgres() {
                super::$name(BehindProxy::new(Database::postgres().await).await).await;
            }

            #[tokio::test]
            #[ignore = "needs a server: cargo xtask test"]
            async fn on_mariadb() {
                super::$name(BehindProxy::new(Database::mariadb().await).await).await;
            }
        }
    )+};
}

on_each_server!(
    a_database_that_is_gone_and_comes_back,
    connections_that_are_cut,
    a_commit_whose_answer_is_lost,
    a_commit_that_never_arrived,
    packets_that_vanish,
    a_database_that_is_slow,
    a_start_without_a_database,
);

/// The server's connections: for writing, reading, searching and the lease, and one more at times to find out whether a
/// write was stored.
const CONNECTIONS: usize = 11;

async fn a_database_that_is_gone_and_comes_back(BehindProxy { proxy, database }: BehindProxy) {
    let server = Server::start(&database).await;
    let (room, idle) = (server.room("general").await, server.room("idle").await);
    let mut bob = server.join(room, "Bob").await;
    server.say(room, "Alice", "one").await;
    assert_eq!(bob.event().await["content"], "one");
    proxy.be_gone(true);
    // It is noticed before any request fails.
    let noticed = within(Duration::from_secs(5), "noticing it", until_ready(&server, false)).await;
    noticed.problem(503, "unavailable");
    server.wait_for_output(&format!(" on {}: ", proxy.address()), 1).await;
    assert_eq!(server.get_path("/healthz").await.status, 200);
    for number in 0..10 {
        for room in [room, idle] {
            let reply = within(AT_ONCE, "a refusal", post(&server, room, &format!("k{number}"), "two")).await;
            reply.problem(503, "unavailable");
        }
        let asked = bob.ask(json!({"type": "message", "content": "two"}));
        let answer = within(AT_ONCE, "a refusal on a socket", asked).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("unavailable")), "{answer}");
        assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok", "the socket lives");
    }
    // Many requests wait for the database to return.
    let path = format!("/rooms/{room}/messages");
    let readers = join_all((0..40).map(|_| server.get(&path)));
    for reply in within(Duration::from_secs(10), "reads without a database", readers).await {
        reply.problem(503, "unavailable");
    }
    proxy.count_anew();
    proxy.be_gone(false);
    within(Duration::from_secs(5), "back again", until_ready(&server, true)).await;
    for reply in join_all((0..40).map(|_| server.get(&path))).await {
        reply.json(200);
    }
    let counts = proxy.counts();
    assert!(counts.opened > 0 && counts.most_open <= CONNECTIONS, "a stampede: {counts:?}");
    assert_eq!(post(&server, room, "k0", "two").await.json(201)["seq"], json!(2), "no number is lost");
    assert_eq!(bob.event().await["content"], "two");
    assert_eq!(log(&server, room).await, ["one", "two"]);
}

async fn connections_that_are_cut(BehindProxy { proxy, database }: BehindProxy) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    for round in 0..5 {
        server.say(room, "Alice", &format!("message {round}")).await;
        proxy.cut();
        // Reads notice it and go on; one in flight may fail.
        let found = async { while server.get(&format!("/rooms/{room}/messages")).await.status != 200 {} };
        within(Duration::from_secs(3), "reading again", found).await;
        let key = format!("k{round}");
        let sent = async { while !matches!(post(&server, room, &key, &key).await.status, 200 | 201) {} };
        within(Duration::from_secs(3), "writing again", sent).await;
    }
    assert_eq!(log(&server, room).await.len(), 10, "each once");
    assert!(proxy.counts().most_open <= 2 * CONNECTIONS, "{:?}", proxy.counts());
}

async fn a_commit_whose_answer_is_lost(BehindProxy { proxy, database }: BehindProxy) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    for round in 1..=5_u64 {
        until_ready(&server, true).await;
        let (key, content) = (format!("k{round}"), format!("message {round}"));
        proxy.lose_commit_of(&content, Lose::Answer);
        let sent = within(Duration::from_secs(10), "an answer", post(&server, room, &key, &content)).await;
        assert_eq!(sent.json(201)["seq"], json!(round), "the room has looked what became of it");
        proxy.until(|counts| counts.lost_commits == usize::try_from(round).unwrap()).await;
        let again = post(&server, room, &key, &content).await;
        if again.status != 200 {
            // The message is looked up in the database, which is used only after it was probed.
            again.problem(503, "unavailable");
            until_ready(&server, true).await;
            assert_eq!(post(&server, room, &key, &content).await.json(200)["seq"], json!(round));
        }
        let heard = bob.event().await;
        assert_eq!((&heard["seq"], &heard["content"]), (&json!(round), &json!(content)));
    }
    assert!(bob.so_far().await.iter().all(|frame| frame["type"] != "message"), "each was heard once");
    until_ready(&server, true).await;
    let name = "made by whom?";
    proxy.lose_commit_of(name, Lose::Answer);
    let made = server.post("/rooms", json!({"name": name})).await;
    made.problem(503, "outcome_unknown");
    until_ready(&server, true).await;
    server.post("/rooms", json!({"name": name})).await.problem(409, "name_taken");
    assert_eq!(log(&server, room).await.len(), 5);
}

async fn a_commit_that_never_arrived(BehindProxy { proxy, database }: BehindProxy) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    for round in 1..=3_u64 {
        until_ready(&server, true).await;
        let (key, content) = (format!("k{round}"), format!("message {round}"));
        proxy.lose_commit_of(&content, Lose::Request);
        let sent = within(Duration::from_secs(10), "an answer", post(&server, room, &key, &content)).await;
        sent.problem(503, "unavailable");
        until_ready(&server, true).await;
        assert_eq!(post(&server, room, &key, &content).await.json(201)["seq"], json!(round));
    }
    assert_eq!(proxy.counts().lost_commits, 3);
    assert_eq!(log(&server, room).await, ["message 1", "message 2", "message 3"]);
}

async fn packets_that_vanish(BehindProxy { proxy, database }: BehindProxy) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    server.say(room, "Alice", "one").await;
    let before = proxy.counts().opened;
    proxy.stall(true);
    let path = format!("/rooms/{room}/messages");
    let limit = Duration::from_secs(8);
    let (sent, read) = tokio::join!(
        within(limit, "a send", post(&server, room, "k", "two")),
        within(limit, "a read", server.get(&path))
    );
    assert_eq!((sent.status, read.status), (503, 503), "{sent:?} {read:?}");
    read.problem(503, "unavailable");
    until_ready(&server, false).await;
    within(AT_ONCE, "a refusal", post(&server, room, "k", "two")).await.problem(503, "unavailable");
    assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok", "the socket lives");
    proxy.stall(false);
    within(Duration::from_secs(5), "back again", until_ready(&server, true)).await;
    assert!(proxy.counts().opened > before, "what hung was given up for fresh connections");
    let again = post(&server, room, "k", "two").await;
    assert!(matches!(again.status, 200 | 201), "{again:?}");
    assert_eq!(log(&server, room).await, ["one", "two"]);
}

async fn a_database_that_is_slow(BehindProxy { proxy, database }: BehindProxy) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    server.say(room, "Alice", "one").await;
    proxy.delay(Duration::from_secs(2));
    // Some are tried, and answered in the end; none waits for ever.
    let keys: Vec<_> = (0..20).map(|number| format!("k{number}")).collect();
    let first = join_all(keys.iter().map(|key| post(&server, room, key, key)));
    let first = within(Duration::from_secs(25), "those who were first", first).await;
    assert!(first.iter().all(|reply| matches!(reply.status, 201 | 503)), "{first:?}");
    until_ready(&server, false).await;
    for _ in 0..10 {
        within(AT_ONCE, "a refusal", post(&server, room, "later", "later")).await.problem(503, "unavailable");
        assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok");
        within(AT_ONCE, "a pong", bob.so_far()).await;
    }
    proxy.delay(Duration::ZERO);
    within(Duration::from_secs(10), "back again", until_ready(&server, true)).await;
    for key in &keys {
        let reply = post(&server, room, key, key).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    }
    assert_eq!(log(&server, room).await.len(), keys.len() + 1, "each once");
}

/// The server says in time why it cannot start, and can be started again.
async fn a_start_without_a_database(BehindProxy { proxy, database }: BehindProxy) {
    for (what, fault) in [("gone", Proxy::be_gone as fn(&Proxy, bool)), ("silent", Proxy::stall)] {
        fault(&proxy, true);
        let (status, said) = within(Duration::from_secs(10), what, Server::fail(&database)).await;
        assert_eq!(status.code(), Some(4), "{what}: {said}");
        assert!(said.contains("cannot open the database"), "{said}");
        fault(&proxy, false);
    }
    Server::start(&database).await;
}
