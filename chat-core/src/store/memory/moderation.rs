//! Invites and the audit, in memory.

use async_trait::async_trait;

use super::{MemoryLog, MemoryStore, RoomLog};
use crate::{
    AuditPage, AuditQuery, Invite, InviteCode, InvitePage, RoomId, Seq, Timestamp, UserId,
    append::{Entry, Op},
    store::{
        Moderation, StoreError,
        judge::{Changes, Facts},
        paging,
    },
};

impl RoomLog {
    /// Adds to the facts what these entries need of invites.
    pub(super) fn add_invites(&self, entries: &[Entry], facts: &mut Facts<'_>) {
        let accepted = entries.iter().filter_map(|entry| Some((entry.op.accepts()?, entry.actor.as_ref()?.id.clone())));
        facts.invite_uses.extend(accepted.filter(|used| self.state.invite_uses.contains(used)));
        if entries.iter().any(|entry| matches!(entry.op, Op::Invite(_)) || entry.op.accepts().is_some()) {
            facts.invites = self.state.invites.clone();
        }
    }

    /// Takes in what an append changed of invites, and what is to be audited.
    pub(super) fn apply_invites(&mut self, changes: &mut Changes) {
        let state = &mut self.state;
        state.invite_uses.append(&mut changes.invite_uses);
        state.audited.append(&mut changes.audited);
        for (code, invite) in std::mem::take(&mut changes.invites) {
            match invite {
                Some(invite) => drop(state.invites.insert(code, invite)),
                None => {
                    state.invites.remove(&code);
                    state.invite_uses.retain(|(of, _)| *of != code);
                }
            }
        }
    }
}

impl MemoryLog {
    /// See [`Moderation::invite`].
    #[must_use]
    pub fn invite(&self, code: InviteCode) -> Option<Invite> {
        let living = self.rooms.values().filter(|log| !log.is_deleted);
        living.filter_map(|log| log.state.invites.get(&code)).next().cloned()
    }

    /// See [`Moderation::invites`].
    #[must_use]
    pub fn invites(
        &self,
        id: RoomId,
        by: Option<&UserId>,
        at: Timestamp,
        after: Option<InviteCode>,
        limit: usize,
    ) -> Option<InvitePage> {
        let living = self.living(id)?.state.invites.values().filter(|invite| invite.lives(at));
        let theirs = living.filter(|invite| by.is_none_or(|user| invite.by.as_ref().is_some_and(|by| by.id == *user)));
        let next = theirs.filter(|invite| after.is_none_or(|after| invite.code > after));
        Some(paging::finish_invites(next.take(limit + 1).cloned().collect(), limit))
    }

    /// See [`Moderation::audit`].
    #[must_use]
    pub fn audit(&self, id: RoomId, query: AuditQuery) -> Option<AuditPage> {
        let log = self.living(id)?;
        let end = query.before.unwrap_or(Seq(u64::MAX));
        let audited = log.state.audited.range(log.room.first_seq..end.max(log.room.first_seq)).rev();
        let events = audited.filter_map(|seq| Some(log.events.get(seq)?.event.clone()));
        Some(paging::finish_audit(events.take(query.limit + 1).collect(), query.limit))
    }
}

#[async_trait]
impl Moderation for MemoryStore {
    async fn invite(&self, code: InviteCode) -> Result<Option<Invite>, StoreError> {
        Ok(self.log().invite(code))
    }

    async fn invites(
        &self,
        room: RoomId,
        by: Option<&UserId>,
        at: Timestamp,
        after: Option<InviteCode>,
        limit: usize,
    ) -> Result<Option<InvitePage>, StoreError> {
        Ok(self.log().invites(room, by, at, after, limit))
    }

    async fn audit(&self, room: RoomId, query: AuditQuery) -> Result<Option<AuditPage>, StoreError> {
        Ok(self.log().audit(room, query))
    }
}
