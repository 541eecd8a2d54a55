//! What clients do with messages besides sending them, by chance.

use super::{
    World,
    check::{Asked, Checked},
};
use crate::{
    Body, Edit, EventKind, Identity, MarkTo, Reaction, RoomId, Seq, SessionId, UserId, append::Op, state::Request,
};

impl World {
    /// What a new message says: mostly a text, sometimes in a thread, as a reply, or with mentions.
    pub(super) fn body(&mut self, room: RoomId, content: String) -> Body {
        let mut body = Body::text(content);
        if self.params.changes == 0 {
            return body;
        }
        if self.rng.percent(25) {
            body.thread = self.target(room, None);
        }
        if self.rng.percent(20) {
            body.reply_to = if self.rng.percent(50) { body.thread } else { self.target(room, None) };
        }
        if self.rng.percent(25) {
            body.mentions = self.mentions();
        }
        body.mentions_room = self.rng.percent(8);
        body.meta = self.rng.percent(8).then(|| "{}".to_owned());
        body
    }

    /// Changes a message, without a session sometimes.
    pub(super) fn change(&mut self, room: RoomId, user: &Identity, session: Option<SessionId>) -> Checked {
        let own = self.rng.percent(70).then(|| user.id.clone());
        let Some(op) = self.change_by(room, own.as_ref()) else { return Ok(()) };
        let session = session.filter(|_| self.rng.percent(70));
        self.submit_new(room, user, session, op)
    }

    /// A change of any message.
    pub(super) fn change_of(&mut self, room: RoomId) -> Option<Op> {
        if self.params.changes == 0 {
            return None;
        }
        self.change_by(room, None)
    }

    fn change_by(&mut self, room: RoomId, author: Option<&UserId>) -> Option<Op> {
        let target = self.target(room, author)?;
        Some(match self.rng.below(100) {
            0..=34 => {
                // Few texts, so that some change nothing.
                let mut edit = Edit::text(format!("edit {} of {target}", self.rng.below(3)));
                edit.mentions = self.rng.percent(40).then(|| self.mentions());
                edit.mentions_room = self.rng.percent(15).then(|| self.rng.percent(50));
                Op::Edit(target, edit)
            }
            35..=49 => Op::Delete(target, None),
            50..=84 => {
                let reaction = Reaction::from_stored(if self.rng.percent(60) { "yes" } else { "no" });
                Op::React(target, reaction, self.rng.percent(65))
            }
            _ => Op::Pin(target, self.rng.percent(65)),
        })
    }

    /// Marks a room as read, rarely back.
    pub(super) fn mark(&mut self, room: RoomId, user: &Identity, session: SessionId) -> Checked {
        let head = self.database.log.room(room).map_or(Seq(0), |row| row.head);
        let seq = Seq(self.rng.between(head.0.saturating_sub(12), head.0 + 2));
        let to = MarkTo { seq, back: self.rng.percent(25) };
        let key = self.event_key(None);
        let asked = Asked::Mark { user: user.id.clone(), to };
        let (session, actor) = (Some(session), Some(user.clone()));
        self.ask(room, session, asked, |reply| Request::Append {
            session,
            by_system: false,
            actor,
            key,
            op: Op::Mark(to),
            reply,
        })
    }

    fn mentions(&mut self) -> Vec<UserId> {
        let users = self.clients.users.clone();
        users.into_iter().filter(|_| self.rng.percent(40)).map(|user| user.id).collect()
    }

    /// A message of lately, of this author if one is given; sometimes what is no message.
    fn target(&mut self, room: RoomId, author: Option<&UserId>) -> Option<Seq> {
        let head = self.database.log.room(room)?.head;
        if self.rng.percent(3) {
            return Some(Seq(self.rng.between(0, head.0 + 2)));
        }
        let events = self.database.log.events_after(room, Seq(head.0.saturating_sub(24)), 24);
        let is_of = |actor: Option<&Identity>| author.is_none_or(|id| actor.is_some_and(|actor| actor.id == *id));
        let messages = events
            .iter()
            .map(|stored| &stored.event)
            .filter(|event| matches!(event.kind, EventKind::Message(_)) && is_of(event.actor.as_ref()));
        let messages: Vec<Seq> = messages.map(|event| event.seq).collect();
        self.rng.pick(&messages).copied()
    }
}
