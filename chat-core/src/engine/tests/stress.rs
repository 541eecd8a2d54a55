//! Everything at once on several threads: rooms that start and end all the time, readers that are cut, dropped and come
//! back. Finds what paused time cannot: races between the tasks.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{Gap, Position, Seq, Since};

const ROOMS: usize = 4;
const SENDERS: usize = 4;
const MESSAGES: usize = 500;
const FLASHES: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_is_lost_or_doubled_whatever_happens_at_once() {
    let limits = Limits {
        room_linger: Duration::ZERO,
        presence_grace: Duration::from_millis(1),
        signal_interval: Duration::from_millis(1),
        session_queue_bytes: 4_000,
        recent_events: 5_000,
        recent_bytes: 8 << 20,
        ..Limits::default()
    };
    let store = memory();
    let engine =
        ChatEngine::builder().database(Database::store(Arc::clone(&store))).limits(limits).build().await.unwrap();
    let mut rooms = Vec::new();
    for n in 0..ROOMS {
        rooms.push(make_room(&engine, &format!("room {n}")).await);
    }
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = rooms
        .iter()
        .flat_map(|room| [*room; 3])
        .enumerate()
        .map(|(n, room)| tokio::spawn(follow(engine.clone(), room, n, Arc::clone(&done))))
        .collect();
    let flashes: Vec<_> = rooms.iter().map(|room| tokio::spawn(flash(engine.clone(), *room))).collect();
    let senders: Vec<_> = (0..SENDERS).map(|n| tokio::spawn(send_all(engine.clone(), rooms.clone(), n))).collect();
    for sender in senders {
        sender.await.unwrap();
    }
    done.store(true, Ordering::Release);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), Seq((SENDERS * MESSAGES / ROOMS) as u64));
    }
    for flash in flashes {
        flash.await.unwrap();
    }
    assert_eq!(engine.health().sessions, 0);
    // Nobody is left in any room, so that all of them are forgotten.
    until(|| engine.inner().hub.active() == 0).await;
    engine.shutdown().await;
    assert_eq!(engine.inner().hub.active(), 0);
    drop(engine);
    // What is left of the last tasks lets go of the store.
    until(|| Arc::strong_count(&store) == 1).await;
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await.expect("it comes to rest");
}

/// Attaches and is gone as soon as it is answered, again and again.
async fn flash(engine: ChatEngine, room: RoomId) {
    for _ in 0..FLASHES {
        let (session, updates) = connect(&engine, "flash");
        drop(updates);
        session.attach(room, Since::Now).await.unwrap();
    }
}

/// Sends to all rooms in turn, half of it without a session, each message twice with one key.
async fn send_all(engine: ChatEngine, rooms: Vec<RoomId>, sender: usize) {
    let name = format!("sender {sender}");
    let (session, _updates) = connect(&engine, &name);
    for n in 0..MESSAGES {
        let room = rooms[n % ROOMS];
        let draft = text(&format!("{sender} {n}")).key(format!("{sender}-{n}"));
        let first = session.send(room, draft.clone()).await.unwrap();
        let again = engine.send(&user(&name), room, draft).await.unwrap();
        assert_eq!((again.seq, again.replayed), (first.seq, true));
    }
}

/// Follows a room from its beginning through any number of sessions, and checks that each event comes once, in order.
async fn follow(engine: ChatEngine, room: RoomId, reader: usize, done: Arc<AtomicBool>) -> Seq {
    let mut have = Seq(0);
    let mut sessions = 0;
    loop {
        let is_last = done.load(Ordering::Acquire);
        sessions += 1;
        let (session, mut updates) = connect(&engine, &format!("reader {reader}"));
        let since = Since::Position(Position { epoch: Epoch::new("test"), seq: have });
        let attached = session.attach(room, since).await.unwrap();
        let Gap::Events(events) = attached.gap else { panic!("a resync within the limits") };
        for event in events {
            assert_eq!(event_of(&event).unwrap().seq, have.next());
            have = have.next();
        }
        assert_eq!(attached.head.seq, have);
        if is_last {
            return have;
        }
        // Some read a little and go away, some read too slowly, some go by the front door.
        for _ in 0..(reader * 7 + sessions) % 40 {
            let Ok(Some(update)) = timeout(Duration::from_millis(5), updates.next()).await else { break };
            if let Some(event) = event(&update) {
                assert_eq!(event.seq, have.next());
                have = have.next();
            }
        }
        match (reader + sessions) % 4 {
            0 => session.disconnect_lost(),
            1 => session.detach(room).await.unwrap_or_default(),
            2 => drop(updates),
            _ => {}
        }
    }
}
