//! What has happened in all rooms, followed from outside: whoever keeps where they are gets everything once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::common::{Database, Load, Server, TextFile, on_each_database};

on_each_database!(a_follower_misses_nothing_through_kills);

const TOKEN: &str = "canary-0123456789abcdef0123456789";
const ROUNDS: usize = 6;

async fn start(database: &Database, token: &TextFile) -> Server {
    Server::start_with(database, &["--feed-token-file", token.path()]).await
}

/// What has been heard of each room, and where the follower stands.
#[derive(Default)]
struct Follower {
    after: Option<String>,
    rooms: BTreeMap<u64, Vec<Value>>,
}

impl Follower {
    /// Reads on, as far as there is something.
    async fn follow(&mut self, server: &Server) {
        loop {
            let after = self.after.as_ref().map_or(String::new(), |after| format!("&after={after}"));
            let bearer = format!("Bearer {TOKEN}");
            let path = format!("/events/feed?limit=100{after}");
            let page = server.call("GET", &path, &[("authorization", &bearer)], None).await.json(200);
            for entry in page["entries"].as_array().unwrap() {
                self.rooms.entry(entry["room"].as_u64().unwrap()).or_default().push(entry.clone());
            }
            self.after = page["next"].as_str().map(str::to_owned);
            if page["has_more"] == json!(false) {
                return;
            }
        }
    }
}

async fn a_follower_misses_nothing_through_kills(database: Database) {
    let token = TextFile::new(TOKEN);
    let mut follower = Follower::default();
    let server = start(&database, &token).await;
    let mut load = Load::new(&server).await;
    follower.follow(&server).await;
    server.kill().await;
    for round in 0..ROUNDS {
        let server = start(&database, &token).await;
        let writers = load.start(&server, 5 + (round * 37) % 90).await;
        // Every second time, all of it is found only after the next start.
        if round % 2 == 0 {
            follower.follow(&server).await;
        }
        server.kill().await;
        load.finish(writers).await;
    }
    let server = start(&database, &token).await;
    follower.follow(&server).await;
    load.check(&server).await;
    assert!(!follower.rooms.is_empty());
    for (room, heard) in &follower.rooms {
        assert_eq!(heard[0]["type"], "room_created");
        let heard: Vec<_> =
            heard[1..].iter().map(|entry| (&entry["event"]["seq"], &entry["event"]["content"])).collect();
        let numbers: Vec<_> = (1..=heard.len() as u64).map(Value::from).collect();
        assert!(heard.iter().map(|(seq, _)| *seq).eq(&numbers), "room {room}: {heard:?}");
        let mut stored = Vec::new();
        while stored.len() < heard.len() {
            let page = server.get(&format!("/rooms/{room}/messages?limit=100&after={}", stored.len())).await.json(200);
            assert_eq!(page["head"], json!(heard.len()), "room {room}");
            stored.extend(page["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()));
        }
        assert!(heard.iter().map(|(_, content)| *content).eq(&stored), "room {room}");
    }
}

#[tokio::test]
async fn the_feed_is_given_only_where_there_is_a_token_for_it() {
    let database = Database::sqlite();
    let short = TextFile::new("too short\n");
    let (status, said) = Server::fail_with(&database, &["--feed-token-file", short.path()]).await;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("32 to 1,024 visible ASCII characters") && !said.contains("too short"), "{said}");
    let server = Server::start(&database).await;
    let bearer = format!("Bearer {TOKEN}");
    server.call("GET", "/events/feed", &[("authorization", &bearer)], None).await.problem(404, "not_found");
    server.stop().await;
    let server = start(&database, &TextFile::new(&format!("{TOKEN}\n"))).await;
    server.get("/events/feed").await.problem(401, "unauthenticated");
    assert!(!server.stop_and_read_output().await.contains(TOKEN));
}
