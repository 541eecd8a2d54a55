//! What a command asks for, in the words in which its event tells it again.

use crate::history::{Change, Edited, Kind, MemberChange, MemberEvent, Message, Outcome, Record, Role, Step, What};

/// What a command that makes an event asks for. A command and its event have the same deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Deed<'a> {
    /// A text is unique for each key, so a send is known by its text.
    Send {
        body: &'a str,
        thread: Option<u64>,
    },
    Edit {
        key: &'a str,
        target: u64,
        body: &'a str,
    },
    Delete {
        key: &'a str,
        target: u64,
        reason: Option<&'a str>,
    },
    React {
        key: &'a str,
        target: u64,
        reaction: &'a str,
        added: bool,
    },
    Pin {
        key: &'a str,
        target: u64,
        pinned: bool,
    },
    Member {
        key: &'a str,
        user: &'a str,
        place: Place,
    },
}

/// What is to become of somebody in a room, as far as a command and its event both tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    In(Role),
    Out,
    Banned(Option<u64>),
    Unbanned,
    Muted(Option<u64>),
    Unmuted,
}

impl Place {
    const fn of_step(step: &Step) -> Self {
        match step {
            Step::Join | Step::Accept { .. } | Step::Add { role: None } => Self::In(Role::Member),
            Step::Add { role: Some(role) } => Self::In(*role),
            Step::Leave | Step::Remove => Self::Out,
            Step::Ban { until } => Self::Banned(*until),
            Step::Unban => Self::Unbanned,
            Step::Mute { until } => Self::Muted(*until),
            Step::Unmute => Self::Unmuted,
        }
    }

    fn of_event(event: &MemberEvent) -> Self {
        match event.change {
            MemberChange::Joined | MemberChange::Added | MemberChange::Role => {
                Self::In(event.role.unwrap_or(Role::Member))
            }
            MemberChange::Left | MemberChange::Removed => Self::Out,
            MemberChange::Banned => Self::Banned(event.until),
            MemberChange::Unbanned => Self::Unbanned,
            MemberChange::Muted => Self::Muted(event.until),
            MemberChange::Unmuted => Self::Unmuted,
        }
    }
}

/// A command that makes an event, with its outcome.
pub(crate) struct Command<'a> {
    pub(crate) room: u64,
    pub(crate) key: &'a str,
    pub(crate) deed: Deed<'a>,
    pub(crate) is_ok: bool,
    /// Whether it was surely not done.
    pub(crate) is_refused: bool,
    /// The number of its event, if its `ok` told it.
    pub(crate) seq: Option<u64>,
    pub(crate) is_replayed: bool,
}

impl<'a> Deed<'a> {
    /// The deed of an event; `None` if it is of another kind, has no key, or was erased.
    pub(crate) fn of(kind: &'a Kind) -> Option<Self> {
        let deed = match kind {
            Kind::Message(message) => Self::of_message(message),
            Kind::MessageEdited(Edited { key, target, content, .. }) => {
                Self::Edit { key: key.as_deref()?, target: *target, body: &content.body }
            }
            Kind::MessageDeleted { key, target, reason, .. } => {
                Self::Delete { key: key.as_deref()?, target: *target, reason: reason.as_deref() }
            }
            Kind::Reaction { key, target, reaction, added, .. } => {
                Self::React { key: key.as_deref()?, target: *target, reaction, added: *added }
            }
            Kind::Pin { key, target, pinned, .. } => {
                Self::Pin { key: key.as_deref()?, target: *target, pinned: *pinned }
            }
            Kind::Member(event) => {
                Self::Member { key: event.key.as_deref()?, user: &event.user, place: Place::of_event(event) }
            }
            Kind::RoomUpdated { .. } | Kind::RoomDeleted => return None,
        };
        (!kind.is_erased()).then_some(deed)
    }

    pub(crate) fn of_message(message: &'a Message) -> Self {
        Self::Send { body: &message.content.body, thread: message.thread }
    }

    fn of_change(key: &'a str, target: u64, change: &'a Change) -> Self {
        match change {
            Change::Edit { body, .. } => Self::Edit { key, target, body },
            Change::Delete { reason } => Self::Delete { key, target, reason: reason.as_deref() },
            Change::React { reaction, added } => Self::React { key, target, reaction, added: *added },
            Change::Pin { pinned } => Self::Pin { key, target, pinned: *pinned },
        }
    }

    /// Whether both are of one kind and about one message: all that an erased event tells.
    pub(crate) fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Send { thread, .. }, Self::Send { thread: other, .. }) => thread == other,
            (Self::Edit { target, .. }, Self::Edit { target: other, .. }) => target == other,
            _ => self == other,
        }
    }
}

impl<'a> Command<'a> {
    /// The command of a record, if it is one that makes an event.
    pub(crate) fn of(record: &'a Record) -> Option<Self> {
        match &record.what {
            What::Send { room, key, content, thread, result, .. } => {
                let (seq, is_replayed) = match result {
                    Outcome::Ok(sent) => (Some(sent.seq), sent.replayed),
                    Outcome::Refused(_) | Outcome::Unknown => (None, false),
                };
                let deed = Deed::Send { body: &content.body, thread: *thread };
                let (is_ok, is_refused) = (seq.is_some(), result.is_refused());
                Some(Self { room: *room, key, deed, is_ok, is_refused, seq, is_replayed })
            }
            What::Committed { room, key, content } => {
                let deed = Deed::Send { body: &content.body, thread: None };
                let (is_ok, is_refused, seq, is_replayed) = (true, false, None, false);
                Some(Self { room: *room, key, deed, is_ok, is_refused, seq, is_replayed })
            }
            What::Change { room, key, target, change, result } => {
                let (is_ok, seq, is_replayed) = match result {
                    Outcome::Ok(changed) => (true, changed.seq, changed.replayed),
                    Outcome::Refused(_) | Outcome::Unknown => (false, None, false),
                };
                let deed = Deed::of_change(key, *target, change);
                Some(Self { room: *room, key, deed, is_ok, is_refused: result.is_refused(), seq, is_replayed })
            }
            What::Member { room, key, user, step, result } => {
                let (is_ok, seq, is_replayed) = match result {
                    Outcome::Ok(changed) => (true, changed.seq, changed.replayed),
                    Outcome::Refused(_) | Outcome::Unknown => (false, None, false),
                };
                let deed = Deed::Member { key, user, place: Place::of_step(step) };
                Some(Self { room: *room, key, deed, is_ok, is_refused: result.is_refused(), seq, is_replayed })
            }
            _ => None,
        }
    }
}
