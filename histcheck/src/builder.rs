//! Builds small histories step by step, for tests.

use crate::{
    anomaly::Name,
    check,
    history::{
        Attached, Change, Changed, Content, Event, Kind, Mark, Member, MemberChange, MemberEvent, Message, Outcome,
        Page, Phase, Position, Record, Role, Room, Sent, State, Step, Terms, What, Which,
    },
    tolerance::SECOND,
};

const MILLI: u64 = SECOND / 1000;
const START: u64 = 1000 * SECOND;

/// A history that is being built. Each step takes a moment.
#[derive(Debug, Clone)]
pub(crate) struct HistoryBuilder {
    records: Vec<Record>,
    now: u64,
}

impl HistoryBuilder {
    pub(crate) fn new() -> Self {
        Self { records: Vec::new(), now: START }
    }

    /// Continues at this many seconds after the beginning.
    pub(crate) fn at(&mut self, seconds: u64) {
        assert!(self.now <= START + seconds * SECOND, "time does not go back");
        self.now = START + seconds * SECOND;
    }

    /// Adds a command that is answered at once.
    pub(crate) fn did(&mut self, connection: u64, user: &str, what: What) {
        self.push(connection, user, self.now, Some(self.now + MILLI), what);
        self.now += 2 * MILLI;
    }

    /// Adds a command that begins `from` milliseconds from now and lasts `takes` milliseconds. The time does not advance.
    pub(crate) fn during(&mut self, connection: u64, user: &str, from: i64, takes: u64, what: What) {
        let began = self.now.saturating_add_signed(from * MILLI.cast_signed());
        self.push(connection, user, began, Some(began + takes * MILLI), what);
    }

    /// Adds a command that is never answered.
    pub(crate) fn unanswered(&mut self, connection: u64, user: &str, what: What) {
        self.push(connection, user, self.now, None, what);
        self.now += MILLI;
    }

    /// Adds something that was received.
    pub(crate) fn saw(&mut self, connection: u64, user: &str, what: What) {
        self.push(connection, user, self.now, Some(self.now), what);
        self.now += MILLI;
    }

    pub(crate) fn closed(&mut self, connection: u64, user: &str, by_client: bool, code: Option<u16>) {
        self.saw(connection, user, What::Closed { code, by_client });
    }

    pub(crate) fn phase(&mut self, phase: Phase) {
        self.saw(0, "run", What::Phase { phase });
    }

    fn push(&mut self, connection: u64, user: &str, began: u64, ended: Option<u64>, what: What) {
        self.records.push(Record { process: user.into(), user: user.into(), connection, began, ended, what });
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.clone()
    }

    /// Checks the history. It must show exactly these anomalies, each once.
    #[track_caller]
    pub(crate) fn finds(&self, names: &[&str]) {
        let report = check(&self.records);
        let found: Vec<&str> = report.found.keys().copied().map(Name::code).collect();
        assert_eq!(found, names, "\n{report}");
        for anomaly in &report.anomalies {
            assert!(!anomaly.records.is_empty() && anomaly.records.len() <= 4, "{anomaly}");
        }
    }
}

pub(crate) fn sent<E>(seq: u64) -> Result<Sent, E> {
    Ok(Sent { seq, replayed: false, event: None })
}

pub(crate) fn replayed<E>(seq: u64) -> Result<Sent, E> {
    Ok(Sent { seq, replayed: true, event: None })
}

/// The outcome of a command; the code `?` stands for no answer.
pub(crate) fn outcome<T>(result: Result<T, &str>) -> Outcome<T> {
    match result {
        Ok(value) => Outcome::Ok(value),
        Err("?") => Outcome::Unknown,
        Err(code) => Outcome::Refused(code.into()),
    }
}

pub(crate) fn body(key: &str) -> String {
    format!("body of {key}")
}

pub(crate) fn send(room: u64, key: &str, result: Result<Sent, &str>) -> What {
    let content = Content::text(body(key));
    What::Send { room, key: key.into(), content, reply_to: None, thread: None, result: outcome(result) }
}

pub(crate) fn rename(room: u64, name: &str, head: Result<u64, &str>) -> What {
    let result = outcome(head.map(|head| Room { name: name.into(), head }));
    What::Rename { room, name: name.into(), kind: None, invites: None, result }
}

pub(crate) fn delete(room: u64) -> What {
    What::Delete { room, result: Outcome::Ok(()) }
}

pub(crate) fn attach(room: u64, attached: Attached) -> What {
    attach_from(room, None, attached)
}

pub(crate) fn attach_from(room: u64, after: Option<Position>, attached: Attached) -> What {
    What::Attach { room, after, presence: true, result: Outcome::Ok(attached) }
}

pub(crate) fn detach(room: u64) -> What {
    What::Detach { room, result: Outcome::Ok(()) }
}

pub(crate) fn position(seq: u64) -> Position {
    position_in("e", seq)
}

pub(crate) fn position_in(epoch: &str, seq: u64) -> Position {
    Position { epoch: epoch.into(), seq }
}

/// The answer to an attach without missed events.
pub(crate) fn resumed(head: u64) -> Attached {
    Attached::Resumed { head: position(head), events: vec![] }
}

/// The answer to an attach that missed messages of one sender, after `after` up to `head`.
pub(crate) fn gap(after: u64, head: u64, sender: &str) -> Attached {
    let events = (after + 1..=head).map(|seq| message(seq, sender, &format!("k{seq}"))).collect();
    Attached::Resumed { head: position(head), events }
}

pub(crate) fn message(seq: u64, sender: &str, key: &str) -> Event {
    Event::new(seq, Kind::Message(plain(sender, key)))
}

/// A message without anything but its text.
pub(crate) fn plain(sender: &str, key: &str) -> Message {
    let content = Content::text(body(key));
    Message { sender: sender.into(), key: Some(key.into()), content, ..Message::default() }
}

pub(crate) fn renamed(seq: u64, name: &str) -> Event {
    Event::new(seq, Kind::RoomUpdated { by: String::new(), name: name.into(), terms: None })
}

pub(crate) fn delivered(room: u64, event: Event) -> What {
    What::Event { room, event }
}

pub(crate) fn room_deleted(room: u64, seq: u64) -> What {
    delivered(room, Event::new(seq, Kind::RoomDeleted))
}

/// A page with the whole history.
pub(crate) fn page(head: u64, messages: Vec<Event>) -> Page {
    let state = |event: Event| match event.kind {
        Kind::Message(message) => Some(State { seq: event.seq, message, ..State::default() }),
        _ => None,
    };
    let messages = messages.into_iter().filter_map(state).collect();
    Page { epoch: "e".into(), head, messages, has_before: false, has_after: false }
}

pub(crate) fn read(room: u64, page: Page) -> What {
    What::Read { room, of: Which::History, result: Outcome::Ok(page) }
}

pub(crate) fn look(room: u64, name: &str, head: u64) -> What {
    What::Look { room, result: Outcome::Ok(Room { name: name.into(), head }) }
}

fn ids(users: &[&str]) -> Vec<String> {
    users.iter().map(|user| (*user).to_owned()).collect()
}

pub(crate) fn viewed(room: u64, users: &[&str]) -> What {
    What::Presence { room, result: Outcome::Ok(ids(users)) }
}

pub(crate) fn user_list(room: u64, users: &[&str]) -> What {
    What::UserList { room, users: ids(users), count: users.len() as u64 }
}

pub(crate) fn typing(room: u64, users: &[&str]) -> What {
    What::Typing { room, users: ids(users) }
}

/// A message that a host committed, like that of a send.
pub(crate) fn committed(room: u64, key: &str) -> What {
    What::Committed { room, key: key.into(), content: Content::text(format!("body of {key}")) }
}

pub(crate) fn types(room: u64, is_typing: bool) -> What {
    What::Type { room, is_typing, result: Outcome::Ok(()) }
}

pub(crate) fn stored(room: u64, name: Option<&str>, head: u64, events: Vec<Event>) -> What {
    What::Stored { room, epoch: "e".into(), head, name: name.map(Into::into), events }
}

/// A change over a socket, with the number of its event.
pub(crate) fn change(room: u64, key: &str, target: u64, change: Change, seq: Result<Option<u64>, &str>) -> What {
    let result = outcome(seq.map(|seq| Changed { seq, tells_seq: true, ..Changed::default() }));
    What::Change { room, key: key.into(), target, change, result }
}

pub(crate) const DELETE: Change = Change::Delete { reason: None };

pub(crate) fn deleted(seq: u64, by: &str, key: &str, target: u64) -> Event {
    Event::new(seq, Kind::MessageDeleted { by: by.into(), key: Some(key.into()), target, reason: None })
}

/// The message as it is told after its deletion.
pub(crate) fn erased(seq: u64, sender: &str, key: &str) -> Event {
    let message = Message { content: Content::default(), erased: true, ..plain(sender, key) };
    Event::new(seq, Kind::Message(message))
}

/// A mark that was asked for and answered with a number, with what is beyond it.
pub(crate) fn mark(room: u64, seq: u64, back: bool, told: (u64, u64, u64)) -> What {
    let (told, unread, ordinal) = told;
    let mark = Mark { seq: told, unread, mentions: 0, ordinal };
    What::Mark { room, seq, back, result: Outcome::Ok(mark) }
}

/// A public room was made, with these in it.
pub(crate) fn made(room: u64, owned: bool, members: &[(&str, Role)]) -> What {
    let members = members.iter().map(|(user, role)| Member { user: (*user).into(), role: *role }).collect();
    What::Made { room, owned, terms: Terms::PUBLIC, members }
}

/// A change of a member over REST that was done.
pub(crate) fn member(room: u64, key: &str, user: &str, step: Step) -> What {
    What::Member { room, key: key.into(), user: user.into(), step, result: Outcome::Ok(Changed::default()) }
}

/// Its event.
pub(crate) fn placed(seq: u64, by: &str, key: &str, user: &str, change: MemberChange) -> Event {
    let (by, key, user) = (by.into(), Some(key.into()), user.into());
    Event::new(seq, Kind::Member(MemberEvent { by, key, user, change, role: None, until: None }))
}
