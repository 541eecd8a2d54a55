//! The end of a run: every client reconnects at its last position, and reads everything.

use std::time::Duration;

use histcheck::history::Outcome;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    client::{
        is_barred, may_retry,
        rest::Rest,
        socket::{Ask, Seen, Socket},
    },
    recorder::Name,
    rng::Rng,
    workload::{FinalState, World, keeper},
};

/// Lets all clients reconnect and read; returns what failed.
pub async fn read(world: &World, clients: Vec<FinalState>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut tasks = JoinSet::new();
    for (number, left) in clients.into_iter().enumerate() {
        tasks.spawn(client(world.clone(), left, number));
        // Not all at once: this is not a load test.
        if tasks.len() >= AT_ONCE {
            complaints.extend(tasks.join_next().await.and_then(Result::ok).flatten());
        }
    }
    while let Some(done) = tasks.join_next().await {
        complaints.extend(done.ok().flatten());
    }
    complaints
}

async fn client(world: World, left: FinalState, number: usize) -> Option<String> {
    let FinalState { name, positions, complaint } = left;
    if complaint.is_some() {
        return complaint;
    }
    let failed = |what: &str| Some(format!("{} cannot {what} after the run", name.process));
    let Some(mut socket) = Socket::open(&world.endpoint(&name)).await else { return failed("connect") };
    for (room, after) in &positions {
        let ask = Ask::Attach { room: *room, after: after.clone(), presence: false };
        if !socket.ask(ask).await {
            return failed("attach");
        }
        let answer = async {
            loop {
                match socket.next().await {
                    Seen::Attached(room, result) => return is_answered(&world, room, &result),
                    Seen::Closed(_) => return false,
                    Seen::Answered(..)
                    | Seen::Detached(..)
                    | Seen::Watched(..)
                    | Seen::PutOut(_)
                    | Seen::Event(..)
                    | Seen::Other => {}
                }
            }
        };
        if !timeout(TIMEOUT, answer).await.unwrap_or(false) {
            return failed("attach");
        }
    }
    // Each room is read by several clients, and each client reads one of its rooms.
    let rooms: Vec<u64> = positions.keys().copied().collect();
    let room = if rooms.is_empty() { world.rooms[number % world.rooms.len()] } else { rooms[number % rooms.len()] };
    let rest = world.rest(&name);
    let is_read = read_all(&world, &rest, room).await && read_more(&world, &rest, room, number).await;
    socket.close().await;
    if is_read { None } else { failed("read") }
}

/// Reads all pages of a room, the oldest first.
async fn read_all(world: &World, rest: &Rest, room: u64) -> bool {
    let mut after = 0;
    loop {
        match rest.read(room, &format!("after={after}")).await {
            Outcome::Ok(page) => match page.messages.last() {
                Some(last) if page.has_after => after = last.seq,
                Some(_) | None => return true,
            },
            Outcome::Refused(code) if may_retry(&code) => tokio::time::sleep(Duration::from_millis(200)).await,
            refused @ (Outcome::Refused(_) | Outcome::Unknown) => return is_answered(world, room, &refused),
        }
    }
}

/// Whether it was done, or refused because the user may not read the room.
fn is_answered<T>(world: &World, room: u64, result: &Outcome<T>) -> bool {
    match result {
        Outcome::Ok(_) => true,
        Outcome::Refused(code) => is_barred(code) && world.has_owner(room),
        Outcome::Unknown => false,
    }
}

/// Reads what else there is of a room: its pins and marks, some threads and lists, and the user's rooms.
async fn read_more(world: &World, rest: &Rest, room: u64, number: usize) -> bool {
    let mut rng = Rng::of(world.seed, &format!("final-{number}"));
    let mut is_read = is_answered(world, room, &rest.pins(room).await);
    is_read &= is_answered(world, room, &rest.reads(room).await);
    is_read &= matches!(rest.rooms().await, Outcome::Ok(_));
    for _ in 0..4 {
        let Some(posted) = world.board.any(room, &mut rng) else { continue };
        let root = posted.thread.unwrap_or(posted.seq);
        is_read &= is_answered(world, room, &rest.thread(room, root, "").await);
        is_read &= is_answered(world, room, &rest.message(room, root).await);
        is_read &= is_answered(world, room, &rest.edits(room, posted.seq).await);
        is_read &= is_answered(world, room, &rest.reactions(room, posted.seq).await);
    }
    is_read
}

/// Records who is online in each room, for the checker.
pub async fn presence(world: &World) {
    for (name, rooms) in [(Name::own("watcher"), &world.rooms), (keeper::owner(), &world.owned)] {
        let rest = world.rest(&name);
        for room in rooms.iter() {
            rest.presence(*room).await;
            rest.look(*room).await;
        }
    }
}

const AT_ONCE: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(20);
