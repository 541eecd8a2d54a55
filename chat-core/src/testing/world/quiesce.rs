//! The end of a scenario: the faults end, clients act no more, and everything must come right.

use std::time::Duration;

use super::{
    World,
    check::{Broken, Checked, Promise, ReferenceLog, hold},
};
use crate::{RoomId, Seq, SessionId, state::Departure};

impl World {
    pub(super) fn quiesce(&mut self) -> Checked {
        self.acting = false;
        self.trace.line(format_args!("{} the faults end", self.event_queue.mono().as_micros()));
        // Transactions that were given up may still hold their locks; with the last of them the faults are over.
        self.pass(LAST_LOCK)?;
        self.pass(PROMISED)?;
        self.check_all_answered()?;
        self.check_heads(|reference_log, seq| seq >= reference_log.own())?;
        // Another process's events are shown with the next sweep, or with this engine's next append to that room.
        let rooms = self.params.rooms.clone();
        if self.rng.percent(50) {
            rooms.iter().try_for_each(|room| self.foreign(*room))?;
            self.sweep()?;
        } else {
            for room in rooms {
                let user = super::user(0);
                self.host_writes(room, &user)?;
            }
        }
        self.pass(PROMISED)?;
        self.check_all_answered()?;
        self.check_heads(|reference_log, seq| seq == reference_log.head())?;
        self.pass(SETTLED)?;
        self.check_settled("with sessions attached")?;
        let sessions: Vec<SessionId> = self.clients.sessions.keys().copied().collect();
        for session in sessions {
            self.depart(session, Departure::Closed)?;
        }
        self.pass(PROMISED)?;
        self.check_settled("after all left")?;
        self.check_deserted()?;
        for (room, reference_log) in &self.check.reference_logs {
            reference_log.check_whole(*room, &self.database.log)?;
        }
        self.erase_somebody()
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) -> Checked {
        let end = self.event_queue.mono() + time;
        while let Some(event) = self.event_queue.next_until(end) {
            self.process(event)?;
        }
        Ok(())
    }

    fn check_all_answered(&self) -> Checked {
        let left = self.clients.pending.values().find(|pending| pending.at != Duration::MAX);
        hold(left.is_none(), Promise::AnsweredOnce, || format!("{left:?} was never answered"))
    }

    /// Every open subscription has read far enough.
    fn check_heads(&self, is_enough: impl Fn(&ReferenceLog, Seq) -> bool) -> Checked {
        for (session, stream) in &self.check.streams {
            let unended = stream.unended();
            hold(unended.is_none(), Promise::SilentAfterRemoval, || {
                format!("session {session} was not told that it has lost room {unended:?}")
            })?;
            for (room, seq) in stream.heads() {
                let Some(reference_log) = self.check.reference_logs.get(&room) else { continue };
                hold(is_enough(reference_log, seq), Promise::FoundAgain, || {
                    format!(
                        "session {session} has read room {room} up to {seq}, but its head is {}",
                        reference_log.head()
                    )
                })?;
            }
        }
        Ok(())
    }

    fn check_settled(&self, when: &str) -> Checked {
        let now = self.event_queue.mono();
        match self.check.rooms.iter().find(|(_, check)| !check.is_settled(now)) {
            Some((room, check)) => {
                Err(Broken::new(Promise::Presence, format!("{when}, room {room} is not settled: {check:?}")))
            }
            None => Ok(()),
        }
    }

    /// A room without anybody is empty, and can be forgotten.
    fn check_deserted(&mut self) -> Checked {
        let rooms: Vec<RoomId> = self.engine.rooms.keys().copied().collect();
        for room in rooms {
            let Some(live) = self.engine.rooms.get(&room) else { continue };
            let deserted = live.state.is_idle() && live.state.presence().count == 0;
            hold(deserted || live.state.is_deleted(), Promise::Presence, || {
                format!("nobody is in room {room}, but it is not idle: {:?}", live.state.presence())
            })?;
            self.forget_idle(room)?;
        }
        Ok(())
    }
}

/// Longer than a transaction that was given up holds its locks.
const LAST_LOCK: Duration = Duration::from_millis(3_100);
/// How soon after a fault's end everything is found again.
const PROMISED: Duration = Duration::from_secs(2);
/// Longer than a grace, and than anybody types.
const SETTLED: Duration = Duration::from_secs(12);
