//! The wall clock is set forward and back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use torture::fault::shim::{Count, Shim};

use super::log;
use crate::common::{Database, Server, Socket};

const HOUR: i64 = 3600;

#[tokio::test]
async fn neither_the_order_nor_what_expires_follows_the_wall_clock() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let room = server.room("general").await;
    let (mut alice, mut bob) = (server.join(room, "Alice").await, server.join(room, "Bob").await);
    let mut times = Vec::new();
    for (number, ahead) in [0, HOUR, -HOUR, 0, -24 * HOUR].into_iter().enumerate() {
        shim.set_clock_ahead(ahead).unwrap();
        assert_eq!(alice.say(&format!("message {number}")).await, number as u64 + 1);
        times.push(bob.event().await["timestamp"].as_str().unwrap().to_owned());
    }
    assert!(times[0] < times[1] && times[2] < times[0] && times[4] < times[2], "it was set: {times:?}");
    assert!(shim.count(Count::ShiftedClocks).unwrap() > 0);
    assert_eq!(log(&server, room).await, (0..5).map(|number| format!("message {number}")).collect::<Vec<_>>());

    // Typing expires after 6 s, whichever way the clock is set; and nobody is taken for lost.
    for ahead in [HOUR, -HOUR] {
        assert_eq!(alice.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok");
        typing(&mut bob, &json!(["Alice"])).await;
        let began = Instant::now();
        shim.set_clock_ahead(ahead).unwrap();
        typing(&mut bob, &json!([])).await;
        let lasted = began.elapsed();
        assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&lasted), "{lasted:?}");
    }
    let online = server.get(&format!("/rooms/{room}/presence")).await.json(200);
    assert_eq!(online["count"], json!(2));
    // A client that comes back while the clock is shifted gets what it missed.
    let epoch = server.get(&format!("/rooms/{room}/messages")).await.json(200)["epoch"].clone();
    let path = format!("/{room}?username=Bob&after=3&epoch={}", epoch.as_str().unwrap());
    let attached = server.socket(&path).await.frame().await;
    assert_eq!(attached["events"].as_array().unwrap().len(), 2, "{attached}");
}

async fn typing(socket: &mut Socket, users: &Value) {
    socket.expect("typing", |frame| frame["type"] == "typing" && frame["users"] == *users).await;
}
