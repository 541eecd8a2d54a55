//! What users may do in the room: what is known of it, and when it has to be looked up.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Event, EventKind, Identity, RoomKind, Seq, Timestamp, UserId,
    append::KnownStanding,
    error::Error,
    rights::{Asker, RoomAction, RoomTerms, Standing, Standings},
};

/// The terms of the room, and what those are in it who acted lately or are attached: never all members.
///
/// What is known is kept right by the events that are applied. Who is attached and not known is nothing in the room: they were
/// looked up when they attached.
#[derive(Debug)]
pub(super) struct Rights {
    terms: RoomTerms,
    /// Whether rights were never changed in a room that is nobody's: everyone is nothing in it.
    is_everybodys: bool,
    known: BTreeMap<UserId, KnownStanding>,
    /// How many may be known before those who only acted are forgotten.
    most: usize,
    /// Who is to be looked up.
    wanted: BTreeSet<UserId>,
    /// Who is being looked up, and whether an event about them was applied meanwhile.
    looked_up: BTreeMap<UserId, bool>,
}

/// How many users are remembered who only acted.
const MOST: usize = 1_024;

impl Default for Rights {
    fn default() -> Self {
        Self::of(RoomTerms::default(), Seq(0))
    }
}

impl Rights {
    /// Those of a room with these terms, in which rights were changed last by this event.
    pub(super) fn of(terms: RoomTerms, changed: Seq) -> Self {
        Self {
            terms,
            is_everybodys: changed == Seq(0) && !terms.owned && terms.kind == RoomKind::Public,
            known: BTreeMap::new(),
            most: MOST,
            wanted: BTreeSet::new(),
            looked_up: BTreeMap::new(),
        }
    }

    /// Whether a user may hear the room; `None` when that has to be looked up first.
    pub(super) fn may_hear(&self, user: &Identity, at: Timestamp) -> Option<Result<(), Error>> {
        let asker = self.asker(user)?;
        Some(self.terms.check(RoomAction::Read, asker, at))
    }

    /// Whether it is known of a user that they may hear the room.
    pub(super) fn are_known_to_hear(&self, user: &UserId, at: Timestamp) -> bool {
        let known = self.known.get(user).map(|known| known.standing);
        let standing = known.or_else(|| self.is_everybodys.then(Standing::default));
        standing.is_some_and(|standing| self.terms.check_seen(Asker::User { standing, admin: false }, at).is_ok())
    }

    /// Whether a user who is attached may go on hearing the room, and may do this.
    pub(super) fn check_attached(&self, user: &Identity, action: RoomAction, at: Timestamp) -> Result<(), Error> {
        let stranger = Asker::User { standing: Standing::default(), admin: user.admin };
        self.terms.check(action, self.asker(user).unwrap_or(stranger), at)
    }

    /// Whether a user may know that the room is there; `None` when that has to be looked up first.
    pub(super) fn may_know(&self, user: &Identity, at: Timestamp) -> Option<Result<(), Error>> {
        if self.terms.kind == RoomKind::Public { Some(Ok(())) } else { self.may_hear(user, at) }
    }

    /// What is known of somebody who makes an entry, when all events up to `head` were applied.
    pub(super) fn known(&self, user: &Identity, head: Seq) -> Option<KnownStanding> {
        let known = self.known.get(&user.id)?;
        Some(KnownStanding { at: known.at.max(head), ..*known })
    }

    /// Takes in what somebody is after an event, as the store says.
    pub(super) fn learn(&mut self, user: &UserId, known: KnownStanding) {
        if !self.is_everybodys && self.known.get(user).is_none_or(|before| before.at <= known.at) {
            self.known.insert(user.clone(), known);
        }
    }

    /// Takes in what somebody is now, as the host says, who keeps that.
    pub(super) fn told(&mut self, user: UserId, standing: Standing) {
        self.is_everybodys = false;
        self.known.insert(user, KnownStanding::told(standing));
    }

    /// An event was applied, which may change them.
    pub(super) fn apply(&mut self, event: &Event, is_attached: impl FnOnce(&UserId) -> bool) {
        match &event.kind {
            EventKind::Member(member) => {
                let user = &member.user.id;
                if let Some(was_changed) = self.looked_up.get_mut(user) {
                    *was_changed = true;
                }
                if !self.known.contains_key(user) && (self.is_everybodys || is_attached(user)) {
                    let stranger = KnownStanding { at: Seq(0), standing: Standing::default() };
                    self.known.insert(user.clone(), stranger);
                }
                self.is_everybodys = false;
                if let Some(known) = self.known.get_mut(user).filter(|known| known.at < event.seq) {
                    known.standing.apply(member);
                    known.at = event.seq;
                }
            }
            EventKind::RoomUpdated { kind, invites, .. } => {
                let terms = RoomTerms { kind: *kind, invites: *invites, ..self.terms };
                self.is_everybodys &= terms == self.terms;
                self.terms = terms;
            }
            EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::RoomDeleted => {}
        }
    }

    /// Forgets those who only acted, when there are too many.
    pub(super) fn forget(&mut self, is_attached: impl Fn(&UserId) -> bool) {
        if self.known.len() > self.most {
            self.known.retain(|user, _| is_attached(user));
            self.most = self.known.len() * 2 + MOST;
        }
    }

    /// Somebody has to be looked up.
    pub(super) fn ask(&mut self, user: &UserId) {
        if !self.looked_up.contains_key(user) {
            self.wanted.insert(user.clone());
        }
    }

    /// Whom to look up now, if anybody, and nobody is being looked up.
    pub(super) fn start_look_up(&mut self) -> Option<Vec<UserId>> {
        if self.wanted.is_empty() || !self.looked_up.is_empty() {
            return None;
        }
        let wanted: Vec<_> = std::mem::take(&mut self.wanted).into_iter().collect();
        self.looked_up = wanted.iter().map(|user| (user.clone(), false)).collect();
        Some(wanted)
    }

    /// What was looked up. Of whom an event was applied meanwhile, it may be from before: they are looked up again.
    pub(super) fn looked_up(&mut self, found: Option<&Standings>) {
        for (user, was_changed) in std::mem::take(&mut self.looked_up) {
            let Some(found) = found.filter(|_| !was_changed) else { continue };
            let standing = found.users.get(&user).copied().unwrap_or_default();
            self.learn(&user, KnownStanding { at: found.at, standing });
        }
    }

    /// Whether nobody is being looked up, or is to be.
    pub(super) fn is_idle(&self) -> bool {
        self.wanted.is_empty() && self.looked_up.is_empty()
    }

    fn asker(&self, user: &Identity) -> Option<Asker> {
        let known = self.known.get(&user.id).map(|known| known.standing);
        let is_settled = self.is_everybodys || (user.admin && self.terms.kind != RoomKind::Direct);
        let standing = known.or_else(|| is_settled.then(Standing::default))?;
        Some(Asker::User { standing, admin: user.admin })
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
