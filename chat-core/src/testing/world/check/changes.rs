//! Changes of messages: stored once, refused with reason.

use std::collections::BTreeMap;

use super::{Broken, Checked, Promise, ReferenceLog, hold, says_not_stored};
use crate::{
    Changed, Event, EventKind, MemberChange, MemberEvent, RoomId, Seq, UserId,
    append::{EventKey, Lookup, MemberOp, MemberStep, Op},
    error::Error,
    state::ReplyId,
};

/// Every change there was.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Changes {
    attempts: BTreeMap<ReplyId, Attempt>,
    /// The attempt that was told that it stored an event.
    first: BTreeMap<(RoomId, Seq), ReplyId>,
}

#[derive(Debug)]
struct Attempt {
    room: RoomId,
    user: UserId,
    lookup: Lookup,
    op: Op,
    /// Whether its key was used when it began, and its target was there.
    key_was_used: bool,
    target_was_there: bool,
}

impl Changes {
    pub(super) fn begun(
        &mut self,
        reply: ReplyId,
        room: RoomId,
        (user, key, op): (&UserId, &EventKey, &Op),
        reference_log: Option<&ReferenceLog>,
    ) {
        let lookup = Lookup { user: Some(user.clone()), key: key.clone() };
        let key_was_used = reference_log.is_some_and(|log| log.by_key(&lookup).is_some());
        let is_there = |target: Seq| reference_log.is_some_and(|log| log.conversation().has(target));
        let target_was_there = op.targets().all(is_there);
        let (user, op) = (user.clone(), op.clone());
        self.attempts.insert(reply, Attempt { room, user, lookup, op, key_was_used, target_was_there });
    }

    /// A change is answered.
    pub(super) fn answered(
        &mut self,
        reply: ReplyId,
        result: &Result<Changed, Error>,
        reference_log: &ReferenceLog,
        lacks_right: bool,
    ) -> Checked {
        let Some(attempt) = self.attempts.get(&reply) else { return Ok(()) };
        let room = attempt.room;
        match result {
            Ok(Changed::Stored { event, replayed }) => {
                attempt.check_stored(event, reference_log)?;
                let earlier = if *replayed { None } else { self.first.insert((room, event.seq), reply) };
                hold(earlier.is_none(), Promise::SentOnce, || {
                    format!("{earlier:?} and {reply:?} are both told that they stored event {}", event.seq)
                })
            }
            Ok(Changed::Unchanged { .. }) => hold(!attempt.key_was_used, Promise::SentOnce, || {
                format!("{attempt:?} is told that nothing changes, but its key was used")
            }),
            // With a key that was used, it may be stored since long.
            Err(_) if lacks_right => Ok(()),
            Err(error) => attempt.check_refused(error, reference_log),
        }
    }
}

impl Attempt {
    fn check_stored(&self, event: &Event, reference_log: &ReferenceLog) -> Checked {
        reference_log.check_event(event)?;
        let first = reference_log.by_key(&self.lookup).map(|stored| stored.event.seq);
        hold(first == Some(event.seq), Promise::SentOnce, || {
            format!("a change with {:?} is answered {}, but its event is {first:?}", self.lookup.key, event.seq)
        })?;
        hold(self.is_what_was_asked(event), Promise::SentOnce, || {
            format!("{:?} was asked, and answered with {event:?}", self.op)
        })
    }

    fn is_what_was_asked(&self, event: &Event) -> bool {
        match (&self.op, &event.kind) {
            (Op::Edit(target, edit), EventKind::MessageEdited(stored)) => {
                *target == stored.target && (stored.erased || stored.body.content == edit.content)
            }
            (Op::Delete(target, reason), EventKind::MessageDeleted { target: to, reason: why }) => {
                target == to && reason == why
            }
            (Op::React(target, reaction, added), EventKind::Reaction { target: to, reaction: with, added: is, .. }) => {
                (target, reaction, added) == (to, with, is)
            }
            (Op::Pin(target, pinned), EventKind::Pin { target: to, pinned: is }) => (target, pinned) == (to, is),
            (Op::Member(op), EventKind::Member(member)) => member.user.id == op.user.id && becomes(op, member),
            // The last one has left a private room, or was put out.
            (Op::Member(op), EventKind::RoomDeleted) => event.actor.as_ref().is_some_and(|by| by.id == op.user.id),
            (Op::UpdateRoom(update), EventKind::RoomUpdated { kind, invites, .. }) => {
                update.kind.is_none_or(|asked| asked == *kind) && update.invites.is_none_or(|asked| asked == *invites)
            }
            _ => false,
        }
    }

    fn check_refused(&self, error: &Error, reference_log: &ReferenceLog) -> Checked {
        let targets: Vec<Seq> = self.op.targets().collect();
        let conversation = reference_log.conversation();
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other error is one too many")]
        let holds = match error {
            Error::OutcomeUnknown => true,
            Error::MessageDeleted if !targets.is_empty() => {
                targets.iter().all(|target| conversation.deletion(*target).is_some())
            }
            Error::Forbidden => {
                matches!(self.op, Op::Edit(target, _) if conversation.author(target) != Some(&self.user))
            }
            Error::MessageNotFound => !self.target_was_there,
            Error::IdempotencyMismatch => {
                let stored = reference_log.by_key(&self.lookup);
                // Of what was erased only the operation is compared.
                stored.is_some_and(|stored| !self.is_what_was_asked(&stored.event) || !is_erased(&stored.event))
            }
            error if says_not_stored(error) => {
                let is_stored = reference_log.by_key(&self.lookup).is_some();
                !is_stored || self.lookup.key.to_given().is_some()
            }
            _ => false,
        };
        let broken = || Broken::new(Promise::HonestRefusal, format!("{self:?} is refused: {error}"));
        if holds { Ok(()) } else { Err(broken()) }
    }
}

/// Whether a change of who is in the room is what was asked.
fn becomes(op: &MemberOp, member: &MemberEvent) -> bool {
    match (op.step, member.change) {
        (MemberStep::Join | MemberStep::Accept(_), MemberChange::Joined)
        | (MemberStep::Leave, MemberChange::Left)
        | (MemberStep::Remove, MemberChange::Removed | MemberChange::Left)
        | (MemberStep::Unban, MemberChange::Unbanned)
        | (MemberStep::Unmute, MemberChange::Unmuted) => true,
        (MemberStep::Add(role), MemberChange::Added | MemberChange::Joined | MemberChange::Role) => {
            role.is_none_or(|role| member.role == Some(role))
        }
        (MemberStep::Ban(until), MemberChange::Banned) | (MemberStep::Mute(until), MemberChange::Muted) => {
            member.until == until
        }
        _ => false,
    }
}

fn is_erased(event: &Event) -> bool {
    event.tells_text_of().is_some_and(|(_, erased)| erased)
}
