//! Subscribers receive rooms, over sockets for many rooms, for one, or over event streams. Some come and go, some type,
//! some stop reading when they are told to. All resume from their last position.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use histcheck::history::{Attached, Event, Kind, Outcome, Position};
use tokio::time::{Instant, sleep_until};

use super::{FinalState, Mode, World};
use crate::{
    client::{
        is_barred, may_retry,
        socket::{Ask, Seen, Socket},
        stream::{Opened, Stream},
    },
    recorder::Name,
    rng::Rng,
};

/// How a subscriber receives its rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
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
    transport: Transport,
    /// Whether it comes and goes.
    is_restless: bool,
    /// Whether it stops reading when told to.
    is_lazy: bool,
    /// Whether it sends typing signals.
    types: bool,
    /// Whether it leaves, and stays away, once nothing new may begin. The other session of its user stays.
    leaves_early: bool,
    /// Whether it is shown as online.
    presence: bool,
    /// Its rooms, and the position it has reached in each.
    positions: BTreeMap<u64, Option<Position>>,
    /// The rooms to attach to again, and when.
    due: BTreeMap<u64, Instant>,
    /// Whether it was refused, and so waits before it comes again.
    is_barred: bool,
}

/// Receives until the clients are to leave.
pub async fn run(world: World, number: usize) -> FinalState {
    // Some are two sessions of one user in the same rooms.
    let user = if number % 5 == 4 { number - 1 } else { number };
    let name = Name { process: format!("subscriber-{number}"), user: format!("subscriber-{user}") };
    let (mut rng, mut of_user) = (world.rng(&name), Rng::of(world.seed, &name.user));
    let transport = match number % 8 {
        0..5 => Transport::Many,
        5 | 6 => Transport::One,
        _ => Transport::Stream,
    };
    let rooms = if transport == Transport::Many { of_user.between(1, 4) } else { 1 };
    let positions = (0..rooms).map(|_| (world.rooms[of_user.zipf(world.rooms.len())], None)).collect();
    let (is_restless, is_lazy, types) = (number % 3 == 1, number % 10 == 3, number.is_multiple_of(4));
    let presence = transport != Transport::Many || rng.percent(80);
    let (leaves_early, due) = (user != number, BTreeMap::new());
    let is_barred = false;
    let mut subscriber = Subscriber {
        world,
        name,
        rng,
        transport,
        is_restless,
        is_lazy,
        types,
        leaves_early,
        presence,
        positions,
        due,
        is_barred,
    };
    while subscriber.world.mode() < Mode::Leave {
        let has_connected = subscriber.visit().await;
        if !has_connected || std::mem::take(&mut subscriber.is_barred) {
            subscriber.world.pause(subscriber.rng.millis(50, 300)).await;
        } else if subscriber.leaves_early && subscriber.world.mode() > Mode::Work {
            subscriber.world.wait_for(Mode::Leave).await;
        }
    }
    FinalState { name: subscriber.name, positions: subscriber.positions, complaint: None }
}

impl Subscriber {
    /// Connects, receives, and disconnects; `false`: it could not connect.
    async fn visit(&mut self) -> bool {
        let mut endpoint = self.world.endpoint(&self.name);
        endpoint.buffer = self.is_lazy.then_some(16 << 10);
        let first = self.positions.first_key_value().map(|(room, position)| (*room, position.clone()));
        let opened = match (self.transport, first) {
            (Transport::Many, _) => Socket::open(&endpoint).await.map(Line::of),
            (Transport::One, Some((room, after))) => Socket::open_room(&endpoint, room, after).await.map(Line::of),
            (Transport::Stream, Some((room, after))) => match Stream::open(&endpoint, room, after).await {
                Opened::Stream(stream) => Some(Line::Stream(stream)),
                Opened::Gone | Opened::No => None,
            },
            (Transport::One | Transport::Stream, None) => None,
        };
        let Some(line) = opened else { return false };
        if self.transport == Transport::Many {
            self.due = self.positions.keys().map(|room| (*room, Instant::now())).collect();
        }
        self.hear(line).await;
        true
    }

    async fn hear(&mut self, mut line: Line) {
        let mut cut = self.world.controls.cut.subscribe();
        cut.mark_unchanged();
        let world = self.world.clone();
        let leaves = Instant::now() + self.rng.millis(1_500, 9_000);
        let mut next = Instant::now();
        let mut end = pin!(Self::end(self.leaves_early, self.world.clone()));
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
                () = sleep_until(leaves), if self.is_restless && world.mode() == Mode::Work => {
                    return self.go(line).await;
                }
                () = world.wait_for_stop_reading(true), if self.is_lazy => {
                    // It reads nothing while it waits here.
                    world.wait_for_stop_reading(false).await;
                }
                _ = cut.changed() => return,
                () = &mut end => return line.close().await,
            }
        }
    }

    /// When a visit ends. A client that leaves early does so a while after nothing new may begin, when all is quiet.
    async fn end(leaves_early: bool, world: World) {
        if leaves_early {
            world.wait_for(Mode::Settle).await;
            drop(tokio::time::timeout(LEAVES_EARLY_AFTER, world.wait_for(Mode::Leave)).await);
        } else {
            world.wait_for(Mode::Leave).await;
        }
    }

    /// Disconnects for a while, with or without a close frame.
    async fn go(&mut self, line: Line) {
        if self.rng.percent(50) {
            line.close().await;
        } else {
            drop(line);
        }
        let away = match self.rng.below(10) {
            0..5 => Duration::ZERO,
            5..9 => self.rng.millis(100, 3_000),
            // Longer than the grace for lost sessions.
            _ => Duration::from_secs(12),
        };
        let mut mode = self.world.controls.mode.subscribe();
        drop(tokio::time::timeout(away, mode.wait_for(|mode| *mode > Mode::Work)).await);
    }

    /// Sends something while it receives; `false`: the connection has ended.
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
        if self.world.mode() > Mode::Work || !is_attached {
            return true;
        }
        if self.types && self.rng.percent(30) {
            return socket.ask(Ask::Type { room, is_typing: self.rng.percent(70) }).await;
        }
        if self.transport == Transport::Many && self.is_restless && self.rng.percent(10) {
            return socket.ask(Ask::Detach { room }).await;
        }
        true
    }

    /// Handles what has come; `false`: the connection has ended.
    fn take(&mut self, seen: Seen) -> bool {
        match seen {
            Seen::Attached(room, Outcome::Ok(attached)) => {
                let (Attached::Resumed { head, .. } | Attached::Resync { head }) = attached;
                self.positions.insert(room, Some(head));
            }
            Seen::Attached(room, Outcome::Refused(code))
                if may_retry(&code) || is_barred(&code) && self.world.has_owner(room) =>
            {
                self.attach_later(room, 800);
            }
            Seen::Attached(room, Outcome::Refused(_)) => {
                self.positions.remove(&room);
            }
            Seen::Detached(room, Outcome::Ok(())) => {
                self.due.insert(room, Instant::now() + self.rng.millis(0, 2_000));
            }
            Seen::PutOut(room) => self.attach_later(room, 1_500),
            Seen::Event(room, event) => self.heard(room, &event),
            Seen::Attached(_, Outcome::Unknown)
            | Seen::Detached(..)
            | Seen::Watched(..)
            | Seen::Answered(..)
            | Seen::Other => {}
            Seen::Closed(_) => return false,
        }
        true
    }

    /// Attaches to a room again in at most this many milliseconds: on this socket, or on the next one.
    fn attach_later(&mut self, room: u64, most: u64) {
        if self.transport == Transport::Many {
            self.due.insert(room, Instant::now() + self.rng.millis(0, most));
        } else {
            self.is_barred = true;
        }
    }

    fn heard(&mut self, room: u64, event: &Event) {
        if event.kind == Kind::RoomDeleted {
            self.positions.remove(&room);
        } else if let Some(Some(position)) = self.positions.get_mut(&room) {
            position.seq = event.seq;
        }
    }
}

/// How long clients that leave early stay after nothing new may begin.
const LEAVES_EARLY_AFTER: Duration = Duration::from_secs(7);

/// The connection of a subscriber.
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
            // An event stream has no way to say that it closes.
            Self::Stream(stream) => drop(stream),
        }
    }
}
