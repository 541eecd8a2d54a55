//! What readers of a large chat wait for, on SQLite with 1,000,000 messages in 500 rooms: the list of a user's rooms, a mark, and a
//! page of which every message was edited and has reactions, beside a plain one.

use std::{cell::LazyCell, env, fs, path::PathBuf};

use chat_core::{
    Change, ChatEngine, Database, Edit, HistoryQuery, Identity, MarkTo, MyRoomQuery, NewRoom, RoomId, Seq,
};
use criterion::{BatchSize, Criterion};
use tokio::runtime::Runtime;

use crate::{databases::execute, text};

const ROOMS: u64 = 500;
const MESSAGES: u64 = 1_000_000;
/// How many messages a room has.
const EACH: u64 = MESSAGES / ROOMS;
/// How many of them mention the user.
const MENTIONS: u64 = 10;
/// How many rows a statement inserts.
const ROWS: usize = 1_000;

pub(crate) fn bench(c: &mut Criterion) {
    // It takes a while to make, and only where one of these is asked for.
    let large = LazyCell::new(LargeChat::new);
    let mut group = c.benchmark_group("conversation");
    group.bench_function("500 rooms of a user", |bencher| {
        let LargeChat { runtime, engine, alice, .. } = &*large;
        bencher.iter(|| assert_eq!(runtime.block_on(my_rooms(engine, alice)), ROOMS));
    });
    group.bench_function("a mark over all of a room", |bencher| {
        let LargeChat { runtime, engine, alice, rooms, .. } = &*large;
        let back = || runtime.block_on(engine.mark(alice, rooms[0], MarkTo::back_to(Seq(0)))).unwrap();
        let read = |_| runtime.block_on(engine.mark(alice, rooms[0], MarkTo::seq(Seq(u64::MAX)))).unwrap();
        bencher.iter_batched(back, read, BatchSize::PerIteration);
    });
    for (name, room) in [("a page of plain messages", 2), ("a page of edits and reactions", 1)] {
        group.bench_function(name, |bencher| {
            let LargeChat { runtime, engine, alice, rooms, .. } = &*large;
            if room == 1 {
                runtime.block_on(change_all(engine, alice, rooms[room]));
            }
            let read = || runtime.block_on(engine.history(alice, rooms[room], HistoryQuery::newest())).unwrap();
            bencher.iter(|| assert_eq!(read().messages.len(), 50));
        });
    }
    group.finish();
}

/// An engine on a file with all these messages.
struct LargeChat {
    runtime: Runtime,
    engine: ChatEngine,
    alice: Identity,
    rooms: Vec<RoomId>,
    folder: PathBuf,
}

impl LargeChat {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("chat-bench-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let url = format!("sqlite://{}/chat.db?mode=rwc", folder.display());
        let runtime = Runtime::new().unwrap();
        let alice = Identity::named("Alice").unwrap();
        let rooms = runtime.block_on(fill(&url, &alice));
        let engine = runtime.block_on(ChatEngine::builder().database(Database::from(url.as_str())).build()).unwrap();
        Self { runtime, engine, alice, rooms, folder }
    }
}

impl Drop for LargeChat {
    fn drop(&mut self) {
        self.runtime.block_on(self.engine.shutdown());
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// How many rooms a user has: all pages of the list, with unread, mentions and the newest message of each.
async fn my_rooms(engine: &ChatEngine, user: &Identity) -> u64 {
    let (mut found, mut after) = (0, None);
    loop {
        let mut query = MyRoomQuery::default().limit(200);
        query.after = after;
        let page = engine.my_rooms(user, query).await.unwrap();
        assert!(page.rooms.iter().all(|mine| mine.unread.unread > 0 || mine.room.id.0 <= 2));
        found += page.rooms.len() as u64;
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Edits the newest 50 messages of a room, and reacts to them.
async fn change_all(engine: &ChatEngine, alice: &Identity, room: RoomId) {
    let (author, bob) = (Identity::named("Bob").unwrap(), Identity::named("Carol").unwrap());
    for seq in (EACH - 49..=EACH).map(Seq) {
        engine.change(&author, room, Change::edit(seq, Edit::text(text() + "!"))).await.unwrap();
        for (user, reaction) in [(alice, "👍"), (&bob, "👍"), (&bob, "🎉")] {
            engine.change(user, room, Change::react(seq, reaction)).await.unwrap();
        }
    }
}

/// Makes the rooms by the engine, and their logs and marks by statements: the engine would take an hour.
async fn fill(url: &str, alice: &Identity) -> Vec<RoomId> {
    let engine = ChatEngine::builder().database(Database::from(url)).build().await.unwrap();
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(engine.create_room(alice, NewRoom::named(format!("room {number}"))).await.unwrap().id);
    }
    engine.shutdown().await;
    let user = &alice.id;
    for room in &rooms {
        let messages: Vec<String> = (1..=EACH).map(|seq| message(*room, seq)).collect();
        let columns = "room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body";
        let insert = |rows: &[String]| format!("INSERT INTO chat_events ({columns}) VALUES {}", rows.join(","));
        let mut statements: Vec<String> = messages.chunks(ROWS).map(insert).collect();
        let mention = |number| format!("('{user}', {room}, {}, 'bob')", EACH - number * 7);
        let mentions: Vec<String> = (0..MENTIONS).map(mention).collect();
        statements.push(format!(
            "INSERT INTO chat_mentions (user_id, room_id, seq, author_id) VALUES {}",
            mentions.join(",")
        ));
        let mark = EACH / 2;
        let theirs = format!("user_id = '{user}' AND room_id = {room}");
        statements.push(format!("UPDATE chat_reads SET seq = {mark}, ordinal = {mark} WHERE {theirs}"));
        // Nobody searches here: the engine has nothing to put into the index meanwhile.
        statements.push(format!(
            "UPDATE chat_rooms SET head = {EACH}, ordinal = {EACH}, indexed_seq = {EACH}, last_message_seq = {EACH}, \
             last_message_at = {} WHERE id = {room}",
            1_000_000 + room.0
        ));
        execute(url, &statements).await;
    }
    rooms
}

fn message(room: RoomId, seq: u64) -> String {
    let user = Identity::named("Bob").unwrap().id;
    format!("({room}, {seq}, 1, {seq}, '{user}', 'Bob', {seq}, '{seq:032}', 0, '{}')", text())
}
