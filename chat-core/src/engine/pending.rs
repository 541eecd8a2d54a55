//! Who waits for the answers of a room.

use std::collections::HashMap;

use crate::{
    Attached, Changed, Invite, Marked, Sent, Seq,
    engine::{
        reply::{Responder, ToCall, ToEither, ToSession},
        subscriber::SessionAnswer,
    },
    state::{Answered, ReplyId},
};

/// Who waits for the answers of a room: a map for each type of result.
#[derive(Debug, Default)]
pub(super) struct Pending {
    attaches: HashMap<ReplyId, ToSession<Attached>>,
    detaches: HashMap<ReplyId, ToSession<()>>,
    typings: HashMap<ReplyId, ToSession<()>>,
    sends: HashMap<ReplyId, ToEither<Sent>>,
    changes: HashMap<ReplyId, ToEither<Changed>>,
    marks: HashMap<ReplyId, ToEither<Marked>>,
    prunes: HashMap<ReplyId, ToCall<Seq>>,
    invites: HashMap<ReplyId, ToCall<Option<Invite>>>,
}

impl Pending {
    /// Takes in who waits for the answer to a request.
    pub(super) fn insert(&mut self, reply: ReplyId, responder: Responder) {
        match responder {
            Responder::Attach(to) => drop(self.attaches.insert(reply, to)),
            Responder::Detach(to) => drop(self.detaches.insert(reply, to)),
            Responder::Typing(to) => drop(self.typings.insert(reply, to)),
            Responder::Send(to) => drop(self.sends.insert(reply, to)),
            Responder::Change(to) => drop(self.changes.insert(reply, to)),
            Responder::Mark(to) => drop(self.marks.insert(reply, to)),
            Responder::Prune(to) => drop(self.prunes.insert(reply, to)),
            Responder::Invite(to) => drop(self.invites.insert(reply, to)),
        }
    }

    /// Passes an answer on.
    pub(super) fn answer(&mut self, answered: Answered) {
        match answered {
            Answered::Attach(reply, result) => self.attaches.remove(&reply).map(|to| to.attached(result)),
            Answered::Detach(reply) => self.detaches.remove(&reply).map(ToSession::detached),
            Answered::Typing(reply, result) => self.typings.remove(&reply).map(|to| to.typing(result)),
            Answered::Send(reply, result) => self.sends.remove(&reply).map(|to| to.sent(result)),
            Answered::Change(reply, result) => self.changes.remove(&reply).map(|to| to.changed(result)),
            Answered::Prune(reply, result) => self.prunes.remove(&reply).map(|to| to.respond(result)),
            Answered::Invite(reply, result) => self.invites.remove(&reply).map(|to| to.respond(result)),
            Answered::Mark(reply, result) => {
                self.marks.remove(&reply).map(|to| to.respond(result, SessionAnswer::Mark))
            }
        };
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        let Self { attaches, detaches, typings, sends, changes, marks, prunes, invites } = self;
        let of_sessions = attaches.is_empty() && detaches.is_empty() && typings.is_empty();
        let of_either = sends.is_empty() && changes.is_empty() && marks.is_empty();
        of_sessions && of_either && prunes.is_empty() && invites.is_empty()
    }

    /// Answers all who wait without knowing.
    pub(super) fn abandon(&mut self) {
        let attaches = self.attaches.drain().map(|(_, to)| Responder::Attach(to));
        let detaches = self.detaches.drain().map(|(_, to)| Responder::Detach(to));
        let typings = self.typings.drain().map(|(_, to)| Responder::Typing(to));
        let sends = self.sends.drain().map(|(_, to)| Responder::Send(to));
        let changes = self.changes.drain().map(|(_, to)| Responder::Change(to));
        let marks = self.marks.drain().map(|(_, to)| Responder::Mark(to));
        let of_sessions = attaches.chain(detaches).chain(typings);
        let prunes = self.prunes.drain().map(|(_, to)| Responder::Prune(to));
        let invites = self.invites.drain().map(|(_, to)| Responder::Invite(to));
        let of_calls = prunes.chain(invites);
        of_sessions.chain(sends).chain(changes).chain(marks).chain(of_calls).for_each(Responder::abandon);
    }
}
