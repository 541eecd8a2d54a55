//! Which messages make up a page of a room's history. Shared by every store, so that all cut their pages alike.
//!
//! A room's messages are numbered by their ordinals, 1, 2, 3 …, whatever other events stand between them. So a page is a range
//! of ordinals, and reading it costs the same however many other events there are.

use std::sync::Arc;

use crate::{
    AuditPage, Epoch, Event, HistoryFrom, HistoryPage, HistoryQuery, Invite, InvitePage, MarkPage, Member, MemberPage,
    MessageState, Restriction, RestrictionPage, Room, RoomPage, Seq, UserId, UserMark,
};

/// How far a room's log went when its page was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The number of its newest event.
    pub(super) head: Seq,
    /// How many messages it has had.
    pub(super) messages: u64,
    /// How many of them were pruned: nobody reads them.
    pub(super) pruned: u64,
}

/// The ordinals of a page's messages: none, if the first is beyond the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// The ordinal of its first message.
    pub(super) first: u64,
    /// The ordinal of its last message.
    pub(super) last: u64,
}

/// Where a page is divided: the messages up to this number stand before its edge, the others after it. It need not be the
/// number of a message, nor one that is there.
pub(super) const fn edge(from: HistoryFrom) -> Seq {
    match from {
        HistoryFrom::Newest => Seq(u64::MAX),
        HistoryFrom::After(seq) => seq,
        HistoryFrom::Before(seq) | HistoryFrom::Around(seq) => Seq(seq.0.saturating_sub(1)),
    }
}

impl Window {
    /// The window of a page: `before_edge` messages stand before its [`edge`].
    pub(super) fn of(query: HistoryQuery, before_edge: u64, extent: Extent) -> Self {
        let limit = query.limit as u64;
        let (before, after) = match query.from {
            HistoryFrom::Newest | HistoryFrom::Before(_) => (limit, 0),
            HistoryFrom::After(_) => (0, limit),
            HistoryFrom::Around(_) => (limit / 2, limit - limit / 2),
        };
        let before_edge = before_edge.max(extent.pruned);
        Self {
            first: before_edge.saturating_sub(before).max(extent.pruned) + 1,
            last: before_edge.saturating_add(after).min(extent.messages),
        }
    }

    /// Whether it has this message.
    pub(super) const fn has(self, ordinal: u64) -> bool {
        self.first <= ordinal && ordinal <= self.last
    }
}

/// Puts a page together from its messages, oldest first.
pub(super) const fn finish(epoch: Epoch, extent: Extent, window: Window, messages: Vec<MessageState>) -> HistoryPage {
    HistoryPage {
        messages,
        head: extent.head,
        epoch,
        // Messages are pruned from the first on, and never otherwise taken out of a living room: what the window leaves out is there.
        has_before: window.first > extent.pruned + 1,
        has_after: window.last < extent.messages,
    }
}

/// Puts a page of rooms together from those found: one more than the page holds tells that there are others.
pub(super) fn finish_rooms(mut rooms: Vec<Room>, limit: usize) -> RoomPage {
    let has_more = rooms.len() > limit;
    rooms.truncate(limit);
    let next = rooms.last().filter(|_| has_more).map(|room| room.id);
    RoomPage { rooms, next }
}

/// Puts a page of members together from those found: one more than the page holds tells that there are others.
pub(super) fn finish_members(mut members: Vec<Member>, limit: usize) -> MemberPage {
    let has_more = members.len() > limit;
    members.truncate(limit);
    let next = members.last().filter(|_| has_more).map(|member| (member.role, member.user.id.clone()));
    MemberPage { members, next }
}

/// The same of bans or mutes.
pub(super) fn finish_restrictions(mut restrictions: Vec<Restriction>, limit: usize) -> RestrictionPage {
    let has_more = restrictions.len() > limit;
    restrictions.truncate(limit);
    let next = restrictions.last().filter(|_| has_more).map(|restriction| restriction.user.id.clone());
    RestrictionPage { restrictions, next }
}

/// The same of invites.
pub(super) fn finish_invites(mut invites: Vec<Invite>, limit: usize) -> InvitePage {
    let has_more = invites.len() > limit;
    invites.truncate(limit);
    let next = invites.last().filter(|_| has_more).map(|invite| invite.code);
    InvitePage { invites, next }
}

/// The same of a room's audit.
pub(super) fn finish_audit(mut events: Vec<Arc<Event>>, limit: usize) -> AuditPage {
    let has_more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| has_more).map(|event| event.seq);
    AuditPage { events, next }
}

/// Puts a page of marks together: that of the user who asks, if it stands there, and those of others. One more than the page
/// holds tells that there are others.
pub(super) fn finish_marks(own: Option<UserMark>, others: Vec<UserMark>, limit: usize) -> MarkPage {
    let mut shown = others;
    let room = limit.saturating_sub(usize::from(own.is_some()));
    let has_more = shown.len() > room;
    shown.truncate(room);
    // An empty id stands before all others: where only one's own mark had room.
    let last = shown.last().map_or_else(|| UserId::from_stored(""), |mark| mark.user.id.clone());
    MarkPage { marks: own.into_iter().chain(shown).collect(), next: has_more.then_some(last) }
}
