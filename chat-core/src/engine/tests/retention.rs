//! Pruning: what a room forgets, at once and for those who come back, and by itself in the background.

use super::*;
use crate::{Error, Gap, HistoryQuery, Keep, Retention, Room, Seq, Since};

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_from_before_the_beginning_reads_anew() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (alice, _updates) = connect(&engine, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    for number in 1..=5 {
        alice.send(room, text(&format!("message {number}"))).await.unwrap();
    }
    assert_eq!(engine.prune(room, Keep::Last(2)).await.unwrap(), Seq(4));
    let gap = async |after: u64| {
        let (bob, _updates) = connect(&engine, "bob");
        match bob.attach(room, Since::Seq(Seq(after))).await.unwrap().gap {
            Gap::Events(events) => Some(events.len()),
            Gap::Resync => None,
        }
    };
    assert_eq!([gap(2).await, gap(3).await, gap(4).await, gap(5).await], [None, Some(2), Some(1), Some(0)]);
    // Also once the room was let go of, and is loaded again.
    drop((alice, _updates));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!([gap(2).await, gap(3).await], [None, Some(2)]);
    let page = engine.history(&user("bob"), room, HistoryQuery::newest()).await.unwrap();
    assert_eq!(page.messages.len(), 2);
    assert_eq!(engine.prune(RoomId(99), Keep::Last(1)).await.unwrap_err(), Error::RoomNotFound);
}

/// Two messages, but for the room of announcements.
struct LastTwo;

impl Retention for LastTwo {
    fn keep(&self, room: &Room, _now: Timestamp) -> Option<Keep> {
        (room.name.as_str() != "Announcements").then_some(Keep::Last(2))
    }
}

#[tokio::test(start_paused = true)]
async fn rooms_are_pruned_by_themselves_as_the_host_says() {
    let limits = Limits { retention_interval: Duration::from_secs(60), ..Limits::default() };
    let builder = ChatEngine::builder().database(Database::store(memory())).limits(limits).clock(TokioClock::new());
    let engine = builder.retention(LastTwo).build().await.unwrap();
    let (pruned, kept) = (make_room(&engine, "general").await, make_room(&engine, "Announcements").await);
    for room in [pruned, kept] {
        for number in 1..=4 {
            engine.send(&user("alice"), room, text(&number.to_string())).await.unwrap();
        }
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    settle().await;
    let first = async |room| engine.room(&user("bob"), room).await.unwrap().first_seq;
    assert_eq!((first(pruned).await, first(kept).await), (Seq(3), Seq(1)));
}
