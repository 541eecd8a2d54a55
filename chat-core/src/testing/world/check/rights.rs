//! Who acts had the right to where the event stands; rooms have owners; and refusals are right.

use super::{
    Asked, Batch, Broken, Checked, Promise,
    conversation::Conversation,
    hold,
    membership::{Code, Membership, Right, Who},
};
use crate::{
    Attached, Changed, Event, EventKind, MemberChange, MemberEvent, Notice, Role, RoomKind, Sent, Seq, Timestamp,
    UserId,
    append::{MemberOp, MemberStep, Op, RoomUpdate},
    error::Error,
    state::Answered,
    testing::world::{World, engine::Pending},
};

/// Somebody who has to own the room with the next event, because its last owner was lost.
pub(super) type Heir = Option<UserId>;

impl Membership {
    /// What an event needed the right to. Whether it is one's own message, the conversation says.
    fn needs<'e>(&self, event: &'e Event, conversation: &Conversation) -> Vec<Right<'e>> {
        let actor = event.actor.as_ref().map(|actor| &actor.id);
        let write = |mentions: bool| if mentions { vec![Right::Write, Right::MentionRoom] } else { vec![Right::Write] };
        match &event.kind {
            EventKind::Message(message) => write(message.body.mentions_room),
            EventKind::MessageEdited(edit) => {
                write(edit.body.mentions_room && !conversation.mentions_room(edit.target))
            }
            EventKind::MessageDeleted { target, .. } => vec![Self::deletion(*target, actor, conversation)],
            EventKind::Reaction { .. } => vec![Right::Write],
            EventKind::Pin { .. } => vec![Right::Pin],
            EventKind::Member(member) => self.member_needs(member, actor),
            EventKind::RoomUpdated { kind, invites, .. } => {
                let changes = (*kind != self.terms.kind, *invites != self.terms.invites);
                let kind = changes.0.then_some(Right::ChangeKind);
                [Right::Update].into_iter().chain(kind).chain(changes.1.then_some(Right::ChangeInvites)).collect()
            }
            // The last one who leaves a private room ends it.
            EventKind::RoomDeleted
                if self.terms.kind == RoomKind::Private && actor.is_some_and(|actor| self.is_alone(actor)) =>
            {
                Vec::new()
            }
            EventKind::RoomDeleted => vec![Right::Delete],
        }
    }

    fn deletion(target: Seq, actor: Option<&UserId>, conversation: &Conversation) -> Right<'static> {
        if conversation.author(target) == actor { Right::Take } else { Right::DeleteOthers }
    }

    fn member_needs<'e>(&self, member: &'e MemberEvent, actor: Option<&UserId>) -> Vec<Right<'e>> {
        let user = &member.user.id;
        let is_own = actor == Some(user);
        match member.change {
            MemberChange::Joined => vec![Right::Join],
            MemberChange::Added if member.role > Some(Role::Member) => vec![Right::Add, Right::GiveRoles],
            MemberChange::Added => vec![Right::Add],
            MemberChange::Left => vec![Right::Take],
            // Whoever steps down needs nobody's leave.
            MemberChange::Role if is_own && member.role < self.role(user) => vec![Right::Take],
            MemberChange::Role => vec![Right::GiveRoles],
            MemberChange::Removed
            | MemberChange::Banned
            | MemberChange::Unbanned
            | MemberChange::Muted
            | MemberChange::Unmuted => vec![Right::Moderate(user)],
        }
    }

    /// After the event that takes somebody's right, no event of theirs needed it. What the host does is another matter.
    pub(super) fn check_actor(
        &self,
        event: &Event,
        by_host: bool,
        by_invite: bool,
        conversation: &Conversation,
    ) -> Checked {
        let actor = event.actor.as_ref().map(|actor| &actor.id);
        let who = if by_host { Who::Host } else { actor.map_or(Who::Anonymous, Who::User) };
        let needs = if by_invite { Vec::new() } else { self.needs(event, conversation) };
        for right in needs {
            let lack = self.lacks(who, right, event.at);
            hold(lack.is_none(), Promise::ActsByRight, || {
                format!("event {} of {who:?} needs the right to {right:?}, but: {lack:?}; {event:?}", event.seq)
            })?;
        }
        let Some(member) = event.member() else { return Ok(()) };
        self.check_about(event, member, by_host)
    }

    /// What an event about somebody has to keep to, whoever made it.
    fn check_about(&self, event: &Event, member: &MemberEvent, by_host: bool) -> Checked {
        let user = &member.user.id;
        let actor = event.actor.as_ref().map(|actor| &actor.id);
        let is_own = actor == Some(user) && !by_host;
        let is_in_time = member.until.is_none_or(|until| until > event.at);
        let holds = match member.change {
            // By an invite, those come in who may not know of the room. Who is banned does not.
            MemberChange::Joined => by_host || is_own && self.ban(user, event.at).is_none(),
            MemberChange::Left => by_host || is_own,
            MemberChange::Added => self.ban(user, event.at).is_none(),
            MemberChange::Banned | MemberChange::Muted => !is_own && is_in_time,
            MemberChange::Unbanned | MemberChange::Unmuted => !is_own,
            MemberChange::Removed | MemberChange::Role => true,
        };
        hold(holds, Promise::ActsByRight, || format!("event {} cannot be: {member:?} by {actor:?}", event.seq))
    }

    /// The last owner stays while others are in. Returns who has to own the room with the next event, if the last owner is lost;
    /// `expected` is who has to with this one.
    pub(super) fn check_owners(
        &self,
        after: &Self,
        event: &Event,
        by_host: bool,
        expected: Heir,
    ) -> Result<Heir, Broken> {
        let broken = |what: String| Err(Broken::new(Promise::Owned, format!("event {}: {what}; {event:?}", event.seq)));
        if let Some(heir) = expected {
            let is_heir = |member: &MemberEvent| member.user.id == heir && member.role == Some(Role::Owner);
            let succeeds = event.actor.is_none() && event.member().is_some_and(is_heir);
            return if succeeds { Ok(None) } else { broken(format!("{heir} has to own the room with it")) };
        }
        let Some(member) = event.member() else { return Ok(None) };
        if after.terms.kind == RoomKind::Private && after.len() == 0 {
            return broken("nobody is left in a private room that goes on".to_owned());
        }
        if after.owners() > 0 || self.owners() == 0 || after.len() == 0 {
            return Ok(None);
        }
        if member.change == MemberChange::Role && after.is_alone(&member.user.id) {
            return Ok(None);
        }
        let by_themselves = matches!(member.change, MemberChange::Left | MemberChange::Role) && !by_host;
        if by_themselves {
            return broken("the last owner is gone while others are in".to_owned());
        }
        Ok(after.heir_of(&member.user.id).cloned())
    }

    /// Why this is refused when the log ends here, as far as rights decide it: all that is wrong. Nothing: it is not.
    fn refuses(&self, who: Who<'_>, op: &Op, (head, at): (Seq, Timestamp), conversation: &Conversation) -> Vec<Code> {
        if let Some(lack) = self.lacks(who, Right::Read, at) {
            return vec![lack];
        }
        let lack = |right| self.lacks(who, right, at);
        let write = |mentions: bool| vec![lack(Right::Write), mentions.then(|| lack(Right::MentionRoom)).flatten()];
        let lacks = match op {
            Op::Message(body) => write(body.mentions_room),
            Op::Edit(_, edit) => write(edit.mentions_room == Some(true)),
            // What is not there, or was deleted already, is not deleted by anybody.
            Op::Delete(target, _) if *target > head || !conversation.has(*target) => vec![],
            Op::Delete(target, _) if conversation.deletion(*target).is_some_and(|deletion| deletion <= head) => vec![],
            Op::Delete(target, _) => {
                let user = if let Who::User(user) = who { Some(user) } else { None };
                vec![lack(Self::deletion(*target, user, conversation))]
            }
            Op::React(..) => vec![lack(Right::Write)],
            Op::Pin(..) => vec![lack(Right::Pin)],
            Op::Mark(_) => vec![lack(Right::Take)],
            Op::Prune(_) | Op::Invite(_) => vec![],
            Op::Member(op) => return self.refuses_member(who, op, at),
            Op::UpdateRoom(RoomUpdate { kind, invites, .. }) => {
                let is_new = |changes: bool, right| changes.then(|| lack(right)).flatten();
                let kind = is_new(kind.is_some_and(|kind| kind != self.terms.kind), Right::ChangeKind);
                let invites =
                    is_new(invites.is_some_and(|invites| invites != self.terms.invites), Right::ChangeInvites);
                vec![lack(Right::Update), kind, invites]
            }
            Op::DeleteRoom => vec![lack(Right::Delete)],
        };
        lacks.into_iter().flatten().collect()
    }

    fn refuses_member(&self, who: Who<'_>, op: &MemberOp, at: Timestamp) -> Vec<Code> {
        let user = &op.user.id;
        let is_own = who == Who::User(user);
        let role = self.role(user);
        let lack = |right| self.lacks(who, right, at);
        let is_past = |until: Option<Timestamp>| until.is_some_and(|until| until <= at).then_some("invalid_field");
        let lacks = match op.step {
            MemberStep::Join => vec![lack(Right::Join)],
            MemberStep::Accept(_) => vec![],
            MemberStep::Leave | MemberStep::Remove if is_own || op.step == MemberStep::Leave => {
                let is_last = self.is_last_owner(user) && who != Who::Host;
                vec![lack(Right::Take), is_last.then_some("last_owner")]
            }
            MemberStep::Add(given) if role.is_none() => {
                let gives = given.is_some_and(|given| given > Role::Member);
                let banned = self.ban(user, at).map(|_| "banned");
                vec![lack(Right::Add), gives.then(|| lack(Right::GiveRoles)).flatten(), banned]
            }
            MemberStep::Add(given) if given.is_none() || given == role => vec![lack(Right::Add)],
            MemberStep::Add(given) => {
                let steps_down = is_own && given < role;
                let is_last = (self.is_last_owner(user) && who != Who::Host).then_some("last_owner");
                vec![(!steps_down).then(|| lack(Right::GiveRoles)).flatten(), is_last]
            }
            MemberStep::Ban(_) | MemberStep::Unban | MemberStep::Mute(_) | MemberStep::Unmute if is_own => {
                vec![Some("invalid_field")]
            }
            MemberStep::Ban(until) | MemberStep::Mute(until) => vec![lack(Right::Moderate(user)), is_past(until)],
            MemberStep::Leave | MemberStep::Remove | MemberStep::Unban | MemberStep::Unmute => {
                vec![lack(Right::Moderate(user))]
            }
        };
        lacks.into_iter().flatten().collect()
    }
}

impl World {
    /// What is answered is right by the rights that there were at some moment since it was asked. Returns whether it is refused
    /// for want of a right.
    pub(super) fn check_rights(&self, pending: &Pending, answered: &Answered, batch: &Batch) -> Result<bool, Broken> {
        let Some(log) = self.check.reference_logs.get(&pending.room) else { return Ok(false) };
        let Some((who, op)) = self.asked_by(pending) else { return Ok(false) };
        let said = Said::of(answered);
        let is_found = batch.recovers && matches!(said, Said::Replayed | Said::Refused(Error::IdempotencyMismatch));
        if is_found || said == Said::Elsewhere || said == Said::Refused(&Error::RoomNotFound) && log.is_deleted() {
            return Ok(false);
        }
        if let Some(code) = op.accepts() {
            // Whether it lets in, the log says.
            let (Said::Refused(error @ (Error::RoomNotFound | Error::Banned { .. })), Who::User(user)) = (&said, who)
            else {
                return Ok(false);
            };
            return self.check_not_invited(pending, user, code, error).map(|()| true);
        }
        let (first, last) = pending.walls;
        let moments: Vec<(Vec<Code>, Vec<Code>)> = log
            .memberships_from(pending.head)
            .map(|(head, membership)| {
                let lacks = |at| membership.refuses(who, &op, (head, at), log.conversation());
                (lacks(first), lacks(last))
            })
            .collect();
        let ever = |holds: &dyn Fn(&[Code]) -> bool| moments.iter().any(|(one, other)| holds(one) || holds(other));
        let sees =
            |membership: &Membership| [first, last].iter().any(|at| membership.lacks(who, Right::Read, *at).is_none());
        let ever_sees = || log.memberships_from(pending.head).any(|(_, membership)| sees(membership));
        // Who may not know of the room hears what they would hear if it were not there.
        let is_hidden = ever(&|lacks| *lacks == ["room_not_found"]);
        let refused = if is_hidden { Promise::Hidden } else { Promise::HonestRefusal };
        let (is_right, promise) = match said {
            Said::Unchanged => (ever(&|lacks| lacks.is_empty()), Promise::ActsByRight),
            Said::Replayed => (ever_sees(), Promise::ActsByRight),
            Said::Refused(error) if ever(&|lacks| lacks.contains(&error.code())) => return Ok(true),
            Said::Refused(Error::IdempotencyMismatch) => (ever_sees(), refused),
            Said::Refused(error) => (!is_of_rights(error, &op) && ever(&|lacks| lacks.is_empty()), refused),
            Said::Elsewhere => (true, refused),
        };
        hold(is_right, promise, || {
            format!("{:?} by {who:?} is answered {answered:?}; since then: {moments:?}", pending.asked)
        })?;
        Ok(false)
    }

    /// Who attaches may hear the room from where the attachment begins. Whoever may not hears the same as of a room that is not
    /// there, or that they are banned.
    pub(super) fn check_hearer(&self, pending: &Pending, result: &Result<Attached, Error>) -> Checked {
        let (Asked::Attach { user, .. }, Some(log)) = (&pending.asked, self.check.reference_logs.get(&pending.room))
        else {
            return Ok(());
        };
        if pending.session.is_some_and(|session| !self.clients.sessions.contains_key(&session)) {
            return Ok(());
        }
        let at = self.event_queue.now().wall;
        if let Ok(attached) = result {
            return hold(log.membership(attached.head.seq).sees(user, at), Promise::SilentAfterRemoval, || {
                format!("{user} attaches to room {} at {:?}, and may not read it", pending.room, attached.head)
            });
        }
        let lacks = |membership: &Membership| membership.lacks(Who::User(user), Right::Read, at);
        let mut moments = log.memberships_from(pending.head).map(|(_, membership)| lacks(membership));
        let Some(error) = result.as_ref().err().filter(|error| !fails_alike(error)) else { return Ok(()) };
        let hides = matches!(error, Error::RoomNotFound | Error::Banned { .. });
        let is_right = (*error == Error::RoomNotFound && log.is_deleted())
            || moments.any(|lack| if hides { lack == Some(error.code()) } else { lack.is_none() });
        hold(is_right, if hides { Promise::HonestRefusal } else { Promise::Hidden }, || {
            format!("{user} attaches to room {}, and is answered {error:?}", pending.room)
        })
    }

    /// A user is told only of what happens in rooms that they may read.
    pub(in crate::testing::world) fn check_notice(&self, user: &UserId, notice: &Notice) -> Checked {
        let Some(room) = notice.told_of() else { return Ok(()) };
        let since = if let Notice::Mention { seq, .. } = notice { *seq } else { Seq(0) };
        let Some(log) = self.check.reference_logs.get(&room) else { return Ok(()) };
        let stamp = log.get(since).map(|stored| stored.event.at);
        let times = [Some(self.event_queue.now().wall), stamp];
        let mut moments = log.memberships_from(Seq(since.0.saturating_sub(1)));
        let may = moments.any(|(_, membership)| times.into_iter().flatten().any(|at| membership.sees(user, at)));
        hold(may, Promise::SilentAfterRemoval, || format!("{user} is told {notice:?}, and may not read the room"))
    }

    /// Who asks for what, where it is to be appended.
    fn asked_by<'p>(&self, pending: &'p Pending) -> Option<(Who<'p>, Op)> {
        let (who, key, op) = match &pending.asked {
            Asked::Send { user, key, body } => (Who::User(user), Some(key), Op::Message(body.clone())),
            Asked::Change { user, key, op } => (Who::User(user), Some(key), op.clone()),
            Asked::ChangeRoom { user, key, op } => {
                (user.as_ref().map_or(Who::Anonymous, Who::User), Some(key), op.clone())
            }
            Asked::Mark { user, to } => (Who::User(user), None, Op::Mark(*to)),
            Asked::Attach { .. } | Asked::Detach | Asked::Typing(_) => return None,
        };
        let by_host = key.is_some_and(|key| self.check.host_keys.contains(key));
        Some((if by_host { Who::Host } else { who }, op))
    }
}

/// What an answer says of the rights to what was asked.
#[derive(Debug, PartialEq)]
enum Said<'a> {
    Replayed,
    Unchanged,
    Refused(&'a Error),
    /// Nothing, or what is judged where the event stands.
    Elsewhere,
}

impl<'a> Said<'a> {
    fn of(answered: &'a Answered) -> Self {
        match answered {
            Answered::Send(_, Ok(Sent { replayed: true, .. }))
            | Answered::Change(_, Ok(Changed::Stored { replayed: true, .. })) => Said::Replayed,
            Answered::Change(_, Ok(Changed::Unchanged { .. })) | Answered::Mark(_, Ok(_)) => Said::Unchanged,
            Answered::Send(_, Err(error)) | Answered::Change(_, Err(error)) | Answered::Mark(_, Err(error))
                if !fails_alike(error) =>
            {
                Said::Refused(error)
            }
            Answered::Send(..)
            | Answered::Change(..)
            | Answered::Mark(..)
            | Answered::Attach(..)
            | Answered::Detach(_)
            | Answered::Typing(..)
            | Answered::Prune(..)
            | Answered::Invite(..) => Said::Elsewhere,
        }
    }
}

/// Whether an error says nothing of the room, so that it is said of any.
pub(super) const fn fails_alike(error: &Error) -> bool {
    matches!(error, Error::Unavailable | Error::StorageFull | Error::Overloaded | Error::OutcomeUnknown)
}

/// Whether an error is about rights alone. An edit may also be of another's message.
const fn is_of_rights(error: &Error, op: &Op) -> bool {
    let is_of_edits = matches!((error, op), (Error::Forbidden, Op::Edit(..)));
    let always = matches!(
        error,
        Error::RoomNotFound
            | Error::Forbidden
            | Error::Banned { .. }
            | Error::Muted { .. }
            | Error::Unauthenticated
            | Error::LastOwner
    );
    always && !is_of_edits
}
