//! Subscriptions: which connection received which room, and for how long.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Attached, Kind, Outcome, Position, Record, What};

/// A connection's subscription to a room, from the answer to an attach on.
#[derive(Debug)]
pub(crate) struct Subscription<'a> {
    pub(crate) room: u64,
    /// The place of the attach.
    pub(crate) attach: usize,
    /// The position of the log's last event as the answer told it.
    pub(crate) head: &'a Position,
    /// The places of the live events.
    pub(crate) events: Vec<usize>,
    /// The places of the signals of presence and typing.
    pub(crate) signals: Vec<usize>,
    /// How it ended, if it did.
    pub(crate) end: Option<End>,
    /// The last time at which the connection received something other than its end.
    pub(crate) last_sign: u64,
    /// Since when the server could not notice its end.
    pub(crate) half_open: Option<u64>,
}

/// The end of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) how: Ending,
    /// The record that shows the end.
    pub(crate) place: usize,
    /// Since when nothing is certain: the beginning of what ended it.
    pub(crate) began: u64,
}

/// The reason of a subscription's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Detached,
    /// The user may not read the room any more.
    PutOut,
    Deleted,
    Closed,
}

/// Something received of a room that the connection was not attached to.
#[derive(Debug)]
pub(crate) struct Unexpected {
    pub(crate) place: usize,
    /// The record that ended the subscription before it, if there was one.
    pub(crate) after: Option<usize>,
}

/// The state of a connection in a room.
enum Attachment {
    /// It is attached, by this subscription.
    In(usize),
    /// It is not attached, since this record.
    Out(Option<usize>),
    /// It is unknown: an attach or a detach was given up.
    Unsure,
}

/// Finds all subscriptions of a history.
pub(super) fn all<'a>(
    records: &'a [Record],
    connections: &BTreeMap<u64, Vec<usize>>,
) -> (Vec<Subscription<'a>>, Vec<Unexpected>) {
    let mut walk =
        Walk { records, subscriptions: Vec::new(), unexpected: Vec::new(), rooms: HashMap::new(), half_open: None };
    for places in connections.values() {
        walk.connection(places);
    }
    (walk.subscriptions, walk.unexpected)
}

struct Walk<'a> {
    records: &'a [Record],
    subscriptions: Vec<Subscription<'a>>,
    unexpected: Vec<Unexpected>,
    /// The rooms of the current connection.
    rooms: HashMap<u64, Attachment>,
    half_open: Option<u64>,
}

impl<'a> Walk<'a> {
    fn connection(&mut self, places: &[usize]) {
        self.rooms.clear();
        self.half_open = None;
        let first = self.subscriptions.len();
        let mut last_sign = 0;
        for &place in places {
            let record = &self.records[place];
            let is_sign = !matches!(record.what, What::Closed { .. } | What::HalfOpen) && !is_unanswered(record);
            last_sign = if is_sign { record.seen().max(last_sign) } else { last_sign };
            self.step(place, record);
        }
        for subscription in &mut self.subscriptions[first..] {
            subscription.last_sign = last_sign;
            subscription.half_open = self.half_open;
        }
    }

    fn step(&mut self, place: usize, record: &'a Record) {
        match &record.what {
            What::Attach { room, result: Outcome::Ok(attached), .. } => self.attach(place, *room, attached),
            What::Attach { room, result, .. } if result.is_unknown() => {
                self.rooms.insert(*room, Attachment::Unsure);
            }
            What::Detach { room, result: Outcome::Ok(()) } => {
                self.end(*room, place, record.began, Ending::Detached);
                self.rooms.insert(*room, Attachment::Out(Some(place)));
            }
            What::Detach { room, result } if result.is_unknown() => {
                self.end(*room, place, record.began, Ending::Detached);
                self.rooms.insert(*room, Attachment::Unsure);
            }
            What::Detached { room, .. } => {
                self.end(*room, place, record.began, Ending::PutOut);
                self.rooms.insert(*room, Attachment::Out(Some(place)));
            }
            What::Event { room, event } => {
                self.hear(place, *room, true);
                if event.kind == Kind::RoomDeleted {
                    self.end(*room, place, record.began, Ending::Deleted);
                    self.rooms.insert(*room, Attachment::Out(Some(place)));
                }
            }
            What::UserList { room, .. }
            | What::Marks { room, .. }
            | What::Join { room, .. }
            | What::Leave { room, .. }
            | What::Typing { room, .. } => self.hear(place, *room, false),
            What::Closed { .. } => {
                let rooms: Vec<u64> = self.rooms.keys().copied().collect();
                for room in rooms {
                    self.end(room, place, record.began, Ending::Closed);
                }
            }
            What::HalfOpen => self.half_open = Some(record.began),
            _ => {}
        }
    }

    fn attach(&mut self, place: usize, room: u64, attached: &'a Attached) {
        let (Attached::Resumed { head, .. } | Attached::Resync { head }) = attached;
        let deleted = matches!(attached, Attached::Resumed { events, .. }
            if events.last().is_some_and(|event| event.kind == Kind::RoomDeleted));
        self.rooms.insert(room, Attachment::In(self.subscriptions.len()));
        self.subscriptions.push(Subscription {
            room,
            attach: place,
            head,
            events: Vec::new(),
            signals: Vec::new(),
            end: None,
            last_sign: 0,
            half_open: None,
        });
        if deleted {
            self.end(room, place, self.records[place].seen(), Ending::Deleted);
            self.rooms.insert(room, Attachment::Out(Some(place)));
        }
    }

    fn hear(&mut self, place: usize, room: u64, event: bool) {
        match self.rooms.get(&room) {
            Some(Attachment::In(index)) => {
                let subscription = &mut self.subscriptions[*index];
                if event { &mut subscription.events } else { &mut subscription.signals }.push(place);
            }
            Some(Attachment::Out(after)) => self.unexpected.push(Unexpected { place, after: *after }),
            None => self.unexpected.push(Unexpected { place, after: None }),
            Some(Attachment::Unsure) => {}
        }
    }

    fn end(&mut self, room: u64, place: usize, began: u64, how: Ending) {
        if let Some(Attachment::In(index)) = self.rooms.get(&room) {
            let end = &mut self.subscriptions[*index].end;
            *end = end.or(Some(End { how, place, began }));
        }
    }
}

/// Whether it is a command without an answer.
const fn is_unanswered(record: &Record) -> bool {
    record.ended.is_none()
        && matches!(
            record.what,
            What::Send { .. }
                | What::Change { .. }
                | What::Mark { .. }
                | What::Member { .. }
                | What::Invite { .. }
                | What::Revoke { .. }
                | What::Watch { .. }
                | What::Edits { .. }
                | What::Reactions { .. }
                | What::Reads { .. }
                | What::Rooms { .. }
                | What::Rename { .. }
                | What::Delete { .. }
                | What::Attach { .. }
                | What::Detach { .. }
                | What::Type { .. }
                | What::Read { .. }
                | What::Look { .. }
                | What::Presence { .. }
        )
}
