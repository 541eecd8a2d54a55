//! A server that keeps its promises, unless it has a bug, with its clients. It writes the history that they see.

use histcheck::history::{Attached, Content, Event, Kind, Outcome, Phase, Position, Record, UserMark, What};

use crate::{bugs::Bug, rooms::Room};

pub(crate) const ROOMS: u64 = 8;
pub(crate) const CLIENTS: usize = 16;

/// A server and its clients.
pub(crate) struct Server {
    random: u64,
    now: u64,
    pub(crate) records: Vec<Record>,
    pub(crate) rooms: Vec<Room>,
    /// For each client its connection, and the last number of its room that it has received.
    pub(crate) clients: Vec<(u64, u64)>,
    connections: u64,
    pub(crate) keys: u64,
    pub(crate) names: u64,
    /// Commands whose answer nobody has seen: the client, and what it asked.
    pub(crate) open: Vec<(usize, What)>,
    pub(crate) bug: Option<Bug>,
}

impl Server {
    /// A run with about this many records, by a seed.
    pub(crate) fn run(length: usize, seed: u64, bug: Option<Bug>) -> Vec<Record> {
        let mut server = Self::new(seed, bug);
        for client in 0..CLIENTS {
            server.connect(client, None);
        }
        while server.records.len() < length {
            server.step();
            if server.chance(300) {
                server.restart();
            }
        }
        server.finish();
        server.records
    }

    fn new(seed: u64, bug: Option<Bug>) -> Self {
        Self {
            random: seed.wrapping_mul(2_654_435_761) + 1,
            now: 5_000_000_000,
            records: Vec::new(),
            rooms: (0..ROOMS).map(|_| Room::default()).collect(),
            clients: vec![(0, 0); CLIENTS],
            connections: 0,
            keys: 0,
            names: 0,
            open: Vec::new(),
            bug,
        }
    }

    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.random(one_in) == 0
    }

    pub(crate) fn at(&self, room: u64) -> &Room {
        &self.rooms[usize::try_from(room).unwrap()]
    }

    pub(crate) fn at_mut(&mut self, room: u64) -> &mut Room {
        &mut self.rooms[usize::try_from(room).unwrap()]
    }

    pub(crate) fn user(client: usize) -> String {
        // Two clients act for each user.
        format!("user-{}", client / 2)
    }

    /// The room that a client is attached to.
    pub(crate) fn room(client: usize) -> u64 {
        client as u64 / 2 % ROOMS
    }

    pub(crate) fn tell(&mut self, client: usize, connection: u64, answered: bool, what: What) {
        self.now += 40_000;
        let ended = answered.then_some(self.now + 30_000);
        let process = format!("client-{client}");
        self.records.push(Record { process, user: Self::user(client), connection, began: self.now, ended, what });
        self.now += 40_000;
    }

    /// Tells of a call over REST.
    pub(crate) fn call(&mut self, client: usize, what: What) {
        self.connections += 1;
        self.tell(client, self.connections, true, what);
    }

    /// Tells of a call over REST that was not answered.
    pub(crate) fn unanswered(&mut self, client: usize, what: What) {
        self.connections += 1;
        self.tell(client, self.connections, false, what);
    }

    /// Whether a client asks over its socket this time.
    pub(crate) fn uses_socket(&mut self, client: usize) -> bool {
        self.clients[client].0 != 0 && !self.chance(3)
    }

    fn connect(&mut self, client: usize, after: Option<u64>) {
        self.connections += 1;
        let (room, connection) = (Self::room(client), self.connections);
        let head = self.at(room).head();
        self.clients[client] = (connection, head);
        let position = |seq| Position { epoch: "e".into(), seq };
        let mut missed = after.map_or(vec![], |after| self.at(room).log[usize::try_from(after).unwrap()..].to_vec());
        if let (Some(Bug::ErasedForNothing), Some(Event { kind: Kind::Message(message), .. })) =
            (self.bug, missed.first_mut())
        {
            (message.content, message.erased) = (Content::default(), true);
        }
        let result = if missed.len() > 12 {
            Attached::Resync { head: position(head) }
        } else {
            Attached::Resumed { head: position(head), events: missed }
        };
        let what = What::Attach {
            room,
            after: after.map(position),
            presence: client.is_multiple_of(3),
            result: Outcome::Ok(result),
        };
        self.tell(client, connection, true, what);
    }

    pub(crate) fn reconnect(&mut self, client: usize) {
        let (connection, seen) = self.clients[client];
        let by_client = self.chance(2);
        let code = self.chance(2).then_some(1000);
        self.tell(client, connection, true, What::Closed { code, by_client });
        self.clients[client].0 = 0;
        // Meanwhile another client goes on.
        let away = if self.chance(20) { 40 } else { self.random(6) };
        for _ in 0..away {
            self.act((client + 3) % CLIENTS, Self::room(client));
        }
        self.connect(client, Some(seen));
    }

    /// Stores an event; who hears it is told of it by `publish`.
    pub(crate) fn store(&mut self, room: u64, kind: Kind) -> Event {
        let bug = self.bug;
        self.at_mut(room).store(kind, bug)
    }

    /// Tells everybody who is attached of an event.
    pub(crate) fn publish(&mut self, room: u64, event: &Event) {
        for client in self.attached(room) {
            self.clients[client].1 = event.seq;
            self.tell(client, self.clients[client].0, true, What::Event { room, event: event.clone() });
        }
    }

    /// Tells everybody who is attached, and the user's own sessions, of a mark.
    pub(crate) fn publish_mark(&mut self, room: u64, client: usize) {
        let user = Self::user(client);
        let mark = self.at(room).mark(&user, self.bug);
        let is_back = self.bug == Some(Bug::MarkHeardBack) && self.chance(2);
        let told = if is_back { mark.seq / 2 } else { mark.seq };
        let other = client ^ 1;
        if self.clients[other].0 != 0 {
            self.tell(other, self.clients[other].0, true, What::Marked { room, mark });
        }
        for client in self.attached(room) {
            let marks = vec![UserMark { user: user.clone(), seq: told }];
            self.tell(client, self.clients[client].0, true, What::Marks { room, marks });
        }
    }

    fn attached(&self, room: u64) -> Vec<usize> {
        let is_attached = |client: &usize| Self::room(*client) == room && self.clients[*client].0 != 0;
        (0..CLIENTS).filter(is_attached).collect()
    }

    pub(crate) fn name(&self, room: u64) -> String {
        let renamed = self.at(room).log.iter().rev().find_map(|event| match &event.kind {
            Kind::RoomUpdated { name, .. } => Some(name.clone()),
            _ => None,
        });
        renamed.unwrap_or_else(|| format!("room-{room}"))
    }

    fn restart(&mut self) {
        self.tell(0, 0, true, What::Phase { phase: Phase::Fault("kill".into()) });
        let seen: Vec<u64> = self.clients.iter().map(|(_, seen)| *seen).collect();
        for client in 0..CLIENTS {
            let what = What::Closed { code: None, by_client: false };
            self.tell(client, self.clients[client].0, true, what);
            self.clients[client].0 = 0;
        }
        for (client, seen) in seen.into_iter().enumerate() {
            self.connect(client, Some(seen));
        }
        self.tell(0, 0, true, What::Phase { phase: Phase::Healed });
    }

    fn finish(&mut self) {
        self.tell(0, 0, true, What::Phase { phase: Phase::Quiet });
        self.now += 60_000_000_000;
        self.tell(0, 0, true, What::Phase { phase: Phase::Final });
        for room in 0..ROOMS {
            let (name, head, events) = (self.name(room), self.at(room).head(), self.at(room).log.clone());
            let what = What::Stored { room, epoch: "e".into(), head, name: Some(name), events };
            self.tell(0, 0, true, what);
        }
    }
}
