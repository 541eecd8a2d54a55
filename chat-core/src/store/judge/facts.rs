//! What has to be known of a room to judge the entries of a batch.

use std::collections::{BTreeMap, BTreeSet};

use super::members::Heir;
use crate::{
    Body, Invite, InviteCode, Mark, Reaction, Room, RoomName, Seq, Topic, UserId, UserName,
    append::{Entry, StoredEvent},
    rights::{RoomTerms, Standing},
};

/// A key, and whose it is: what an entry or an event is found by. Without a user nothing is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Key<'a> {
    /// Whose it is.
    pub(in crate::store) user: &'a str,
    /// The key.
    pub(in crate::store) key: &'a str,
}

/// What has to be known of a room to judge the entries of a batch, read while its row is locked.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Facts<'a> {
    /// The number of its newest event.
    pub(in crate::store) head: Seq,
    /// How many messages it has that count.
    pub(in crate::store) messages: u64,
    /// How many of them were pruned.
    pub(in crate::store) pruned: u64,
    /// The events that hold keys of the batch.
    pub(in crate::store) keys: BTreeMap<Key<'a>, StoredEvent>,
    /// Those of the [targets](crate::append::Op::targets) of the batch that are messages, and were not pruned.
    pub(in crate::store) targets: BTreeMap<Seq, Target>,
    /// The threads of which the targets are roots, or in which they stand, by their roots. One that is missing is empty.
    pub(in crate::store) threads: BTreeMap<Seq, Thread>,
    /// Which of the reactions that the batch adds or takes back are there.
    pub(in crate::store) reacted: BTreeSet<(Seq, Reaction, UserId)>,
    /// How many messages are pinned; needed for a pin.
    pub(in crate::store) pins: u64,
    /// Where the log begins.
    pub(in crate::store) first: Seq,
    /// Where it would begin, and how many messages would be pruned; needed for a prune.
    pub(in crate::store) prune: Option<Pruned>,
    /// What it is called; needed for an update.
    pub(in crate::store) naming: Option<Naming>,
    /// How far those who mark it have read.
    pub(in crate::store) marks: BTreeMap<UserId, Mark>,
    /// The newest message that counts of those who mark it.
    pub(in crate::store) newest_own: BTreeMap<UserId, Seq>,
    /// What decides about rights, beside who is in it.
    pub(in crate::store) terms: RoomTerms,
    /// What those are in it who make entries, or whom entries are about. Who is missing is nothing in it.
    pub(in crate::store) standings: BTreeMap<UserId, Standing>,
    /// What those are called in it whom entries are about, as far as it is known.
    pub(in crate::store) names: BTreeMap<UserId, UserName>,
    /// The events that brought in those whom entries are about, of those who are in it.
    pub(in crate::store) since: BTreeMap<UserId, Seq>,
    /// How many members it has.
    pub(in crate::store) members: u64,
    /// How many of them own it; needed where one may be lost.
    pub(in crate::store) owners: u64,
    /// Those who come next when the last of the owners is lost: more than the batch may put out, if there are as many.
    pub(in crate::store) heirs: Vec<Heir>,
    /// The invites to it; needed where one is made, revoked or used.
    pub(in crate::store) invites: BTreeMap<InviteCode, Invite>,
    /// Which of those who use an invite are counted already.
    pub(in crate::store) invite_uses: BTreeSet<(InviteCode, UserId)>,
    /// How many messages there are up to each number that a mark names and that is below the head.
    pub(in crate::store) ordinals: BTreeMap<Seq, u64>,
}

/// A message that a batch names, as it is now.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Target {
    /// Who wrote it.
    pub(in crate::store) author: Option<UserId>,
    /// What it says.
    pub(in crate::store) body: Body,
    /// Whether it was deleted.
    pub(in crate::store) is_deleted: bool,
    /// How often it was edited.
    pub(in crate::store) edits: u64,
    /// Whether it is pinned.
    pub(in crate::store) is_pinned: bool,
    /// The reactions to it.
    pub(in crate::store) reactions: BTreeMap<Reaction, Counted>,
}

/// How many users have a reaction on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Counted {
    /// How many.
    pub(in crate::store) count: u64,
    /// The event that last made it more than none.
    pub(in crate::store) since: Seq,
}

/// The thread under a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Thread {
    /// How many messages it has that were not deleted.
    pub(in crate::store) count: u64,
    /// How many it ever had.
    pub(in crate::store) last_ordinal: u64,
    /// The newest that it ever had.
    pub(in crate::store) last: Seq,
}

/// Where a log begins, once its older events are pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Pruned {
    /// Its first event, or the number after the head.
    pub(in crate::store) first: Seq,
    /// How many messages that count stood before it.
    pub(in crate::store) ordinal: u64,
}

/// What a room is called.
#[derive(Debug, Clone)]
pub(in crate::store) struct Naming {
    pub(in crate::store) name: RoomName,
    pub(in crate::store) topic: Topic,
    /// The other room that has the name asked for.
    pub(in crate::store) holder: Option<Room>,
}

impl<'a> Key<'a> {
    /// That of an entry that makes an event.
    pub(in crate::store) fn of(entry: &'a Entry) -> Option<Self> {
        let actor = entry.actor.as_ref().filter(|_| entry.op.makes_event())?;
        Some(Self { user: actor.id.as_str(), key: entry.key.as_str() })
    }

    /// That of an event.
    #[cfg(any(test, feature = "sea"))]
    pub(in crate::store) fn of_stored(stored: &'a StoredEvent) -> Option<Self> {
        Some(Self { user: stored.event.actor.as_ref()?.id.as_str(), key: stored.key.as_str() })
    }
}
