//! The bugs that can be injected.

use std::{fmt, str::FromStr};

/// Declares the bugs with their names, so that there is one list.
macro_rules! bugs {
    ($(#[$attribute:meta])* pub enum Bug { $(#[doc = $about:literal] $bug:ident = $name:literal,)+ }) => {
        $(#[$attribute])*
        pub enum Bug { $(#[doc = $about] $bug,)+ }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug),+];

            /// What it is called.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name),+ }
            }

            /// What it does wrong, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$bug => $about.trim_ascii()),+ }
            }
        }
    };
}

bugs! {
    /// A bug that can be injected: into a world of the simulator, or into a server for `cargo xtask torture --mutation-check`.
    ///
    /// What each breaks, as which anomaly it is seen from outside, and what it takes to see it:
    ///
    /// | bug | promise | anomaly | it takes |
    /// |---|---|---|---|
    /// | `publish_before_commit` | G1, G2 | fork, phantom | `kill -9` under load, subscribers |
    /// | `attach_off_by_one` | G8 | gap, dishonest_resume | reconnectors that resume |
    /// | `attach_repeats_one` | G3, G8 | repeat, dishonest_resume | reconnectors that resume |
    /// | `live_before_gap` | G3 | nonmonotonic, repeat, leak_after_removal | a restart, then resumes under load |
    /// | `resume_ok_on_hole` | G8 | dishonest_resume, gap | a restart, then resumes |
    /// | `resync_swallowed` | G8 | dishonest_resume | a resume from further back than a page, or of another epoch |
    /// | `unknown_treated_as_failed` | G5 | phantom | a commit whose answer is lost |
    /// | `hole_not_loaded` | G3 | gap | another writer on the database |
    /// | `drop_delivery` | G3 | gap | subscribers |
    /// | `double_delivery` | G3 | repeat | subscribers |
    /// | `swap_deliveries` | G3 | nonmonotonic | subscribers, writers that pipeline |
    /// | `stuck_subscription` | G9 | unseen_after_heal | subscribers |
    /// | `body_changed` | G5, G2 | phantom, fork | subscribers |
    /// | `sender_mixed_up` | G2 | fork, phantom | subscribers |
    /// | `wrong_seq_in_ok` | G1, G2 | lost_write, fork | writers |
    /// | `stored_yet_refused` | G5 | phantom | writers |
    /// | `pipelined_sends_out_of_order` | G6 | session_order | writers that pipeline |
    /// | `deliver_after_detach` | G12 | leak_after_removal | clients that detach and stay |
    /// | `sent_after_the_end` | G1, G15 | ok_without_store | writers in a room that is deleted |
    /// | `typing_never_expires` | G11 | stuck_typing | a typist who falls silent, and stays |
    /// | `typing_stop_lost` | G11 | stuck_typing | a typist who stops, sends or leaves |
    /// | `leave_without_the_last_session` | G10 | missing_presence | users with two sessions, of which one closes |
    /// | `presence_not_cleared` | G10 | ghost_presence | sessions that are lost |
    /// | `arrival_missed` | G10 | missing_presence | subscribers |
    /// | `ack_before_commit` | G1 | lost_write | `kill -9` under load |
    /// | `failed_append_acked` | G15 | lost_write, ok_without_store | a full or locked database |
    /// | `lost_on_shutdown` | G1 | lost_write | SIGTERM under load |
    /// | `dedup_off` | G4 | duplicate_key | retriers |
    /// | `dedup_forgotten_at_restart` | G4 | duplicate_key | retriers across a restart |
    /// | `dedup_off_in_batch` | G4 | duplicate_key | retriers that do not wait for the answer |
    /// | `number_skipped_by_replay` | G1, G2 | lost_write, fork | retriers beside other writers |
    /// | `key_mismatch_accepted` | G4 | lost_write | a key that is used again for another text |
    /// | `reuse_seq` | G1, G2 | lost_write, fork | a restart |
    /// | `rename_not_served` | G14 | fold_mismatch | renames |
    /// | `synchronous_normal` | G1 | lost_write | a power cut, on SQLite |
    /// | `stale_history` | G7 | stale_read | readers that write |
    /// | `history_hole` | G1 | lost_write | readers |
    /// | `ban_evaded_by_resume` | G12 | leak_after_removal | people who are banned, and resume |
    /// | `ban_lost_with_restart` | G12 | acted_without_right, leak_after_removal | bans, then a restart |
    /// | `rights_of_before_the_queue` | G12 | acted_without_right | people who pipeline while they are put out or muted |
    /// | `invite_used_once_too_often` | G12 | acted_without_right | people who use an invite at once |
    /// | `revoked_invite_accepted` | G12 | acted_without_right | people who use an invite that was revoked |
    /// | `expired_invite_accepted` | G12 | acted_without_right | people who use an invite that has expired |
    /// | `ban_evaded_by_invite` | G12 | acted_without_right | people who are banned, and use an invite |
    /// | `removed_still_hear` | G12 | leak_after_removal, heard_after_removal | people who are put out |
    /// | `outbox_forgets` | G1 | ok_without_store | a host that sends with transactions of its own |
    /// | `outbox_out_of_order` | G6 | session_order | a host that sends several messages in one |
    /// | `outbox_before_commit` | G5 | phantom | a host that rolls some back |
    /// | `feed_leaves_out` | G3 | gap | somebody who follows all rooms |
    /// | `feed_behind` | G7 | stale_read | somebody who follows all rooms |
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Bug {
        /// Events are sent when the append begins.
        PublishBeforeCommit = "publish_before_commit",
        /// The missed events begin one too late.
        AttachOffByOne = "attach_off_by_one",
        /// The missed events begin one too early.
        AttachRepeatsOne = "attach_repeats_one",
        /// A session that waits for its missed events gets live events before them.
        LiveBeforeGap = "live_before_gap",
        /// A session that resumes gets only what is in memory, as if that were everything.
        ResumeOkOnHole = "resume_ok_on_hole",
        /// A resync is answered as a resume that missed nothing.
        ResyncSwallowed = "resync_swallowed",
        /// An append with an unknown outcome is answered as if it had failed.
        UnknownTreatedAsFailed = "unknown_treated_as_failed",
        /// Events that a room loads because another writer stored them are not sent.
        HoleNotLoaded = "hole_not_loaded",
        /// Some events are not sent.
        DropDelivery = "drop_delivery",
        /// Some events are sent twice.
        DoubleDelivery = "double_delivery",
        /// Events that are stored together are sent in another order.
        SwapDeliveries = "swap_deliveries",
        /// Some sessions get nothing after they are attached.
        StuckSubscription = "stuck_subscription",
        /// Some messages are sent with another text.
        BodyChanged = "body_changed",
        /// Some messages are sent under another name.
        SenderMixedUp = "sender_mixed_up",
        /// Some sends get the next message's number.
        WrongSeqInOk = "wrong_seq_in_ok",
        /// Some sends that are stored are refused.
        StoredYetRefused = "stored_yet_refused",
        /// Messages that wait together are stored in reverse order.
        PipelinedSendsOutOfOrder = "pipelined_sends_out_of_order",
        /// A session that has detached still gets events of the room.
        DeliverAfterDetach = "deliver_after_detach",
        /// A send that waited behind the room's deletion gets ok.
        SentAfterTheEnd = "sent_after_the_end",
        /// Typing that is not refreshed does not expire.
        TypingNeverExpires = "typing_never_expires",
        /// The end of typing is not sent.
        TypingStopLost = "typing_stop_lost",
        /// A user is said to leave when any of their sessions ends.
        LeaveWithoutTheLastSession = "leave_without_the_last_session",
        /// A user whose session was lost stays online.
        PresenceNotCleared = "presence_not_cleared",
        /// Some users who attach are not shown as online.
        ArrivalMissed = "arrival_missed",
        /// Senders get ok a moment before the commit.
        AckBeforeCommit = "ack_before_commit",
        /// Senders get ok although nothing could be stored.
        FailedAppendAcked = "failed_append_acked",
        /// While the server stops, senders get ok and nothing is stored.
        LostOnShutdown = "lost_on_shutdown",
        /// Used keys are not looked up.
        DedupOff = "dedup_off",
        /// Keys from before this process started are not looked up.
        DedupForgottenAtRestart = "dedup_forgotten_at_restart",
        /// A key is not looked up among the messages that are stored with it.
        DedupOffInBatch = "dedup_off_in_batch",
        /// After a retry in the same batch, senders get the next message's number.
        NumberSkippedByReplay = "number_skipped_by_replay",
        /// A key that is used again for another text counts as a retry.
        KeyMismatchAccepted = "key_mismatch_accepted",
        /// After a restart a room's last number is told again, for the next message.
        ReuseSeq = "reuse_seq",
        /// A room's new name is sent, but the old one is served.
        RenameNotServed = "rename_not_served",
        /// Commits on SQLite are not synced. (This one is in the disk that the torture gives the server.)
        SynchronousNormal = "synchronous_normal",
        /// Old pages of history are served for a while.
        StaleHistory = "stale_history",
        /// Some messages are missing from the pages of history.
        HistoryHole = "history_hole",
        /// Whoever resumes from a position is attached, whatever they may.
        BanEvadedByResume = "ban_evaded_by_resume",
        /// Bans from before this process started are not known.
        BanLostWithRestart = "ban_lost_with_restart",
        /// What waits is stored by the rights of when it came.
        RightsOfBeforeTheQueue = "rights_of_before_the_queue",
        /// An invite that is used up still lets people in.
        InviteUsedOnceTooOften = "invite_used_once_too_often",
        /// An invite is said to be revoked, and lives on.
        RevokedInviteAccepted = "revoked_invite_accepted",
        /// Invites live longer than they say.
        ExpiredInviteAccepted = "expired_invite_accepted",
        /// Whoever is banned comes in by an invite.
        BanEvadedByInvite = "ban_evaded_by_invite",
        /// Whoever may not read the room any more still gets its events.
        RemovedStillHear = "removed_still_hear",
        /// Some messages that a host has queued are removed, and not sent.
        OutboxForgets = "outbox_forgets",
        /// What a host has queued together is sent in reverse order.
        OutboxOutOfOrder = "outbox_out_of_order",
        /// What a host queues is sent whether its transaction is committed or not.
        OutboxBeforeCommit = "outbox_before_commit",
        /// Some events are left out of the feed of all rooms.
        FeedLeavesOut = "feed_leaves_out",
        /// The feed of all rooms says that there is nothing more, and has not everything that was answered.
        FeedBehind = "feed_behind",
    }
}

impl FromStr for Bug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|bug| bug.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|bug| bug.name()).collect();
            format!("there is no bug `{text}`, only {}", names.join(", "))
        })
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_the_bug_it_names() {
        for bug in Bug::ALL {
            assert_eq!(bug.to_string().parse(), Ok(*bug));
        }
        assert!("a_beetle".parse::<Bug>().unwrap_err().contains("drop_delivery"));
    }

    #[test]
    fn every_bug_has_its_row_in_the_table() {
        let table = include_str!("bug.rs");
        for bug in Bug::ALL {
            let rows = table.matches(&format!("/// | `{bug}` |")).count();
            assert_eq!(rows, 1, "{bug}");
        }
    }
}
