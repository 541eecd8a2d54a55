//! What clients do, by chance.

use super::{
    World,
    check::{Asked, Writer},
    event_queue::ScheduledEvent,
};
use crate::{
    Body, IdempotencyKey, Identity, Position, RoomId, RoomName, Seq, SessionId, Since, Topic,
    append::{Entry, EventKey, Op, RoomBatch, RoomUpdate},
    position::Epoch,
    state::{Departure, Request},
    testing::world::check::Checked,
};

/// A key that was used: to be used again.
#[derive(Debug, Clone)]
pub(super) struct KeyUse {
    pub(super) user: Identity,
    pub(super) room: RoomId,
    key: String,
    op: Op,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Send,
    SendWithoutSession,
    Retry,
    RetryAtOnce,
    Mismatch,
    Flood,
    Attach,
    AttachAndMore,
    Detach,
    Type,
    StopTyping,
    Close,
    Vanish,
    Change,
    Mark,
    Member,
    Update,
    Delete,
}

impl World {
    /// Somebody does something; then somebody else does.
    pub(super) fn act(&mut self) -> Checked {
        if self.params.actions == 0 {
            return Ok(());
        }
        self.params.actions -= 1;
        let pause =
            if self.rng.percent(3) { self.rng.millis(2_000, 14_000) } else { self.rng.millis(0, self.params.pause_ms) };
        self.event_queue.put(pause, &mut self.rng, ScheduledEvent::Act);
        let device = usize::try_from(self.rng.below(self.clients.devices.len() as u64)).unwrap_or(0);
        let Some(room) = self.rng.pick(&self.params.rooms).copied() else { return Ok(()) };
        let Some(who) = self.clients.devices.get(device) else { return Ok(()) };
        let Some(session) = who.session else {
            let session = self.connect(device);
            return self.attach(session, room);
        };
        let user = who.user.clone();
        let actions = [
            (26, Action::Send),
            (6, Action::SendWithoutSession),
            (10, Action::Retry),
            (4, Action::RetryAtOnce),
            (2, Action::Mismatch),
            (self.params.floods, Action::Flood),
            (14, Action::Attach),
            (7, Action::AttachAndMore),
            (6, Action::Detach),
            (8, Action::Type),
            (2, Action::StopTyping),
            (2, Action::Close),
            (4, Action::Vanish),
            (self.params.changes, Action::Change),
            (self.params.changes / 3, Action::Mark),
            (self.params.members, Action::Member),
            (2, Action::Update),
            (self.params.deletes, Action::Delete),
        ];
        let Some(action) = self.rng.weighted(&actions) else { return Ok(()) };
        self.trace.line(format_args!(
            "{} {action:?} by session {session} in room {room}",
            self.event_queue.mono().as_micros()
        ));
        self.carry_out(action, session, &user, room)
    }

    fn carry_out(&mut self, action: Action, session: SessionId, user: &Identity, room: RoomId) -> Checked {
        match action {
            Action::Send => self.send_new(room, user, Some(session)),
            Action::SendWithoutSession => self.send_new(room, user, None),
            Action::Retry => self.retry(session, 1),
            Action::RetryAtOnce => self.retry(session, 3),
            Action::Mismatch => match self.used_key() {
                Some(used) => {
                    let op = Op::Message(Body::text("something else"));
                    self.submit(used.room, &used.user, None, Some(&used.key), op)
                }
                None => Ok(()),
            },
            Action::Flood => {
                let many = self.rng.between(4, 24);
                (0..many).try_for_each(|_| self.send_new(room, user, None))
            }
            Action::Attach => self.attach(session, room),
            Action::AttachAndMore => {
                self.attach(session, room)?;
                for _ in 0..self.rng.between(1, 4) {
                    match self.rng.below(10) {
                        0 => self.attach(session, room)?,
                        1 => self.detach(session, room)?,
                        2..=4 => self.type_or_stop(session, room, true)?,
                        5 => self.change(room, user, Some(session))?,
                        6 => self.mark(room, user, session)?,
                        _ => self.send_new(room, user, Some(session))?,
                    }
                }
                Ok(())
            }
            Action::Detach => self.detach(session, room),
            Action::Type => self.type_or_stop(session, room, true),
            Action::StopTyping => self.type_or_stop(session, room, false),
            Action::Close => self.depart(session, Departure::Closed),
            Action::Vanish => {
                // The reader is gone at once; the engine notices later.
                self.lose_reader(session);
                let noticed = self.rng.millis(0, 2_000);
                self.event_queue.put(noticed, &mut self.rng, ScheduledEvent::Depart(session, Departure::Lost));
                Ok(())
            }
            Action::Change => self.change(room, user, Some(session)),
            Action::Mark => self.mark(room, user, session),
            Action::Member => self.change_member(room, user),
            Action::Update => self.update(room, user),
            Action::Delete => self.delete(room, user),
        }
    }

    fn attach(&mut self, session: SessionId, room: RoomId) -> Checked {
        let Some(asker) = self.clients.sessions.get_mut(&session) else { return Ok(()) };
        asker.rooms.insert(room);
        let (user, device) = (asker.user.clone(), asker.device);
        let known = self.clients.devices.get(device).and_then(|device| device.known.get(&room)).copied();
        let since = self.since(room, known);
        // A device that only looks on does not type; see `type_or_stop`.
        let presence = !device.is_multiple_of(4) || self.rng.percent(50);
        let asked = Asked::Attach { user: user.id.clone(), since: since.clone(), presence, log_head: Seq(0), loads: 0 };
        self.ask(room, Some(session), asked, |reply| Request::Attach { session, user, since, presence, reply })
    }

    fn since(&mut self, room: RoomId, known: Option<Seq>) -> Since {
        let head = self.database.log.room(room).map_or(Seq(0), |row| row.head);
        let epoch = self.database.log.epoch();
        let known = known.unwrap_or(head);
        match self.rng.below(100) {
            0..=24 => Since::Now,
            25..=64 => Since::Position(Position { epoch, seq: known }),
            65..=74 => Since::Seq(known),
            75..=82 => Since::Seq(Seq(self.rng.between(0, head.0))),
            83..=88 => Since::Position(Position { epoch, seq: Seq(self.rng.below(3)) }),
            89..=94 => Since::Position(Position { epoch, seq: Seq(head.0 + self.rng.between(1, 3)) }),
            _ => Since::Position(Position { epoch: Epoch::new("another"), seq: known }),
        }
    }

    fn detach(&mut self, session: SessionId, room: RoomId) -> Checked {
        self.ask(room, Some(session), Asked::Detach, |reply| Request::Detach { session, reply })
    }

    fn type_or_stop(&mut self, session: SessionId, room: RoomId, is_typing: bool) -> Checked {
        let Some(asker) = self.clients.sessions.get(&session) else { return Ok(()) };
        let (user, asked) = (asker.user.clone(), Asked::Typing(is_typing));
        self.ask(room, Some(session), asked, |reply| Request::Typing { session, user, is_typing, reply })
    }

    pub(super) fn send_new(&mut self, room: RoomId, user: &Identity, session: Option<SessionId>) -> Checked {
        self.params.sent += 1;
        let padding = usize::try_from(self.rng.below(40)).unwrap_or(0);
        let content = format!("{} of {}{:padding$}", self.params.sent, user.id, "");
        let op = Op::Message(self.body(room, content));
        self.submit_new(room, user, session, op)
    }

    /// Submits something, mostly with a key that it may be retried with.
    pub(super) fn submit_new(&mut self, room: RoomId, user: &Identity, session: Option<SessionId>, op: Op) -> Checked {
        if self.rng.percent(35) {
            return self.submit(room, user, session, None, op);
        }
        self.params.made_up += 1;
        let key = format!("key-{}", self.params.made_up);
        self.keys.push(KeyUse { user: user.clone(), room, key: key.clone(), op: op.clone() });
        self.submit(room, user, session, Some(&key), op)
    }

    /// Sends again what was sent before: the same user's other device, their session of later, or none at all.
    fn retry(&mut self, session: SessionId, times: usize) -> Checked {
        let Some(used) = self.used_key() else { return Ok(()) };
        for _ in 0..times {
            let own = self.clients.sessions.get(&session).is_some_and(|session| session.user == used.user);
            let from = (own && self.rng.percent(60)).then_some(session);
            self.submit(used.room, &used.user, from, Some(&used.key), used.op.clone())?;
        }
        Ok(())
    }

    /// A key that was used before, rather lately than long ago.
    pub(super) fn used_key(&mut self) -> Option<KeyUse> {
        let lately = self.keys.len().saturating_sub(8);
        let from = if self.rng.percent(75) { lately } else { 0 };
        self.rng.pick(self.keys.get(from..)?).cloned()
    }

    fn submit(
        &mut self,
        room: RoomId,
        user: &Identity,
        session: Option<SessionId>,
        key: Option<&str>,
        op: Op,
    ) -> Checked {
        let key = self.event_key(key);
        self.check.accepts.extend(op.accepts().map(|code| (key.clone(), code)));
        let (asker, its_key) = (user.id.clone(), key.clone());
        let asked = if let Op::Message(body) = &op {
            Asked::Send { user: asker, key: its_key, body: body.clone() }
        } else {
            Asked::Change { user: asker, key: its_key, op: op.clone() }
        };
        let actor = Some(user.clone());
        self.ask(room, session, asked, |reply| Request::Append { session, by_system: false, actor, key, op, reply })
    }

    pub(super) fn event_key(&mut self, given: Option<&str>) -> EventKey {
        self.params.made_up += 1;
        let given = given.and_then(|key| IdempotencyKey::new(key).ok());
        given.map_or_else(|| EventKey::generated(&self.params.made_up.to_string()), |key| EventKey::given(&key))
    }

    fn update(&mut self, room: RoomId, user: &Identity) -> Checked {
        let actor = self.rng.percent(70).then(|| user.clone());
        // Few names, so that some are taken and some are what they were.
        let name = self.rng.percent(60).then(|| RoomName::from_stored(&format!("room {}", self.rng.below(4))));
        let topic =
            (name.is_none() || self.rng.percent(50)).then(|| Topic::from_stored(&self.rng.below(3).to_string()));
        let op = Op::UpdateRoom(RoomUpdate { name, topic, ..RoomUpdate::default() });
        self.change_room(room, actor, op)
    }

    fn delete(&mut self, room: RoomId, user: &Identity) -> Checked {
        let actor = self.rng.percent(70).then(|| user.clone());
        self.change_room(room, actor, Op::DeleteRoom)
    }

    fn change_room(&mut self, room: RoomId, actor: Option<Identity>, op: Op) -> Checked {
        let key = self.event_key(None);
        let user = actor.as_ref().map(|actor| actor.id.clone());
        let asked = Asked::ChangeRoom { user, key: key.clone(), op: op.clone() };
        self.ask(room, None, asked, |reply| Request::Append { session: None, by_system: false, actor, key, op, reply })
    }

    /// Another process writes to a room's log: new messages, somebody's retry, rarely another topic or
    /// the end.
    pub(super) fn foreign(&mut self, room: RoomId) -> Checked {
        if self.database.is_locked(room) {
            let later = self.rng.millis(1, 20);
            self.event_queue.put(later, &mut self.rng, ScheduledEvent::Foreign(room));
            return Ok(());
        }
        self.tally.foreign += 1;
        if self.params.deletes > 0 && self.rng.percent(10) {
            let key = self.event_key(None);
            return self.foreign_append(room, None, key, Op::DeleteRoom);
        }
        if self.params.members > 0 && self.rng.percent(40) {
            return self.foreign_member(room);
        }
        if self.rng.percent(15) {
            let topic = Some(Topic::from_stored(&format!("foreign {}", self.rng.below(3))));
            let key = self.event_key(None);
            return self.foreign_append(room, None, key, Op::UpdateRoom(RoomUpdate { topic, ..RoomUpdate::default() }));
        }
        for _ in 0..self.rng.between(1, 4) {
            let used = if self.rng.percent(30) { self.used_key().filter(|used| used.room == room) } else { None };
            let (author, op, key) = match used {
                Some(used) => (used.user, used.op, self.event_key(Some(&used.key))),
                None => {
                    let Some(user) = self.rng.pick(&self.clients.users).cloned() else { return Ok(()) };
                    let op = if self.rng.percent(30) { self.change_of(room) } else { None };
                    self.params.sent += 1;
                    let content = format!("{} from elsewhere", self.params.sent);
                    let op = op.unwrap_or_else(|| Op::Message(self.body(room, content)));
                    (user, op, self.event_key(None))
                }
            };
            if let Op::Message(body) = &op {
                self.check.sends.foreign(room, &author, &key, body);
            }
            self.foreign_append(room, Some(author), key, op)?;
        }
        Ok(())
    }

    /// Another process appends to a room's log.
    pub(super) fn foreign_append(&mut self, room: RoomId, actor: Option<Identity>, key: EventKey, op: Op) -> Checked {
        self.check.accepts.extend(op.accepts().map(|code| (key.clone(), code)));
        let entries = vec![Entry::new(actor, key, self.event_queue.now().wall, op)];
        self.database.log.foreign().append(&[RoomBatch { room, entries }]);
        self.send_hints(room);
        self.committed(room, Writer::Foreign)
    }

    /// The other process hints at what it has written: once, twice or not at all, soon or late.
    fn send_hints(&mut self, room: RoomId) {
        let head = self.database.log.room(room).map(|row| row.head);
        for _ in 0..self.rng.below(3) {
            let late = if self.rng.percent(20) { self.rng.millis(100, 8_000) } else { self.rng.millis(0, 30) };
            self.event_queue.put(late, &mut self.rng, ScheduledEvent::Hint(room, head));
        }
    }
}
