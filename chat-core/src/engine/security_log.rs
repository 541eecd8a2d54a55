//! What concerns security, as records in the log: who has done what to whom, where, and by which event.
//!
//! Each record has the target [`SECURITY`](crate::log::SECURITY) and a name in `event`; docs/operating.md lists them. What happens in
//! a room is at level `debug`: users can cause it as often as they may act, and the room's audit has it for good. No record has what
//! users write, not even the reason they give.

use crate::{
    Event, EventKind, MemberChange, RoomId, UserId,
    append::AppendOutcome,
    log::{Excerpt, SECURITY},
};

/// Records what an append has stored.
pub(super) fn appended(outcomes: &[AppendOutcome]) {
    for outcome in outcomes {
        if let AppendOutcome::New { event, heir, .. } = outcome {
            stored(event);
            heir.iter().for_each(|heir| stored(heir));
        }
    }
}

fn stored(event: &Event) {
    let (name, whom, what) = match &event.kind {
        EventKind::Member(member) => {
            let (name, what) = match member.change {
                MemberChange::Joined => ("member.joined", "a user has joined a room"),
                MemberChange::Added => ("member.added", "a user was added to a room"),
                MemberChange::Left => ("member.left", "a user has left a room"),
                MemberChange::Removed => ("member.removed", "a user was removed from a room"),
                MemberChange::Role => ("member.role", "a member of a room has another role"),
                MemberChange::Banned => ("member.banned", "a user was banned from a room"),
                MemberChange::Unbanned => ("member.unbanned", "the ban on a user of a room was lifted"),
                MemberChange::Muted => ("member.muted", "a user was muted in a room"),
                MemberChange::Unmuted => ("member.unmuted", "the mute on a user of a room was lifted"),
            };
            (name, Some(&member.user.id), what)
        }
        EventKind::RoomUpdated { .. } => ("room.updated", None, "a room was changed"),
        EventKind::RoomDeleted => ("room.deleted", None, "a room was deleted"),
        EventKind::Message(_)
        | EventKind::MessageEdited(_)
        | EventKind::MessageDeleted { .. }
        | EventKind::Reaction { .. }
        | EventKind::Pin { .. } => return,
    };
    let (who, whom) = (event.actor.as_ref().map(|actor| Excerpt(&actor.id)), whom.map(Excerpt));
    tracing::debug!(
        target: SECURITY,
        event = name,
        user.id = who.map(tracing::field::display),
        subject.id = whom.map(tracing::field::display),
        room.id = event.room.0,
        seq = event.seq.0,
        "{what}"
    );
}

/// Records that an invite was made or revoked.
pub(super) fn invite(who: Option<&UserId>, room: RoomId, is_made: bool) {
    let (name, what) = if is_made {
        ("invite.made", "an invite to a room was made")
    } else {
        ("invite.revoked", "an invite to a room was revoked")
    };
    let who = who.map(Excerpt).map(tracing::field::display);
    tracing::debug!(target: SECURITY, event = name, user.id = who, room.id = room.0, "{what}");
}

/// Records that a user's access was taken away.
pub(super) fn revoked(whom: &UserId, sessions: usize) {
    let whom = tracing::field::display(Excerpt(whom));
    tracing::info!(target: SECURITY, event = "user.revoked", subject.id = whom, sessions, "a user's access was taken away");
}

/// Records that a user is being erased. Who it was is not told: the log would keep it.
pub(super) fn erasing() {
    tracing::info!(target: SECURITY, event = "user.erased", "the erasure of a user begins");
}
