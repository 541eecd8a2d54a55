//! Unread messages and mentions beside a plain count, over many random operations.

use std::collections::BTreeMap;

use super::{Opener, append, entry, make_room, marked};
use crate::{
    Body, Edit, Event, EventKind, Identity, MarkTo, Seq, UserId,
    append::{AppendOutcome, Entry, Op},
    testing::world::Rng,
};

/// How many operations there are; so many more with `CHAT_TEST_OPERATIONS`.
const OPERATIONS: u64 = 20_000;
/// How many of them are in one room: a plain count looks at all its messages.
const OPERATIONS_OF_A_ROOM: u64 = 2_000;
const USERS: [&str; 5] = ["alice", "bob", "Bob", "carol", "é"];

/// Messages, marks, edits and deletions by chance: each answer to a mark is what a count of all messages says.
pub async fn unread_is_exact_whatever_happens(opener: &impl Opener) {
    let store = opener.open().await;
    let operations = std::env::var("CHAT_TEST_OPERATIONS").ok().and_then(|number| number.parse().ok());
    let seed = std::env::var("CHAT_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut rng = Rng::new(seed);
    let mut left = operations.unwrap_or(OPERATIONS);
    let mut number = 0;
    while left > 0 {
        number += 1;
        let room = make_room(&*store, &format!("room {number}")).await;
        let mut plain = Plain::default();
        let mut left_of_room = left.min(OPERATIONS_OF_A_ROOM);
        left -= left_of_room;
        while left_of_room > 0 {
            let size = rng.between(1, 48).min(left_of_room);
            left_of_room -= size;
            let entries: Vec<Entry> = (0..size).map(|_| random_entry(&mut rng, &plain)).collect();
            let outcomes = append(&*store, room, entries.clone()).await;
            plain.check(&entries, &outcomes);
        }
    }
}

/// What there is in a room, as a list of messages.
#[derive(Debug, Default)]
struct Plain {
    head: u64,
    messages: BTreeMap<u64, PlainMessage>,
    marks: BTreeMap<UserId, u64>,
}

#[derive(Debug)]
struct PlainMessage {
    author: UserId,
    counts: bool,
    is_deleted: bool,
    body: Body,
}

impl Plain {
    /// Takes in what a batch has done, and checks what was told of marks.
    fn check(&mut self, entries: &[Entry], outcomes: &[AppendOutcome]) {
        let mut asked = Vec::new();
        for (entry, outcome) in entries.iter().zip(outcomes) {
            match (&entry.op, outcome) {
                (Op::Mark(to), outcome) => {
                    let user = &entry.actor.as_ref().unwrap().id;
                    asked.push((user, self.mark(user, *to), marked(outcome).unread));
                }
                (_, AppendOutcome::New { event, .. }) => self.take_in(event, entry.by_system),
                _ => {}
            }
        }
        let ordinal = self.messages.values().filter(|message| message.counts).count() as u64;
        for (user, seq, told) in asked {
            let (unread, mentions) = self.unread(user, seq);
            let told = (told.seq.0, told.unread, told.mentions, told.ordinal);
            assert_eq!(told, (seq, unread, mentions, ordinal), "of {user} in {self:?} after {entries:?}");
        }
    }

    fn take_in(&mut self, event: &Event, by_system: bool) {
        self.head += 1;
        assert_eq!(event.seq.0, self.head);
        match &event.kind {
            EventKind::Message(message) => {
                let (author, counts) = (event.actor.as_ref().unwrap().id.clone(), message.body.thread.is_none());
                if counts && !by_system {
                    self.marks.insert(author.clone(), self.head);
                }
                let body = message.body.clone();
                self.messages.insert(self.head, PlainMessage { author, counts, is_deleted: false, body });
            }
            EventKind::MessageEdited(edit) => self.messages.get_mut(&edit.target.0).unwrap().body = edit.body.clone(),
            EventKind::MessageDeleted { target, .. } => self.messages.get_mut(&target.0).unwrap().is_deleted = true,
            EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => {}
        }
    }

    fn mark(&mut self, user: &UserId, to: MarkTo) -> u64 {
        let seq = to.seq.0.min(self.head);
        let mark = self.marks.entry(user.clone()).or_insert(0);
        if to.back || seq > *mark {
            *mark = seq;
        }
        *mark
    }

    fn unread(&self, user: &UserId, mark: u64) -> (u64, u64) {
        let (mut unread, mut mentions) = (0, 0);
        for message in self.messages.range(mark + 1..).map(|(_, message)| message) {
            if !message.is_deleted && message.author != *user {
                unread += u64::from(message.counts);
                mentions += u64::from(message.body.mentions_room || message.body.mentions.contains(user));
            }
        }
        (unread, mentions)
    }
}

fn random_entry(rng: &mut Rng, plain: &Plain) -> Entry {
    let user = |rng: &mut Rng| Identity::named(rng.pick(&USERS).unwrap()).unwrap();
    let mentions = |rng: &mut Rng| {
        let count = if rng.percent(25) { rng.between(1, 3) } else { 0 };
        (0..count).map(|_| user(rng).id).collect::<Vec<_>>()
    };
    // Also what is not there yet, and what is no message.
    let target = |rng: &mut Rng| Seq(rng.between(0, plain.head + 10));
    let message = |rng: &mut Rng, thread| {
        let (mentions, mentions_room) = (mentions(rng), rng.percent(5));
        Op::Message(Body { thread, mentions, mentions_room, ..Body::text("text") })
    };
    let key = format!("{}", rng.next());
    let op = match rng.below(100) {
        0..40 => message(rng, None),
        40..45 => {
            let root = target(rng);
            message(rng, Some(root))
        }
        45..55 => {
            let mentions = rng.percent(50).then(|| mentions(rng));
            let mentions_room = rng.percent(30).then(|| rng.percent(30));
            Op::Edit(target(rng), Edit { mentions, mentions_room, ..Edit::text(rng.next().to_string()) })
        }
        55..67 => Op::Delete(target(rng), None),
        67..71 => Op::React(target(rng), crate::Reaction::new("👍").unwrap(), rng.percent(70)),
        _ => Op::Mark(MarkTo { seq: target(rng), back: rng.percent(40) }),
    };
    let by_system = !matches!(op, Op::Mark(_)) && rng.percent(20);
    Entry { by_system, ..entry(&user(rng), &key, op) }
}
