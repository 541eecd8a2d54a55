//! Checks that whoever made an event had the right to it, by the log before it.
//!
//! Who comes in by an invite has the right to it by the invite alone; `invites.rs` judges that.
//!
//! The table of rights stands here once more, in its own words: a judge that asked the server's would agree with it.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{InvitedBy, Kind, MemberChange, MemberEvent, Role, RoomKind, Terms},
    index::{Accepted, Entry, Fold, Index, Known, Rights, Standing},
};

use super::invites::Uses;

/// Judges all events of the rooms of which it is known how they began.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for ((room, epoch), rights) in &index.rights {
        let of = (*room, *epoch);
        let (Some(log), Some(fold)) = (index.logs.get(&of), index.folds.get(&of)) else { continue };
        let mut uses = Uses::new(index, epoch);
        for (seq, entry) in log.entries.range(..=rights.known) {
            // What names no user was done by the host, or by somebody who did not say who they are. What the host sends in a user's
            // name needs no right either.
            let Some(by) = entry.author.filter(|by| !by.is_empty()) else { continue };
            if index.is_committed(*room, by, entry.known) {
                continue;
            }
            let act = Act { rights, fold, by, seq: *seq, entry };
            let invited = index.accepted(*room, by, entry.known);
            let judged = invited.as_ref().map_or_else(|| act.judge(), |invited| act.comes_in(invited, &mut uses));
            let Err(why) = judged else { continue };
            let changed = rights.changed(by, seq - 1);
            let taken = log.entries.get(&changed).map(|taken| taken.place);
            let made = invited.and_then(|invited| invited.invite).map(|invite| invite.place);
            let shown_by: Vec<usize> = taken.into_iter().chain(made).chain([entry.place]).collect();
            let what = format!("number {seq} of room {room} is by {by}, {why} (see {changed})");
            findings.push(Name::ActedWithoutRight, what, &shown_by, Some(*seq));
        }
    }
}

/// What somebody has done.
struct Act<'r, 'a> {
    rights: &'r Rights<'a>,
    fold: &'r Fold<'a>,
    by: &'a str,
    seq: u64,
    entry: &'r Entry<'a>,
}

/// Whether somebody had a right, or why not.
type Judged = Result<(), &'static str>;

/// Who may do something.
#[derive(Clone, Copy)]
enum Needs {
    /// Anyone who may read the room.
    Reader,
    /// Whoever is in with this role or a higher one.
    Role(Role),
    /// The host alone, in rooms like this.
    Host,
}

impl<'a> Act<'_, 'a> {
    /// Whoever comes in by an invite has not been in, or is not any more, and so could not read a private room.
    fn comes_in(&self, invited: &Accepted<'_, 'a>, uses: &mut Uses<'_, 'a>) -> Judged {
        if self.standing().banned.is_some_and(|until| until.covers(self.entry.at)) {
            return Err("who was banned");
        }
        uses.judge(invited, self.by, self.entry.at)
    }

    fn judge(&self) -> Judged {
        let Terms { kind, .. } = self.terms();
        if !self.standing().may_read(kind, self.entry.at) {
            // Whoever comes into a public room is judged so, too; into a private one nobody comes by themselves.
            return Err(if kind == RoomKind::Public { "who was banned" } else { "who was not in" });
        }
        match self.entry.known {
            Known::Message { message, .. } => {
                self.writes()?;
                if message.content.mentions_room { self.needs(self.by_moderators()) } else { Ok(()) }
            }
            Known::Acknowledged { .. } => Ok(()),
            Known::Other(kind) => self.judge_kind(kind),
        }
    }

    fn judge_kind(&self, kind: &Kind) -> Judged {
        match kind {
            Kind::Message(_) | Kind::RoomDeleted => Ok(()),
            Kind::MessageEdited(edited) => {
                self.writes()?;
                let before = self.fold.messages.get(&edited.target).and_then(|folded| folded.content(self.seq - 1));
                let mentions_anew = edited.content.mentions_room && before.is_some_and(|before| !before.mentions_room);
                if mentions_anew { self.needs(self.by_moderators()) } else { Ok(()) }
            }
            Kind::MessageDeleted { target, .. } => {
                let author = self.fold.messages.get(target).map(|folded| folded.message.sender.as_str());
                if author.is_none_or(|author| author == self.by) {
                    return Ok(());
                }
                self.needs(if self.rights.owned { self.by_moderators() } else { Needs::Host })
            }
            Kind::Reaction { .. } => self.writes(),
            Kind::Pin { .. } => {
                self.writes()?;
                let is_direct = self.terms().kind == RoomKind::Direct;
                self.needs(if is_direct { Needs::Role(Role::Member) } else { self.by_moderators() })
            }
            Kind::RoomUpdated { terms, .. } => {
                self.needs(self.by_moderators())?;
                let changes = self.rights.owned || terms.is_none_or(|terms| terms == self.terms());
                if changes { Ok(()) } else { Err("who gave other terms to a room that is nobody's") }
            }
            Kind::Member(event) => self.member(event),
        }
    }

    fn member(&self, event: &MemberEvent) -> Judged {
        if self.terms().kind == RoomKind::Direct {
            return self.needs(Needs::Host);
        }
        let is_own = event.user == self.by;
        let before = self.rights.standing(&event.user, self.seq - 1);
        match event.change {
            MemberChange::Joined => {
                if is_own {
                    Ok(())
                } else {
                    Err("who cannot join in somebody else's name")
                }
            }
            MemberChange::Left => {
                if !is_own {
                    return Err("who cannot leave in somebody else's name");
                }
                if self.is_last_owner(before) { Err("the last owner, and others were in") } else { Ok(()) }
            }
            MemberChange::Added => self.adds(event, before),
            MemberChange::Role => self.gives_role(event, before),
            MemberChange::Removed
            | MemberChange::Banned
            | MemberChange::Unbanned
            | MemberChange::Muted
            | MemberChange::Unmuted => {
                if is_own {
                    return Err("who did it to themselves");
                }
                self.needs(if self.rights.owned { Needs::Role(Role::Moderator) } else { Needs::Host })?;
                let rank = self.standing().role;
                let yields = rank == Some(Role::Owner) || before.role < rank;
                if yields { Ok(()) } else { Err("who acted on an equal or higher role") }
            }
        }
    }

    fn adds(&self, event: &MemberEvent, before: Standing) -> Judged {
        let is_moderated = self.terms().invites == InvitedBy::Moderators;
        self.needs(Needs::Role(if is_moderated { Role::Moderator } else { Role::Member }))?;
        if event.role > Some(Role::Member) {
            self.needs(if self.rights.owned { Needs::Role(Role::Owner) } else { Needs::Host })?;
        }
        if before.banned.is_some_and(|until| until.covers(self.entry.at)) {
            return Err("who brought in somebody who was banned");
        }
        Ok(())
    }

    fn gives_role(&self, event: &MemberEvent, before: Standing) -> Judged {
        let steps_down = event.user == self.by && event.role < before.role;
        if !steps_down {
            self.needs(if self.rights.owned { Needs::Role(Role::Owner) } else { Needs::Host })?;
        }
        if self.is_last_owner(before) { Err("who took its last owner from the room") } else { Ok(()) }
    }

    /// Whether somebody was the only owner, and others were in.
    fn is_last_owner(&self, before: Standing) -> bool {
        let count = self.rights.count(self.seq - 1);
        before.role == Some(Role::Owner) && count.owners == 1 && count.members > 1
    }

    fn writes(&self) -> Judged {
        let is_muted = self.standing().muted.is_some_and(|until| until.covers(self.entry.at));
        if is_muted { Err("who was muted") } else { Ok(()) }
    }

    /// What moderators do in rooms with owners, and everybody in others.
    fn by_moderators(&self) -> Needs {
        match self.terms().kind {
            RoomKind::Direct => Needs::Host,
            RoomKind::Public if !self.rights.owned => Needs::Reader,
            RoomKind::Public | RoomKind::Private => Needs::Role(Role::Moderator),
        }
    }

    fn needs(&self, needs: Needs) -> Judged {
        match needs {
            Needs::Reader => Ok(()),
            Needs::Role(role) if self.standing().role >= Some(role) => Ok(()),
            Needs::Role(Role::Member) => Err("who was not in"),
            Needs::Role(Role::Moderator) => Err("who was no moderator"),
            Needs::Role(Role::Owner) => Err("who was no owner"),
            Needs::Host => Err("who may not do this in such a room"),
        }
    }

    fn terms(&self) -> Terms {
        self.rights.terms(self.seq - 1)
    }

    fn standing(&self) -> Standing {
        self.rights.standing(self.by, self.seq - 1)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{
            DELETE, HistoryBuilder, body, change, deleted, made, member, message, placed, rename, send, sent, stored,
        },
        history::{
            Change, Content, Edited, Event, InvitedBy, Kind, MemberChange, MemberEvent, Message, Role, RoomKind, Step,
            Terms, What,
        },
    };

    /// What somebody does.
    #[derive(Clone, Copy)]
    enum Does {
        Says,
        CallsAll,
        Edits(u64),
        Reacts(u64),
        Deletes(u64),
        Pins(u64),
        Makes(RoomKind, InvitedBy),
        Is(&'static str, MemberChange, Option<Role>),
        /// A ban or a mute that is over when this number is stored.
        IsUntil(&'static str, MemberChange, u64),
    }
    use Does::*;
    use MemberChange::{Added, Banned, Joined, Left, Muted, Removed, Unbanned, Unmuted};

    const MEMBER: Option<Role> = Some(Role::Member);
    const MODERATOR: Option<Role> = Some(Role::Moderator);
    const OWNER: Option<Role> = Some(Role::Owner);
    const PRIVATE: Does = Makes(RoomKind::Private, InvitedBy::Members);

    /// The stamp of the event with this number.
    fn stamp(seq: u64) -> u64 {
        1_000_000 + seq * 1_000
    }

    /// A command and its event.
    fn deed(seq: u64, by: &str, does: Does) -> (What, Event) {
        let (name, key) = (format!("name {seq}"), format!("k{seq}"));
        let asks = |target, asked| change(1, &key, target, asked, Ok(Some(seq)));
        let told =
            |kind: fn(String, Option<String>, u64) -> Kind, target| kind(by.to_owned(), Some(key.clone()), target);
        let (what, kind) = match does {
            Says => return (send(1, &key, sent(seq)), message(seq, by, &key)),
            CallsAll => {
                let content = Content { mentions_room: true, ..Content::text(body(&key)) };
                let mut what = send(1, &key, sent(seq));
                if let What::Send { content: said, .. } = &mut what {
                    *said = content.clone();
                }
                let message = Message { sender: by.to_owned(), key: Some(key.clone()), content, ..Message::default() };
                (what, Kind::Message(message))
            }
            Edits(target) => {
                let content = Content::text(body(&key));
                let (mentions, mentions_room, meta) = (None, None, None);
                let asked = Change::Edit { body: content.body.clone(), mentions, mentions_room, meta };
                let (by, key) = (by.to_owned(), Some(key.clone()));
                (asks(target, asked), Kind::MessageEdited(Edited { by, key, target, content, erased: false }))
            }
            Reacts(target) => {
                let reacted = |by, key, target| Kind::Reaction {
                    by,
                    key,
                    target,
                    reaction: "ok".to_owned(),
                    added: true,
                    count: 1,
                };
                (asks(target, Change::React { reaction: "ok".to_owned(), added: true }), told(reacted, target))
            }
            Deletes(target) => return (asks(target, DELETE), deleted(seq, by, &key, target)),
            Pins(target) => {
                let pinned = |by, key, target| Kind::Pin { by, key, target, pinned: true };
                (asks(target, Change::Pin { pinned: true }), told(pinned, target))
            }
            Makes(kind, invites) => {
                let by = by.to_owned();
                (rename(1, &name, Ok(seq)), Kind::RoomUpdated { by, name, terms: Some(Terms { kind, invites }) })
            }
            Is(user, change, role) => {
                let step = match change {
                    Joined => Step::Join,
                    Left => Step::Leave,
                    Removed => Step::Remove,
                    Banned => Step::Ban { until: None },
                    Unbanned => Step::Unban,
                    Muted => Step::Mute { until: None },
                    Unmuted => Step::Unmute,
                    Added | MemberChange::Role => Step::Add { role },
                };
                let Event { kind, .. } = placed(seq, by, &key, user, change);
                let Kind::Member(event) = kind else { unreachable!() };
                (member(1, &key, user, step), Kind::Member(MemberEvent { role, ..event }))
            }
            IsUntil(user, change, until) => {
                let until = Some(stamp(until));
                let step = if change == Banned { Step::Ban { until } } else { Step::Mute { until } };
                let (by, key_told, user_told) = (by.to_owned(), Some(key.clone()), user.to_owned());
                let event = MemberEvent { by, key: key_told, user: user_told, change, role: None, until };
                (member(1, &key, user, step), Kind::Member(event))
            }
        };
        (what, Event::new(seq, kind))
    }

    /// A room of Ann's that Max moderates, and in which Bob is. Then these do these things, one after the other.
    fn room(owned: bool, deeds: &[(&str, Does)]) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        let roles = [("ann", Role::Owner), ("max", Role::Moderator), ("bob", Role::Member)];
        builder.saw(0, "run", made(1, owned, if owned { &roles } else { &[] }));
        let mut events = Vec::new();
        for ((by, does), seq) in deeds.iter().zip(1..) {
            let (what, event) = deed(seq, by, *does);
            builder.did(10 + seq, by, what);
            events.push(Event { at: Some(stamp(seq)), ..event });
        }
        for (seq, event) in events.clone().iter().enumerate() {
            let is_gone = matches!(&event.kind, Kind::MessageDeleted { target, .. } if *target <= seq as u64);
            if let (true, Some(target)) = (is_gone, event.kind.target())
                && let Kind::Message(message) = &mut events[usize::try_from(target).unwrap() - 1].kind
            {
                (message.content, message.erased) = (Content::default(), true);
            }
        }
        let name = events.iter().rev().find_map(|event| match &event.kind {
            Kind::RoomUpdated { name, .. } => Some(name.clone()),
            _ => None,
        });
        builder.did(0, "run", stored(1, Some(name.as_deref().unwrap_or("den")), events.len() as u64, events));
        builder
    }

    fn may(deeds: &[(&str, Does)]) {
        room(true, deeds).finds(&[]);
    }

    fn may_not(deeds: &[(&str, Does)]) {
        room(true, deeds).finds(&["acted_without_right"]);
    }

    #[test]
    fn whoever_is_out_of_a_private_room_does_nothing_there() {
        may(&[("ann", PRIVATE), ("bob", Says)]);
        may_not(&[("ann", PRIVATE), ("eve", Says)]);
        may(&[("ann", PRIVATE), ("ann", Is("eve", Added, MEMBER)), ("eve", Says)]);
        may(&[("ann", Is("bob", Removed, None)), ("bob", Says)]);
        may_not(&[("ann", PRIVATE), ("ann", Is("bob", Removed, None)), ("bob", Says)]);
        may_not(&[("ann", PRIVATE), ("bob", Is("bob", Left, None)), ("bob", Says)]);
        may_not(&[("ann", PRIVATE), ("eve", Is("eve", Joined, MEMBER))]);
        may(&[("eve", Is("eve", Joined, MEMBER)), ("ann", PRIVATE), ("eve", Says)]);
        may_not(&[("eve", Says), ("ann", PRIVATE), ("eve", Deletes(1))]);
    }

    #[test]
    fn the_banned_do_nothing_until_it_is_over() {
        may_not(&[("max", Is("bob", Banned, None)), ("bob", Says)]);
        may(&[("max", Is("bob", Banned, None)), ("ann", Is("bob", Unbanned, None)), ("bob", Says)]);
        may_not(&[("max", IsUntil("bob", Banned, 3)), ("bob", Says)]);
        may(&[("max", IsUntil("bob", Banned, 2)), ("bob", Says)]);
        may_not(&[("max", Is("eve", Banned, None)), ("eve", Is("eve", Joined, MEMBER))]);
        may_not(&[("max", Is("eve", Banned, None)), ("ann", Is("eve", Added, MEMBER))]);
        may(&[("max", IsUntil("eve", Banned, 2)), ("ann", Is("eve", Added, MEMBER))]);
    }

    #[test]
    fn the_muted_only_delete_and_leave() {
        let muted = ("max", Is("bob", Muted, None));
        for does in [Says, Edits(1), Reacts(1)] {
            may_not(&[("bob", Says), muted, ("bob", does)]);
            may(&[("bob", Says), muted, ("ann", Is("bob", Unmuted, None)), ("bob", does)]);
            may_not(&[("bob", Says), ("max", IsUntil("bob", Muted, 4)), ("bob", does)]);
            may(&[("bob", Says), ("max", IsUntil("bob", Muted, 3)), ("bob", does)]);
        }
        may(&[("bob", Says), muted, ("bob", Deletes(1))]);
        may(&[muted, ("bob", Is("bob", Left, None))]);
    }

    #[test]
    fn moderators_keep_order() {
        let rights = [
            CallsAll,
            Pins(1),
            Deletes(1),
            Makes(RoomKind::Private, InvitedBy::Moderators),
            Is("eve", Banned, None),
            Is("eve", Muted, None),
            Is("cat", Removed, None),
        ];
        for does in rights {
            let before = [("ann", Says), ("ann", Is("cat", Added, MEMBER))];
            may(&[before[0], before[1], ("max", does)]);
            may_not(&[before[0], before[1], ("bob", does)]);
            let no_more = ("ann", Is("max", MemberChange::Role, MEMBER));
            may_not(&[before[0], before[1], no_more, ("max", does)]);
        }
        may_not(&[("max", Is("ann", Banned, None))]);
        may_not(&[("ann", Is("bob", MemberChange::Role, MODERATOR)), ("bob", Is("max", Removed, None))]);
    }

    #[test]
    fn owners_give_roles_and_the_last_one_stays() {
        let second = ("ann", Is("bob", MemberChange::Role, OWNER));
        may(&[second, ("bob", Is("ann", Removed, None))]);
        may_not(&[("max", Is("bob", MemberChange::Role, MODERATOR))]);
        may_not(&[("max", Is("eve", Added, MODERATOR))]);
        may(&[("max", Is("max", MemberChange::Role, MEMBER))]);
        may_not(&[("max", Is("max", MemberChange::Role, OWNER))]);
        may_not(&[("ann", Is("ann", Left, None))]);
        may(&[second, ("ann", Is("ann", Left, None))]);
        may_not(&[("ann", Is("ann", MemberChange::Role, MEMBER))]);
        may(&[second, ("ann", Is("ann", MemberChange::Role, MEMBER))]);
        let [max, bob] = ["max", "bob"].map(|user| ("ann", Is(user, Removed, None)));
        may(&[max, bob, ("ann", Is("ann", MemberChange::Role, MEMBER))]);
        may_not(&[max, ("ann", Is("ann", MemberChange::Role, MEMBER))]);
    }

    #[test]
    fn the_terms_say_who_brings_others_in() {
        let moderated = ("ann", Makes(RoomKind::Public, InvitedBy::Moderators));
        may(&[("bob", Is("eve", Added, MEMBER))]);
        may_not(&[("cat", Is("eve", Added, MEMBER))]);
        may_not(&[moderated, ("bob", Is("eve", Added, MEMBER))]);
        may(&[moderated, ("max", Is("eve", Added, MEMBER))]);
    }

    #[test]
    fn a_room_that_is_nobodys() {
        let renames = Makes(RoomKind::Public, InvitedBy::Members);
        room(false, &[("eve", Says), ("eve", CallsAll), ("eve", Pins(1)), ("eve", renames)]).finds(&[]);
        for does in [Is("cat", Banned, None), Deletes(1), Makes(RoomKind::Private, InvitedBy::Members)] {
            room(false, &[("eve", Says), ("bob", does)]).finds(&["acted_without_right"]);
        }
    }

    #[test]
    fn what_the_host_does_needs_no_right() {
        let mut builder = HistoryBuilder::new();
        builder.saw(0, "run", made(1, true, &[("ann", Role::Owner)]));
        let banned = placed(1, "", "k1", "ann", Banned);
        let Kind::Member(event) = banned.kind else { unreachable!() };
        let banned = Event::new(1, Kind::Member(MemberEvent { key: None, ..event }));
        let mut good = builder.clone();
        good.did(0, "run", stored(1, Some("den"), 1, vec![banned.clone()]));
        good.finds(&[]);
        let added = placed(2, "ann", "k2", "bob", Added);
        builder.did(3, "ann", member(1, "k2", "bob", Step::Add { role: None }));
        builder.did(0, "run", stored(1, Some("den"), 2, vec![banned, added]));
        builder.finds(&["acted_without_right"]);
    }
}
