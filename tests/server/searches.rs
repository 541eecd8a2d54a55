//! Many clients search at once, among many rooms.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::common::{Database, Server, call};

/// This many clients search for ever: after each answer comes the next search. That is far more than may wait.
const SEARCHERS: usize = 256;
/// The slowest searches: parts too short for an index, and parts that do not occur.
const PARTS: [&str; 4] = ["q=zz", "q=~", "q=room%2099999999", "q=9%207"];
/// Creates more rooms besides those of the first schema.
const MANY_ROOMS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
     INSERT INTO chat_rooms (name, name_key, topic, created_at) \
     SELECT 'Room ' || i || ' of many', 'room ' || i || ' of many', '', 1795372429262887 FROM n";
/// How long other requests may take meanwhile, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn searches_do_not_stop_reads_and_sends() {
    let database = Database::sqlite();
    database.execute(&[include_str!("fixtures/first_schema.sqlite.sql"), MANY_ROOMS]).await;
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let answered: &'static [AtomicUsize; 2] = Box::leak(Box::default());
    let mut searchers = JoinSet::new();
    for number in 0..SEARCHERS {
        searchers.spawn(search(server.address(), PARTS[number % PARTS.len()], answered));
    }
    while answered.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>() < SEARCHERS {
        tokio::task::yield_now().await;
    }
    let mut worst = Duration::ZERO;
    for turn in 0..30 {
        let began = Instant::now();
        server.say(room, "Alice", &format!("message {turn}")).await;
        worst = worst.max(began.elapsed());
        for path in [
            format!("/rooms/{room}"),
            format!("/rooms/{room}/messages"),
            format!("/rooms/{room}/presence"),
            "/rooms".into(),
        ] {
            let began = Instant::now();
            server.get(&path).await.json(200);
            worst = worst.max(began.elapsed());
        }
        assert_eq!(server.get_path("/readyz").await.status, 200);
    }
    assert!(worst < TIMEOUT, "{worst:?}");
    searchers.abort_all();
    let [found, refused] = answered.each_ref().map(|count| count.load(Ordering::Relaxed));
    println!("{found} searches answered, {refused} overloaded; others waited for {worst:?} at most");
    while let Some(searcher) = searchers.join_next().await {
        assert!(searcher.is_err_and(|error| error.is_cancelled()), "a search was answered otherwise");
    }
}

/// Searches for ever. Each search is answered, or refused; then the client waits as long as the refusal says.
async fn search(address: SocketAddr, part: &str, answered: &[AtomicUsize; 2]) {
    let path = format!("/api/chat/rooms?{part}");
    loop {
        let reply = call(address, "GET", &path, &[], None).await;
        if reply.status == 503 {
            let wait = reply.problem(503, "overloaded")["retry_after_ms"].as_u64().unwrap();
            assert!(reply.header("retry-after").is_some());
            answered[1].fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        } else {
            assert!(reply.json(200)["rooms"].is_array());
            answered[0].fetch_add(1, Ordering::Relaxed);
        }
    }
}
