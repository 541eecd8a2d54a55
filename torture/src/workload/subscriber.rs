//! Subscribers: hear rooms, over sockets of many rooms, of one, or over event streams; some of them come and go, some type,
//! some stop reading when they are told to. All go on from where they were.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use histcheck::history::{Attached, Event, Kind, Outcome, Position};
use tokio::time::{Instant, sleep_until};

use super::{Act, Left, World};
use crate::{
    client::{
        may_retry,
        socket::{Ask, Seen, Socket},
        stream::{Opened, Stream},
    },
    recorder::Name,
    rng::Rng,
};

/// How a subscriber hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Several rooms on one socket.
    Many,
    /// One room on a socket of its own.
    One,
    /// One room as an event stream.
    Stream,
}

struct Subscriber {
    world: World,
    name: Name,
    rng: Rng,
    way: Way,
    /// Whether it comes and goes.
    is_restless: bool,
    /// Whether it stops reading when that is asked for.
    is_lazy: bool,
    /// Whether it types.
    types: bool,
    /// Whether it closes, and stays away, once nothing new is begun: the other session of its user stays.
    goes_home: bool,
    /// Whether it is shown as online.
    presence: bool,
    /// Its rooms, and how far it has heard them.
    positions: BTreeMap<u64, Option<Position>>,
    /// The rooms that it is to be attached to again, and when.
    due: BTreeMap<u64, Instant>,
}

/// Hears until it is time to leave.
pub async fn run(world: World, number: usize) -> Left {
    // Some are two sessions of one user, in the same rooms.
    let user = if number % 5 == 4 { number - 1 } else { number };
    let name = Name { process: format!("subscriber-{number}"), user: format!("subscriber-{user}") };
    let (mut rng, mut of_user) = (world.rng(&name), Rng::of(world.seed, &name.user));
    let way = match number % 8 {
        0..5 => Way::Many,
        5 | 6 => Way::One,
        _ => Way::Stream,
    };
    let rooms = if way == Way::Many { of_user.between(1, 4) } else { 1 };
    let positions = (0..rooms).map(|_| (world.rooms[of_user.zipf(world.rooms.len())], None)).collect();
    let (is_restless, is_lazy, types) = (number % 3 == 1, number % 10 == 3, number.is_multiple_of(4));
    let presence = way != Way::Many || rng.percent(80);
    let (goes_home, due) = (user != number, BTreeMap::new());
    let mut subscriber =
        Subscriber { world, name, rng, way, is_restless, is_lazy, types, goes_home, presence, positions, due };
    while subscriber.world.act() < Act::Leave {
        if !subscriber.visit().await {
            subscriber.world.pause(subscriber.rng.millis(50, 300)).await;
        } else if subscriber.goes_home && subscriber.world.act() > Act::Work {
            subscriber.world.wait_for(Act::Leave).await;
        }
    }
    Left { name: subscriber.name, positions: subscriber.positions, complaint: None }
}

impl Subscriber {
    /// Comes, hears, and goes; false: nobody opened.
    async fn visit(&mut self) -> bool {
        let mut door = self.world.door(&self.name);
        door.buffer = self.is_lazy.then_some(16 << 10);
        let first = self.positions.first_key_value().map(|(room, position)| (*room, position.clone()));
        let opened = match (self.way, first) {
            (Way::Many, _) => Socket::open(&door).await.map(Line::of),
            (Way::One, Some((room, after))) => Socket::open_room(&door, room, after).await.map(Line::of),
            (Way::Stream, Some((room, after))) => match Stream::open(&door, room, after).await {
                Opened::Stream(stream) => Some(Line::Stream(stream)),
                Opened::Gone | Opened::No => None,
            },
            (Way::One | Way::Stream, None) => None,
        };
        let Some(line) = opened else { return false };
        if self.way == Way::Many {
            self.due = self.positions.keys().map(|room| (*room, Instant::now())).collect();
        }
        self.hear(line).await;
        true
    }

    async fn hear(&mut self, mut line: Line) {
        let mut cut = self.world.knobs.cut.subscribe();
        cut.mark_unchanged();
        let world = self.world.clone();
        let leaves = Instant::now() + self.rng.millis(1_500, 9_000);
        let mut next = Instant::now();
        let mut end = pin!(Self::end(self.goes_home, self.world.clone()));
        loop {
            tokio::select! {
                seen = line.next() => {
                    if !self.take(seen) {
                        return;
                    }
                }
                () = sleep_until(next) => {
                    if !self.act(&mut line).await {
                        return;
                    }
                    next = Instant::now() + self.rng.millis(100, 700);
                }
                () = sleep_until(leaves), if self.is_restless && world.act() == Act::Work => {
                    return self.go(line).await;
                }
                () = world.wait_for_mute(true), if self.is_lazy => {
                    // It reads nothing while it waits here.
                    world.wait_for_mute(false).await;
                }
                _ = cut.changed() => return,
                () = &mut end => return line.close().await,
            }
        }
    }

    /// Until it is to end: who goes home does so a while after nothing new is begun, when all is quiet.
    async fn end(goes_home: bool, world: World) {
        if goes_home {
            world.wait_for(Act::Settle).await;
            drop(tokio::time::timeout(GOES_HOME, world.wait_for(Act::Leave)).await);
        } else {
            world.wait_for(Act::Leave).await;
        }
    }

    /// Goes for a while, with or without a word.
    async fn go(&mut self, line: Line) {
        if self.rng.percent(50) {
            line.close().await;
        } else {
            drop(line);
        }
        let away = match self.rng.below(10) {
            0..5 => Duration::ZERO,
            5..9 => self.rng.millis(100, 3_000),
            // Longer than the grace of who is lost.
            _ => Duration::from_secs(12),
        };
        let mut act = self.world.knobs.act.subscribe();
        drop(tokio::time::timeout(away, act.wait_for(|act| *act > Act::Work)).await);
    }

    /// What it does while it hears; false: the socket is gone.
    async fn act(&mut self, line: &mut Line) -> bool {
        let Line::Socket(socket) = line else { return true };
        let now = Instant::now();
        let due: Vec<u64> = self.due.iter().filter(|(_, at)| **at <= now).map(|(room, _)| *room).collect();
        for room in due {
            self.due.remove(&room);
            let after = self.positions.get(&room).cloned().flatten();
            if !socket.ask(Ask::Attach { room, after, presence: self.presence }).await {
                return false;
            }
        }
        let Some(room) = self.rng.pick(&self.positions.keys().copied().collect::<Vec<_>>()).copied() else {
            return true;
        };
        let is_attached = !self.due.contains_key(&room) && socket.unanswered() == 0;
        if self.world.act() > Act::Work || !is_attached {
            return true;
        }
        if self.types && self.rng.percent(30) {
            return socket.ask(Ask::Type { room, is_typing: self.rng.percent(70) }).await;
        }
        if self.way == Way::Many && self.is_restless && self.rng.percent(10) {
            return socket.ask(Ask::Detach { room }).await;
        }
        true
    }

    /// Takes note; false: the line is gone.
    fn take(&mut self, seen: Seen) -> bool {
        match seen {
            Seen::Attached(room, Outcome::Ok(attached)) => {
                let (Attached::Resumed { head, .. } | Attached::Resync { head }) = attached;
                self.positions.insert(room, Some(head));
            }
            Seen::Attached(room, Outcome::Refused(code)) if may_retry(&code) => {
                self.due.insert(room, Instant::now() + self.rng.millis(200, 800));
            }
            Seen::Attached(room, Outcome::Refused(_)) => {
                self.positions.remove(&room);
            }
            Seen::Detached(room, Outcome::Ok(())) => {
                self.due.insert(room, Instant::now() + self.rng.millis(0, 2_000));
            }
            Seen::Event(room, event) => self.heard(room, &event),
            Seen::Attached(_, Outcome::Unknown) | Seen::Detached(..) | Seen::Sent(..) | Seen::Other => {}
            Seen::Closed(_) => return false,
        }
        true
    }

    fn heard(&mut self, room: u64, event: &Event) {
        if event.kind == Kind::RoomDeleted {
            self.positions.remove(&room);
        } else if let Some(Some(position)) = self.positions.get_mut(&room) {
            position.seq = event.seq;
        }
    }
}

/// How long those who go home stay when nothing new is begun.
const GOES_HOME: Duration = Duration::from_secs(7);

/// What a subscriber listens to.
enum Line {
    Socket(Box<Socket>),
    Stream(Box<Stream>),
}

impl Line {
    fn of(socket: Socket) -> Self {
        Self::Socket(Box::new(socket))
    }

    async fn next(&mut self) -> Seen {
        match self {
            Self::Socket(socket) => socket.next().await,
            Self::Stream(stream) => stream.next().await,
        }
    }

    async fn close(self) {
        match self {
            Self::Socket(socket) => socket.close().await,
            // There is no word for it.
            Self::Stream(stream) => drop(stream),
        }
    }
}
