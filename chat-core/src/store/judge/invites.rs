//! Invites: made, revoked and used, judged.

use super::{Facts, Judge};
use crate::{
    Identity, Invite, InviteCode, NewInvite, RestrictionKind, RoomKind,
    append::{AppendOutcome, Entry, InviteOp},
    error::Error,
    rights::RoomAction,
};

/// The most invites of a room that can be used: they are listed, and read where one is used.
const MAX_INVITES: usize = 100;

impl Facts<'_> {
    /// Refuses who may not know of the room by this invite: it is of no use, or the user is banned.
    pub(super) fn check_invited(&self, entry: &Entry, code: InviteCode) -> Result<(), Error> {
        let user = entry.actor.as_ref().ok_or(Error::Unauthenticated)?;
        let invite = self.invites.get(&code).filter(|invite| invite.lives(entry.at)).ok_or(Error::RoomNotFound)?;
        if invite.is_used_up() && !self.invite_uses.contains(&(code, user.id.clone())) {
            return Err(Error::RoomNotFound);
        }
        match self.standing(&user.id).restriction(RestrictionKind::Ban, entry.at) {
            Some(until) if self.terms.kind == RoomKind::Public => Err(Error::Banned { until: until.end() }),
            Some(_) => Err(Error::RoomNotFound),
            None => Ok(()),
        }
    }
}

impl Judge<'_> {
    /// Makes an invite, or revokes one.
    pub(super) fn invite(&mut self, entry: &Entry, op: InviteOp) -> AppendOutcome {
        let done = match op {
            InviteOp::Make(code, new) => self.make(entry, code, new),
            InviteOp::Revoke(code) => self.revoke(entry, code),
        };
        done.unwrap_or_else(AppendOutcome::Refused)
    }

    fn make(&mut self, entry: &Entry, code: InviteCode, new: NewInvite) -> Result<AppendOutcome, Error> {
        self.facts.terms.check(RoomAction::Invite, self.facts.asker(entry), entry.at)?;
        // Nothing else takes away those that are over.
        let over: Vec<_> = self.facts.invites.values().filter(|invite| !invite.lives(entry.at)).cloned().collect();
        for invite in over {
            self.put(invite.code, None);
        }
        if self.facts.invites.len() >= MAX_INVITES {
            return Err(Error::TooMany { what: "invites".into() });
        }
        let invite = Invite {
            code,
            room: self.room,
            by: entry.actor.as_ref().map(Identity::to_stored),
            created_at: entry.at,
            expires_at: entry.at.after(new.lifetime),
            max_uses: new.max_uses,
            uses: 0,
        };
        self.put(code, Some(invite.clone()));
        Ok(AppendOutcome::Invited(Box::new(invite)))
    }

    fn revoke(&mut self, entry: &Entry, code: InviteCode) -> Result<AppendOutcome, Error> {
        let asker = self.facts.asker(entry);
        RoomAction::Invite.check_named(asker)?;
        if self.facts.terms.kind == RoomKind::Direct {
            return Err(Error::Forbidden);
        }
        let Some(invite) = self.facts.invites.get(&code) else { return Ok(AppendOutcome::Unchanged { count: None }) };
        let maker = invite.by.as_ref().map(|by| &by.id);
        if maker.is_none() || maker != entry.actor.as_ref().map(|actor| &actor.id) {
            self.facts.terms.check(RoomAction::Audit, asker, entry.at)?;
        }
        self.put(code, None);
        Ok(AppendOutcome::Unchanged { count: None })
    }

    /// Counts that the user of an entry has come in by an invite, if that is what it did.
    pub(super) fn count_use(&mut self, entry: &Entry) {
        let (Some(code), Some(user)) = (entry.op.accepts(), &entry.actor) else { return };
        let used = (code, user.id.clone());
        let Some(mut invite) = self.facts.invites.get(&code).cloned() else { return };
        if self.facts.invite_uses.insert(used.clone()) {
            self.judgement.changes.invite_uses.insert(used);
            invite.uses += 1;
            self.put(code, Some(invite));
        }
    }

    fn put(&mut self, code: InviteCode, invite: Option<Invite>) {
        match &invite {
            Some(invite) => drop(self.facts.invites.insert(code, invite.clone())),
            None => drop(self.facts.invites.remove(&code)),
        }
        self.judgement.changes.invites.insert(code, invite);
    }
}
