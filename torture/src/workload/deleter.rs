//! The deleter creates rooms of its own, and deletes them while another client still writes there.

use std::{collections::BTreeMap, time::Duration};

use histcheck::history::{Kind, Outcome};
use tokio::time::{sleep, timeout};

use super::{FinalState, Mode, World};
use crate::{
    client::{
        command::Command,
        may_retry,
        socket::{Ask, Seen, Socket},
    },
    recorder::Name,
    rng::Rng,
};

/// Creates and deletes rooms until nothing new may begin.
pub async fn run(world: World) -> FinalState {
    let name = Name::own("deleter");
    let mut rng = world.rng(&name);
    let _under_way = world.under_way();
    let rest = world.rest(&name);
    let mut count = 0;
    while world.mode() < Mode::Settle {
        world.pause(rng.millis(1_000, 3_000)).await;
        if world.mode() > Mode::Work {
            break;
        }
        count += 1;
        let Some(room) = rest.make_room(&format!("short-lived {count}")).await else { continue };
        let friends = [Name::own("deleter-friend-0"), Name::own("deleter-friend-1")];
        let writing = friends.map(|friend| write(world.clone(), friend, room, count, Rng::new(rng.next())));
        let writing: Vec<_> = writing.into_iter().map(tokio::spawn).collect();
        sleep(rng.millis(100, 800)).await;
        // The room is deleted until an answer says so.
        while world.mode() < Mode::Leave {
            match rest.delete(room).await {
                Outcome::Ok(()) => break,
                Outcome::Refused(code) if !may_retry(&code) => break,
                Outcome::Refused(_) | Outcome::Unknown => world.pause(Duration::from_millis(300)).await,
            }
        }
        for friend in writing {
            // The other client ends by itself.
            drop(friend.await);
        }
    }
    FinalState { name, positions: BTreeMap::new(), complaint: None }
}

/// Subscribes to the room and writes there, until the room or the socket is gone.
async fn write(world: World, name: Name, room: u64, visit: u64, mut rng: Rng) {
    let Some(mut socket) = Socket::open(&world.endpoint(&name)).await else { return };
    if !socket.ask(Ask::Attach { room, after: None, presence: true }).await {
        return;
    }
    let mut is_gone = false;
    for number in 0..60 {
        let key = format!("{}-{visit}-{number}", name.process);
        let body = world.body(&key, &mut rng);
        if !is_gone && !socket.ask(Ask::Command(Command::text(room, key, body))).await {
            return;
        }
        let until = rng.millis(10, 60);
        let hear = async {
            loop {
                match socket.next().await {
                    Seen::Event(_, event) if event.kind == Kind::RoomDeleted => break true,
                    Seen::Closed(_) => break true,
                    Seen::Event(..)
                    | Seen::Answered(..)
                    | Seen::Attached(..)
                    | Seen::Detached(..)
                    | Seen::Watched(..)
                    | Seen::PutOut(_)
                    | Seen::Other => {}
                }
            }
        };
        is_gone |= timeout(until, hear).await.unwrap_or(false);
        if is_gone && socket.unanswered() == 0 {
            break;
        }
    }
    socket.close().await;
}
