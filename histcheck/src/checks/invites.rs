//! Judges whether an invite could be used when somebody came in by it.

use std::collections::{BTreeSet, HashMap};

use crate::index::{Accepted, Index, Invite};

/// Who has come into a room by which invite so far: each user counts once.
pub(super) struct Uses<'i, 'a> {
    index: &'i Index<'a>,
    epoch: &'i str,
    used: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'i, 'a> Uses<'i, 'a> {
    pub(super) fn new(index: &'i Index<'a>, epoch: &'i str) -> Self {
        Self { index, epoch, used: HashMap::new() }
    }

    /// Whether a user could come in by an invite, at the time of the event that tells it, or why not. The events come in their order.
    pub(super) fn judge(
        &mut self,
        accepted: &Accepted<'_, 'a>,
        user: &'a str,
        at: Option<u64>,
    ) -> Result<(), &'static str> {
        let Some(invite) = accepted.invite else { return Err("by an invite that nobody made") };
        // Both are told in whole milliseconds.
        if at.is_some_and(|at| at > invite.expires) {
            return Err("by an invite that had expired");
        }
        if self.was_revoked(invite, accepted.began) {
            return Err("by an invite that had been revoked");
        }
        let used = self.used.entry(invite.code).or_default();
        let is_used_up = invite.max_uses.is_some_and(|most| used.len() as u64 >= most);
        if used.insert(user) && is_used_up {
            return Err("by an invite that was used up");
        }
        Ok(())
    }

    /// Whether it was answered that an invite is revoked before this began.
    fn was_revoked(&self, invite: &Invite<'_>, began: u64) -> bool {
        let revocations = invite.revoked.iter().map(|place| &self.index.records[*place]);
        revocations
            .filter(|record| self.index.timeline.epoch_of(record) == Some(self.epoch))
            .any(|record| record.ended.is_some_and(|ended| ended < began))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, made, member, placed, stored},
        history::{
            Event, Invite, InvitedBy, Kind, MemberChange, MemberEvent, Outcome, Role, RoomKind, Step, Terms, What,
        },
    };

    /// When the invite of these tests is over, and when their first event was.
    const EXPIRES: u64 = 5_000;

    fn invite(code: &str, max_uses: Option<u64>) -> What {
        let made = Invite { code: code.to_owned(), expires: EXPIRES };
        What::Invite { room: 1, max_uses, result: Outcome::Ok(made) }
    }

    fn revoke(code: &str) -> What {
        What::Revoke { room: 1, code: code.to_owned(), result: Outcome::Ok(()) }
    }

    /// What somebody does.
    #[derive(Clone, Copy)]
    enum Does {
        Invites(&'static str, Option<u64>),
        Revokes(&'static str),
        Accepts(&'static str),
        /// The same, stored at this time.
        AcceptsAt(&'static str, u64),
        Joins,
        Removes(&'static str),
        Bans(&'static str),
    }
    use Does::*;

    /// A private room of Ann's, in which these do these things one after the other.
    fn room(deeds: &[(&str, Does)]) -> HistoryBuilder {
        let (mut builder, events) = play(deeds);
        builder.did(0, "run", stored(1, Some("den"), events.len() as u64, events));
        builder
    }

    fn play(deeds: &[(&str, Does)]) -> (HistoryBuilder, Vec<Event>) {
        let mut builder = HistoryBuilder::new();
        let mut begins = made(1, true, &[("ann", Role::Owner), ("bob", Role::Member)]);
        if let What::Made { terms, .. } = &mut begins {
            *terms = Terms { kind: RoomKind::Private, invites: InvitedBy::Members };
        }
        builder.saw(0, "run", begins);
        let mut events = Vec::new();
        for ((by, does), number) in deeds.iter().zip(1..) {
            let (key, seq) = (format!("k{number}"), events.len() as u64 + 1);
            let placed = |user: &str, change| placed(seq, by, &key, user, change);
            let accept = |code: &str| member(1, &key, by, Step::Accept { code: code.to_owned() });
            let (what, event, at) = match *does {
                Invites(code, max_uses) => (invite(code, max_uses), None, 0),
                Revokes(code) => (revoke(code), None, 0),
                Accepts(code) => (accept(code), Some(placed(by, MemberChange::Joined)), EXPIRES),
                AcceptsAt(code, at) => (accept(code), Some(placed(by, MemberChange::Joined)), at),
                Joins => (member(1, &key, by, Step::Join), Some(placed(by, MemberChange::Joined)), 1),
                Removes(user) => (member(1, &key, user, Step::Remove), Some(placed(user, MemberChange::Removed)), 1),
                Bans(user) => {
                    (member(1, &key, user, Step::Ban { until: None }), Some(placed(user, MemberChange::Banned)), 1)
                }
            };
            builder.did(10 + number, by, what);
            events.extend(event.map(|event| Event { at: Some(at), kind: as_member(event.kind), ..event }));
        }
        (builder, events)
    }

    fn as_member(kind: Kind) -> Kind {
        match kind {
            Kind::Member(event) if event.change == MemberChange::Joined => {
                Kind::Member(MemberEvent { role: Some(Role::Member), ..event })
            }
            other => other,
        }
    }

    #[track_caller]
    fn may(deeds: &[(&str, Does)]) {
        room(deeds).finds(&[]);
    }

    /// Everything but the last deed is allowed.
    #[track_caller]
    fn may_not(deeds: &[(&str, Does)]) {
        may(&deeds[..deeds.len() - 1]);
        room(deeds).finds(&["acted_without_right"]);
    }

    #[test]
    fn nobody_comes_into_a_private_room_by_themselves() {
        may_not(&[("eve", Joins)]);
        may_not(&[("eve", Accepts("none"))]);
        may(&[("bob", Invites("i", None)), ("eve", Accepts("i")), ("dan", Accepts("i"))]);
    }

    #[test]
    fn an_invite_is_used_as_often_as_it_says() {
        let once = ("bob", Invites("i", Some(1)));
        may_not(&[once, ("eve", Accepts("i")), ("dan", Accepts("i"))]);
        may(&[("bob", Invites("i", Some(2))), ("eve", Accepts("i")), ("dan", Accepts("i"))]);
        // Whoever was counted may use it again.
        may(&[once, ("eve", Accepts("i")), ("ann", Removes("eve")), ("eve", Accepts("i"))]);
        may_not(&[once, ("eve", Accepts("i")), ("ann", Removes("eve")), ("dan", Accepts("i"))]);
    }

    #[test]
    fn an_invite_is_of_no_use_after_it_was_revoked() {
        may_not(&[("bob", Invites("i", None)), ("bob", Revokes("i")), ("eve", Accepts("i"))]);
        may(&[("bob", Invites("i", None)), ("eve", Accepts("i")), ("bob", Revokes("i"))]);
        may(&[("bob", Invites("i", None)), ("bob", Invites("j", None)), ("bob", Revokes("j")), ("eve", Accepts("i"))]);
    }

    #[test]
    fn whoever_has_asked_before_it_was_revoked_may_have_been_in_time() {
        let (mut builder, _) = play(&[("bob", Invites("i", None))]);
        builder.during(20, "bob", 0, 5, revoke("i"));
        builder.during(21, "eve", 4, 5, member(1, "k2", "eve", Step::Accept { code: "i".to_owned() }));
        builder.at(1);
        let joined = placed(1, "eve", "k2", "eve", MemberChange::Joined);
        let joined = Event { kind: as_member(joined.kind), ..joined };
        builder.did(0, "run", stored(1, Some("den"), 1, vec![joined]));
        builder.finds(&[]);
    }

    #[test]
    fn an_invite_is_of_no_use_after_it_has_expired() {
        may_not(&[("bob", Invites("i", None)), ("eve", AcceptsAt("i", EXPIRES + 1))]);
        may(&[("bob", Invites("i", None)), ("eve", AcceptsAt("i", EXPIRES - 1))]);
    }

    #[test]
    fn an_invite_lets_nobody_in_who_is_banned() {
        may_not(&[("bob", Invites("i", None)), ("ann", Bans("eve")), ("eve", Accepts("i"))]);
    }
}
