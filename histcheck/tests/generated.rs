//! A long history of a correct server raises no anomaly; if one thing in it is changed, exactly that is found.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::time::Instant;

use histcheck::{
    Name, check,
    history::{Attached, Event, Kind, Outcome, Page, Phase, Position, Record, Room, Sent, What},
    read, write,
};

#[test]
fn a_long_clean_history_is_clean() {
    let records = run(200_000, 7);
    let started = Instant::now();
    let report = check(&records);
    assert!(report.is_clean(), "{report}");
    eprintln!("checked in {:?}:\n{report}", started.elapsed());
    assert!(report.summary.sends_ok > 1000 && report.summary.resumed > 1000 && report.summary.cut > 100);
}

#[test]
fn many_short_ones_are_clean() {
    for seed in 0..50 {
        let report = check(&run(3000, seed));
        assert!(report.is_clean(), "seed {seed}\n{report}");
    }
}

#[test]
fn it_is_the_same_after_being_written_and_read() {
    let records = run(3000, 1);
    let mut file = Vec::new();
    for record in &records {
        write(&mut file, record).unwrap();
    }
    assert_eq!(read(file.as_slice()).unwrap(), records);
}

#[test]
fn one_change_is_found() {
    let records = run(3000, 3);
    let events: Vec<usize> = places(&records, |what| matches!(what, What::Event { .. }));
    let oks = places(&records, |what| matches!(what, What::Send { result: Outcome::Ok(_), .. }));
    let gaps = places(
        &records,
        |what| matches!(what, What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } if !events.is_empty()),
    );
    let expect = |name: Name, changed: Vec<Record>| {
        let report = check(&changed);
        assert!(report.found.contains_key(&name), "{name} is not found\n{report}");
    };
    let middle = |places: &[usize]| places[places.len() / 2];

    // An event that is followed by another one in its stream.
    let followed = |place: &&usize| {
        let is_next = |other: &&usize| {
            **other > **place
                && records[**other].connection == records[**place].connection
                && records[**other].what.room() == records[**place].what.room()
        };
        events.iter().any(|other| is_next(&other))
    };
    let dropped = *events.iter().skip(events.len() / 4).find(followed).unwrap();
    expect(Name::Gap, without(&records, dropped));
    let mut doubled = records.clone();
    doubled.insert(dropped, records[dropped].clone());
    expect(Name::Repeat, doubled);

    let mut renumbered = records.clone();
    if let What::Send { result: Outcome::Ok(sent), .. } = &mut renumbered[middle(&oks)].what {
        sent.seq += 1;
    }
    expect(Name::Fork, renumbered);

    let mut cut = records.clone();
    if let What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } = &mut cut[middle(&gaps)].what {
        events.pop();
    }
    expect(Name::DishonestResume, cut);

    let mut unsaid = records.clone();
    if let What::Stored { events, head, .. } = &mut unsaid.last_mut().unwrap().what {
        events.truncate(1);
        *head = 1;
    }
    expect(Name::OkWithoutStore, unsaid);
}

fn places(records: &[Record], is_it: impl Fn(&What) -> bool) -> Vec<usize> {
    records.iter().enumerate().filter(|(_, record)| is_it(&record.what)).map(|(place, _)| place).collect()
}

fn without(records: &[Record], place: usize) -> Vec<Record> {
    let mut records = records.to_vec();
    records.remove(place);
    records
}

/// A run with about this many records, by a seed.
fn run(length: usize, seed: u64) -> Vec<Record> {
    let mut server = Server::new(seed);
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

const ROOMS: u64 = 8;
const CLIENTS: usize = 16;

/// A server that keeps its promises, and its clients.
struct Server {
    random: u64,
    now: u64,
    records: Vec<Record>,
    logs: Vec<Vec<Event>>,
    /// For each client its connection, and the last number of its room that it has received.
    clients: Vec<(u64, u64)>,
    connections: u64,
    keys: u64,
    names: u64,
    /// Sends whose answer nobody has seen: the client, the room, the key.
    open: Vec<(usize, u64, u64)>,
}

impl Server {
    fn new(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(2_654_435_761) + 1,
            now: 5_000_000_000,
            records: Vec::new(),
            logs: vec![Vec::new(); usize::try_from(ROOMS).unwrap()],
            clients: vec![(0, 0); CLIENTS],
            connections: 0,
            keys: 0,
            names: 0,
            open: Vec::new(),
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.random(one_in) == 0
    }

    fn log(&self, room: u64) -> &Vec<Event> {
        &self.logs[usize::try_from(room).unwrap()]
    }

    fn head(&self, room: u64) -> u64 {
        self.log(room).len() as u64
    }

    fn user(client: usize) -> String {
        // Two clients act for each user.
        format!("user-{}", client / 2)
    }

    /// The room that a client is attached to.
    fn room(client: usize) -> u64 {
        client as u64 / 2 % ROOMS
    }

    fn tell(&mut self, client: usize, connection: u64, answered: bool, what: What) {
        self.now += 40_000;
        let ended = answered.then_some(self.now + 30_000);
        let process = format!("client-{client}");
        self.records.push(Record { process, user: Self::user(client), connection, began: self.now, ended, what });
        self.now += 40_000;
    }

    fn call(&mut self, client: usize, what: What) {
        self.connections += 1;
        self.tell(client, self.connections, true, what);
    }

    fn connect(&mut self, client: usize, after: Option<u64>) {
        self.connections += 1;
        let (room, connection) = (Self::room(client), self.connections);
        let head = self.head(room);
        self.clients[client] = (connection, head);
        let position = |seq| Position { epoch: "e".into(), seq };
        let missed = after.map_or(vec![], |after| self.log(room)[usize::try_from(after).unwrap()..].to_vec());
        let result = if missed.len() > 20 {
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

    fn step(&mut self) {
        let client = usize::try_from(self.random(CLIENTS as u64)).unwrap();
        let room = if self.chance(4) { self.random(ROOMS) } else { Self::room(client) };
        match self.random(20) {
            0 => self.reconnect(client),
            1 => self.read(client, room),
            2 => self.rename(client, room),
            3 => self.look(client, room),
            4 => {
                let what = What::Type { room: Self::room(client), is_typing: true, result: Outcome::Ok(()) };
                self.tell(client, self.clients[client].0, true, what);
            }
            5 => self.retry(),
            _ => self.send(client, room),
        }
    }

    fn reconnect(&mut self, client: usize) {
        let (connection, seen) = self.clients[client];
        let by_client = self.chance(2);
        let code = self.chance(2).then_some(1000);
        self.tell(client, connection, true, What::Closed { code, by_client });
        // Meanwhile other clients go on.
        for _ in 0..self.random(4) {
            let other = (client + 1) % CLIENTS;
            self.clients[client].0 = 0;
            self.send(other, Self::room(client));
        }
        self.connect(client, Some(seen));
    }

    fn send(&mut self, client: usize, room: u64) {
        self.keys += 1;
        let key = self.keys;
        match self.random(12) {
            0 => self.tell_send(client, room, key, Outcome::Refused("overloaded".into())),
            1 => {
                self.tell_send(client, room, key, Outcome::Unknown);
                self.open.push((client, room, key));
            }
            2 => {
                self.tell_send(client, room, key, Outcome::Unknown);
                self.append(room, message(client, key));
                self.open.push((client, room, key));
            }
            _ => {
                let seq = self.head(room) + 1;
                self.tell_send(client, room, key, Outcome::Ok(Sent { seq, replayed: false }));
                self.append(room, message(client, key));
            }
        }
    }

    fn tell_send(&mut self, client: usize, room: u64, key: u64, result: Outcome<Sent>) {
        let what = What::Send { room, key: format!("key-{key}"), body: format!("body-{key}"), result };
        let answered = !matches!(what, What::Send { result: Outcome::Unknown, .. });
        if self.clients[client].0 == 0 || self.chance(3) {
            self.connections += 1;
            return self.tell(client, self.connections, answered, what);
        }
        self.tell(client, self.clients[client].0, answered, what);
    }

    fn retry(&mut self) {
        let Some((client, room, key)) = self.open.pop() else { return };
        let event = message(client, key);
        let found = self.log(room).iter().find(|stored| stored.kind == event).map(|stored| stored.seq);
        let seq = found.unwrap_or(self.head(room) + 1);
        self.tell_send(client, room, key, Outcome::Ok(Sent { seq, replayed: found.is_some() }));
        if found.is_none() {
            self.append(room, event);
        }
    }

    fn append(&mut self, room: u64, kind: Kind) {
        let event = Event { seq: self.head(room) + 1, kind };
        self.logs[usize::try_from(room).unwrap()].push(event.clone());
        for client in (0..CLIENTS).filter(|client| Self::room(*client) == room) {
            if self.clients[client].0 != 0 {
                self.clients[client].1 = event.seq;
                self.tell(client, self.clients[client].0, true, What::Event { room, event: event.clone() });
            }
        }
    }

    fn rename(&mut self, client: usize, room: u64) {
        self.names += 1;
        let name = format!("name-{}", self.names);
        let head = self.head(room) + 1;
        self.call(
            client,
            What::Rename { room, name: name.clone(), result: Outcome::Ok(Room { name: name.clone(), head }) },
        );
        self.append(room, Kind::RoomUpdated { name });
    }

    fn look(&mut self, client: usize, room: u64) {
        let (name, head) = (self.name(room), self.head(room));
        self.call(client, What::Look { room, result: Outcome::Ok(Room { name, head }) });
    }

    fn name(&self, room: u64) -> String {
        let renamed = self.log(room).iter().rev().find_map(|event| match &event.kind {
            Kind::RoomUpdated { name } => Some(name.clone()),
            Kind::Message { .. } | Kind::RoomDeleted => None,
        });
        renamed.unwrap_or_else(|| format!("room-{room}"))
    }

    fn read(&mut self, client: usize, room: u64) {
        let head = self.head(room);
        let from = self.random(head + 1);
        let all: Vec<Event> =
            self.log(room).iter().filter(|event| matches!(event.kind, Kind::Message { .. })).cloned().collect();
        let after = all.iter().filter(|event| event.seq > from).count();
        let first = all.len() - after;
        let messages: Vec<Event> = all[first..].iter().take(20).cloned().collect();
        let has_after = messages.len() < after;
        let page = Page { epoch: "e".into(), head, messages, has_before: first > 0, has_after };
        self.call(client, What::Read { room, result: Outcome::Ok(page) });
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
            let (name, head, events) = (self.name(room), self.head(room), self.log(room).clone());
            let what = What::Stored { room, epoch: "e".into(), head, name: Some(name), events };
            self.tell(0, 0, true, what);
        }
    }
}

fn message(client: usize, key: u64) -> Kind {
    Kind::Message { sender: Server::user(client), key: Some(format!("key-{key}")), body: format!("body-{key}") }
}
