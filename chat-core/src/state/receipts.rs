//! Who has just marked the room as read: told to the others at most once a second.

use std::{collections::BTreeMap, mem, time::Duration};

use super::throttle::Throttle;
use crate::{Identity, Limits, Seq, UserId, UserMark};

/// The marks that are to be told.
#[derive(Debug)]
pub(super) struct Receipts {
    marks: BTreeMap<UserId, UserMark>,
    throttle: Throttle,
    /// Up to how many online users they are told, and how many marks wait at most.
    up_to: usize,
}

impl Receipts {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { marks: BTreeMap::new(), throttle: Throttle::new(limits.signal_interval), up_to: limits.receipts_up_to }
    }

    /// A user has marked the room while so many are online.
    pub(super) fn marked(&mut self, user: Identity, seq: Seq, online: usize) {
        let is_new = !self.marks.contains_key(&user.id);
        if online > self.up_to || (is_new && self.marks.len() >= self.up_to) {
            return;
        }
        self.marks.insert(user.id.clone(), UserMark { user, seq });
        self.throttle.mark();
    }

    /// What is to be told now, if something is.
    pub(super) fn take(&mut self, now: Duration) -> Option<Vec<UserMark>> {
        self.throttle.take(now).then(|| mem::take(&mut self.marks).into_values().collect())
    }

    /// There is nobody to tell.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
        self.throttle.clear();
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.throttle.poll_timeout()
    }
}
