//! The decisions alone: sends into a room, batch by batch, with an audience.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{
    Body, Epoch, Event, EventKind, Identity, Limits, Message, Now, RoomId, Seq, SessionId, Since, Timestamp,
    append::{AppendOutcome, Entry, EventKey, Op},
    state::{Completion, Effect, Input, ReplyId, Request, RoomState},
};
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::{scaled, text};

/// A room and the log it would have.
struct Room {
    state: RoomState,
    effects: Vec<Effect>,
    head: u64,
    author: Identity,
    now: Now,
}

/// Longer than what comes in a room of many waits to be stored together.
const QUIET: Duration = Duration::from_millis(10);

impl Room {
    fn new(sessions: u64) -> Self {
        let limits = Arc::new(Limits::default());
        let mut room = Self {
            state: RoomState::new(RoomId(1), Epoch::new("epoch"), (Seq(1), Seq(0)), limits),
            effects: Vec::new(),
            head: 0,
            author: Identity::named("Alice").unwrap(),
            now: Now { wall: Timestamp(0), mono: Duration::ZERO },
        };
        for session in 0..sessions {
            let user = Identity::named(&format!("user {session}")).unwrap();
            let session = SessionId(session);
            let attach = Request::Attach { session, user, since: Since::Now, presence: true, reply: ReplyId(0) };
            room.state.handle(attach.into(), room.now, &mut room.effects);
        }
        room.effects.clear();
        room
    }

    /// Sends some messages and stores them; all but the first wait for its append, and form the next.
    fn send(&mut self, count: u64) {
        self.now.mono += QUIET;
        for number in 0..count {
            let send = Request::Append {
                by_system: false,
                session: None,
                actor: Some(self.author.clone()),
                key: EventKey::generated(&format!("{}", self.head + number)),
                op: Op::Message(Body::text(text())),
                reply: ReplyId(number),
            };
            self.state.handle(send.into(), self.now, &mut self.effects);
        }
        while let Some(append) = self.appended() {
            let placed = append.into_iter().map(|entry| self.place(entry)).collect();
            self.state.handle(Completion::Appended(Ok(placed)).into(), self.now, &mut self.effects);
            // What waited is stored next.
            self.now.mono += QUIET;
            self.state.handle(Input::Timeout, self.now, &mut self.effects);
        }
    }

    /// The append that was asked for last; the other effects are only counted as done.
    fn appended(&mut self) -> Option<Vec<Entry>> {
        let mut append = None;
        for effect in self.effects.drain(..) {
            if let Effect::Append(wanted) = effect {
                append = Some(wanted);
            } else {
                black_box(effect);
            }
        }
        append
    }

    fn place(&mut self, entry: Entry) -> AppendOutcome {
        self.head += 1;
        let Op::Message(body) = entry.op else { return AppendOutcome::Unchanged { count: None } };
        let kind = EventKind::Message(Message { body, ordinal: self.head, thread_ordinal: None, erased: false });
        let event = Event { room: RoomId(1), seq: Seq(self.head), at: entry.at, actor: entry.actor, key: None, kind };
        AppendOutcome::New { event: Arc::new(event), mentioned: Vec::new(), standing: Default::default(), heir: None }
    }
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("room_state");
    // An iteration is one message, also where they come in batches.
    group.throughput(Throughput::Elements(1));
    for (sessions, batch) in [(10, 1), (10, 64), (1_000, 1), (1_000, 64)] {
        let id = BenchmarkId::new(format!("{sessions} sessions"), format!("batches of {batch}"));
        group.bench_function(id, |bencher| {
            let mut room = Room::new(sessions);
            bencher.iter_custom(|asked| {
                let batches = asked.div_ceil(batch);
                let start = Instant::now();
                (0..batches).for_each(|_| room.send(batch));
                scaled(start, batches * batch, asked)
            });
        });
    }
    group.finish();
}
