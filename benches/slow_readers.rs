//! What readers that do not read cost in memory, with and without `Limits::waiting_bytes`. See `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "what is not there ends the measurement")]

use std::{env, fs, process::Command};

use chat_core::{ChatEngine, Draft, Identity, Limits, NewRoom, RoomId, SessionHandle, Since, Updates};
use futures::future::join_all;
use tokio::runtime::Runtime;

/// How many readers there are.
const READERS: usize = 1_024;
/// How many messages come for each, of 4,000 bytes: nearly as much as may wait for one.
const MESSAGES: usize = 240;
/// In how many rooms the readers are, and how many bytes may wait for all.
const CASES: [(usize, Option<usize>); 4] =
    [(1, None), (1, Some(512 << 20)), (READERS, None), (READERS, Some(512 << 20))];

/// Measures each case in a process of its own, so that nothing is left of the one before.
fn main() {
    let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
    if let Some(case) = args.next().and_then(|arg| CASES.get(arg.parse::<usize>().ok()?)) {
        Runtime::new().unwrap().block_on(measure(*case));
    } else if env::args().any(|arg| arg == "--bench") {
        eprintln!("| rooms | may wait | closed as lagged | memory more than at the start |\n|---|---|---|---|");
        for case in 0..CASES.len() {
            let run = Command::new(env::current_exe().unwrap()).arg(case.to_string()).status();
            assert!(run.unwrap().success());
        }
    }
}

async fn measure((rooms, may_wait): (usize, Option<usize>)) {
    let folder = env::temp_dir().join(format!("chat-bench-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    let mut limits = Limits::default();
    limits.waiting_bytes = may_wait;
    let url = format!("sqlite://{}/chat.db?mode=rwc", folder.display());
    let engine = ChatEngine::builder().database(url.as_str()).limits(limits).build().await.unwrap();
    let rooms = make_rooms(&engine, rooms).await;
    let readers = attach(&engine, &rooms).await;
    let (sender, before) = (user(0), resident());
    for _ in 0..MESSAGES {
        let sends = rooms.iter().map(|room| engine.send(&sender, *room, Draft::text("x".repeat(4_000))));
        join_all(sends).await.into_iter().for_each(|sent| drop(sent.unwrap()));
    }
    let grown = resident() - before;
    let closed = readers.iter().filter(|(reader, _)| reader.has_ended()).count();
    let may_wait = may_wait.map_or("all".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
    eprintln!("| {} | {may_wait} | {closed} of {READERS} | {grown} MiB |", rooms.len());
    engine.shutdown().await;
    fs::remove_dir_all(folder).unwrap();
}

async fn make_rooms(engine: &ChatEngine, count: usize) -> Vec<RoomId> {
    let mut rooms = Vec::new();
    for number in 0..count {
        rooms.push(engine.create_room(&user(0), NewRoom::named(format!("room {number}"))).await.unwrap().id);
    }
    rooms
}

/// Attaches the readers, the same number to each room.
async fn attach(engine: &ChatEngine, rooms: &[RoomId]) -> Vec<(SessionHandle, Updates)> {
    let mut readers = Vec::new();
    for number in 0..READERS {
        let (reader, updates) = engine.connect(user(number)).split();
        reader.observe(rooms[number % rooms.len()], Since::Now).await.unwrap();
        readers.push((reader, updates));
    }
    readers
}

fn user(number: usize) -> Identity {
    Identity::named(&format!("user {number}")).unwrap()
}

/// The memory of this process in MiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() >> 10
}
