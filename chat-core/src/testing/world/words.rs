//! What goes in and out of a room, in a trace: short, so that a trace can be read.

use std::fmt;

use crate::{
    Answer, Attached, Changed, Delivery, Gap, Item, SignalKind, Update,
    append::AppendFailure,
    state::{Answered, Completion, Effect, Input, Request},
};

/// Something to be put into words.
pub(super) struct Words<'a, T>(pub(super) &'a T);

impl fmt::Display for Words<'_, Input> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Input::Request(request) => Words(request).fmt(f),
            Input::Completed(completion) => Words(completion).fmt(f),
            Input::Depart { session, departure } => write!(f, "session {session} departs: {departure:?}"),
            Input::Recheck { user, refused } => write!(f, "{user} is judged again, {} refused", refused.len()),
            Input::Standing { user, standing } => write!(f, "{user} is {standing:?}"),
            Input::Hint { head: Some(head) } => write!(f, "hint: the log ends at {head}"),
            Input::Hint { head: None } => write!(f, "hint: the room is gone"),
            Input::LetGo => write!(f, "let go"),
            Input::Timeout => write!(f, "timeout"),
        }
    }
}

impl fmt::Display for Words<'_, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Request::Attach { session, user, since, presence, reply } => {
                let unseen = if *presence { "" } else { " unseen" };
                write!(f, "{} attach of session {session}, {}, since {since:?}{unseen}", reply.0, user.id)
            }
            Request::Detach { session, reply } => write!(f, "{} detach of session {session}", reply.0),
            Request::Typing { session, is_typing, reply, .. } => {
                write!(f, "{} typing {is_typing} of session {session}", reply.0)
            }
            Request::Append { session, actor, key, op, reply, .. } => {
                let (from, by) =
                    (session.map_or(0, |session| session.0), actor.as_ref().map(|actor| actor.id.as_str()));
                write!(f, "{} {} of session {from}, {by:?}, key {:?}: {op:?}", reply.0, op.name(), key.as_str())
            }
        }
    }
}

impl fmt::Display for Words<'_, Completion> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Completion::Appended(Ok(placed)) => write!(f, "appended {}", placed.len()),
            Completion::Appended(Err(AppendFailure::Unknown)) => write!(f, "appended or not: unknown"),
            Completion::Appended(Err(AppendFailure::NotStored(error))) => write!(f, "not appended: {}", error.code()),
            Completion::Recovered(Ok(found)) => {
                write!(f, "recovered {} events, the log ends at {}", found.found.len(), found.head)
            }
            Completion::Recovered(Err(error)) => write!(f, "not recovered: {}", error.code()),
            Completion::Loaded(Ok(rows)) => {
                write!(f, "loaded {} from {}", rows.len(), rows.first().map_or(0, |row| row.event.seq.0))
            }
            Completion::Loaded(Err(error)) => write!(f, "not loaded: {}", error.code()),
            Completion::LookedUp(Ok(found)) => write!(f, "looked up: {:?} at {}", found.users, found.at),
            Completion::LookedUp(Err(error)) => write!(f, "not looked up: {}", error.code()),
        }
    }
}

impl fmt::Display for Words<'_, Effect> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Effect::Append(entries) => write!(f, "append {} entries", entries.len()),
            Effect::Recover { keys } => write!(f, "recover {} keys", keys.len()),
            Effect::Load { after, limit } => write!(f, "load {limit} after {after}"),
            Effect::LookUp { users } => write!(f, "look up {users:?}"),
            Effect::NotifyAdded { user } => write!(f, "notify {user} who was added"),
            Effect::Answer(answered) => write!(f, "answer {}: {}", answered.reply().0, Words(answered)),
            Effect::Join(session) => write!(f, "join {session}"),
            Effect::Leave(session, _) => write!(f, "part {session}"),
            Effect::Publish(delivery) => write!(f, "publish {}", Words(delivery)),
            Effect::SendTo(session, delivery) => write!(f, "tell {session} {}", Words(delivery)),
            Effect::Notify { user, except, notice } => write!(f, "notify {user} but {except:?}: {notice:?}"),
            Effect::NotifyThread { root, seq, .. } => write!(f, "notify the thread {root} of {seq}"),
            Effect::ImpossiblePosition { session, seq, head } => {
                write!(f, "warn: session {session} claims {seq}, head is {head}")
            }
        }
    }
}

impl fmt::Display for Words<'_, Answered> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = |replayed: bool| if replayed { ", replayed" } else { "" };
        match self.0 {
            Answered::Attach(_, Ok(Attached { head, gap: Gap::Events(gap), .. })) => {
                write!(f, "attached at {}, gap of {}", head.seq, gap.len())
            }
            Answered::Attach(_, Ok(Attached { head, gap: Gap::Resync, .. })) => write!(f, "resync at {}", head.seq),
            Answered::Detach(_) => write!(f, "detached"),
            Answered::Typing(_, Ok(())) => write!(f, "typing"),
            Answered::Send(_, Ok(sent)) => write!(f, "stored as {}{}", sent.seq, again(sent.replayed)),
            Answered::Change(_, Ok(Changed::Stored { event, replayed })) => {
                write!(f, "stored as {}{}", event.seq, again(*replayed))
            }
            Answered::Change(_, Ok(Changed::Unchanged { .. })) => write!(f, "unchanged"),
            Answered::Prune(_, Ok(first)) => write!(f, "the log begins at {first}"),
            Answered::Invite(_, Ok(_)) => write!(f, "done"),
            Answered::Mark(_, Ok(marked)) => write!(f, "marked {:?}", marked.unread),
            Answered::Attach(_, Err(error))
            | Answered::Typing(_, Err(error))
            | Answered::Send(_, Err(error))
            | Answered::Mark(_, Err(error))
            | Answered::Prune(_, Err(error))
            | Answered::Invite(_, Err(error))
            | Answered::Change(_, Err(error)) => write!(f, "{}", error.code()),
        }
    }
}

impl fmt::Display for Words<'_, Delivery> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = match self.0.item() {
            Item::Event(event) => return write!(f, "event {} of room {}", event.seq, event.room),
            Item::Signal(signal) => signal,
        };
        let users = match &signal.kind {
            SignalKind::Join(user) => return write!(f, "join of {} in room {}", user.id, signal.room),
            SignalKind::Leave(user) => return write!(f, "leave of {} in room {}", user.id, signal.room),
            SignalKind::Read(marks) => {
                write!(f, "marks in room {}:", signal.room)?;
                return marks.iter().try_for_each(|mark| write!(f, " {} {}", mark.user.id, mark.seq));
            }
            SignalKind::UserList(list) => {
                write!(f, "list of room {}: {}", signal.room, list.count)?;
                &list.online
            }
            SignalKind::Typing(typing) => {
                write!(f, "typing in room {}: {}", signal.room, typing.count)?;
                &typing.identities
            }
        };
        users.iter().try_for_each(|user| write!(f, " {}", user.id))
    }
}

impl fmt::Display for Words<'_, Update> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Update::Answer(ticket, Ok(Answer::Attached(attached))) => {
                let gap = if let Gap::Events(events) = &attached.gap { Some(events.len()) } else { None };
                write!(f, "answer {ticket}: attached at {}, gap {gap:?}", attached.head.seq)
            }
            Update::Answer(ticket, Ok(Answer::Sent(sent))) => write!(f, "answer {ticket}: sent as {}", sent.seq),
            Update::Answer(ticket, Ok(Answer::Changed { changed, .. })) => write!(f, "answer {ticket}: {changed:?}"),
            Update::Answer(ticket, Ok(Answer::Marked(marked))) => write!(f, "answer {ticket}: {marked:?}"),
            Update::Answer(ticket, Ok(Answer::Watching { head, .. })) => {
                write!(f, "answer {ticket}: watching from {}", head.seq)
            }
            Update::Answer(ticket, Ok(Answer::Detached { .. })) => write!(f, "answer {ticket}: detached"),
            Update::Answer(ticket, Ok(Answer::Typing { .. })) => write!(f, "answer {ticket}: typing"),
            Update::Answer(ticket, Err(error)) => write!(f, "answer {ticket}: {}", error.code()),
            Update::Delivery(delivery) => write!(f, "{}", Words(delivery)),
            Update::Notice(notice) => write!(f, "notice {notice:?}"),
            Update::Detached(room, reason) => write!(f, "detached from room {room}: {}", reason.as_str()),
            Update::Closed(reason) => write!(f, "closed: {reason:?}"),
        }
    }
}
