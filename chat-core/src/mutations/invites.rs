//! Invites that are used when they are good for nothing, by a store with a bug around it.

use std::time::Duration;

use super::{Bug, MutatedStore};
use crate::{
    InviteCode, NewInvite, RestrictionKind, RoomId,
    append::{AppendOutcome, Entry, InviteOp, MemberOp, MemberStep, Op, RoomBatch},
    store::StoreError,
};

impl MutatedStore {
    /// What is appended in place of this batch: whoever should be kept out comes in as if the host let them.
    pub(super) async fn with_invites(&self, mut batch: Vec<RoomBatch>) -> Result<Vec<RoomBatch>, StoreError> {
        for RoomBatch { room, entries } in &mut batch {
            for entry in entries {
                if self.lets_in(*room, entry).await? {
                    entry.by_system = true;
                    if let Op::Member(MemberOp { step, .. }) = &mut entry.op {
                        *step = MemberStep::Join;
                    }
                }
            }
        }
        Ok(batch)
    }

    async fn lets_in(&self, room: RoomId, entry: &Entry) -> Result<bool, StoreError> {
        let (Some(code), Some(user)) = (entry.op.accepts(), &entry.actor) else { return Ok(false) };
        let invite = self.within().moderation().invite(code).await?;
        let Some(invite) = invite.filter(|invite| invite.room == room && invite.lives(entry.at)) else {
            return Ok(false);
        };
        match self.bug() {
            Some(Bug::InviteUsedOnceTooOften) => Ok(invite.is_used_up()),
            Some(Bug::BanEvadedByInvite) => {
                let ban = self.within().members().restriction(room, RestrictionKind::Ban, &user.id).await?;
                Ok(ban.is_some_and(|ban| ban.until.covers(entry.at)))
            }
            _ => Ok(false),
        }
    }
}

/// What becomes of an invite in place of this.
pub(super) fn mutate(bug: Option<Bug>, op: &mut InviteOp) {
    match (bug, op) {
        (Some(Bug::RevokedInviteAccepted), InviteOp::Revoke(code)) => *code = InviteCode::from_bits(0),
        (Some(Bug::ExpiredInviteAccepted), InviteOp::Make(_, NewInvite { lifetime, .. })) => *lifetime += LONGER,
        _ => {}
    }
}

/// What is told of an invite in place of this.
pub(super) fn told(bug: Option<Bug>, outcome: &mut AppendOutcome) {
    if let (Some(Bug::ExpiredInviteAccepted), AppendOutcome::Invited(invite)) = (bug, outcome) {
        invite.expires_at.0 -= i64::try_from(LONGER.as_micros()).unwrap_or_default();
    }
}

/// How much longer invites live than they say.
const LONGER: Duration = Duration::from_secs(600);
