//! The end of a user: nothing names them any more, and what is read is what the log adds up to.

use super::{
    World,
    check::{Checked, Promise, hold},
};
use crate::{
    Erase, HistoryQuery, RoomId, Seq, Timestamp, UserId,
    erasure::{Erasure, LogPart},
    store::MemoryLog,
    testing::Timeline,
};

impl World {
    /// Erases somebody, now and then from the beginning again, as after a crash.
    pub(super) fn erase_somebody(&mut self) -> Checked {
        let Self { rng, database, params, clients, .. } = self;
        let Some(user) = rng.pick(&clients.users) else { return Ok(()) };
        let new_id = UserId::of_erased(u128::from(rng.next()));
        let erasure = Erasure { user: user.id.clone(), new_id, mode: Erase::Anonymise, at: Timestamp(0) };
        let log = database.log.foreign();
        log.begin_erasure(&erasure);
        // Without a mark, everything is counted.
        log.forget_marks(&erasure.user);
        let unread: Vec<_> = params.rooms.iter().map(|room| log.unread(*room, &erasure.user)).collect();
        let mut crashes = rng.below(3);
        while !replaced(log, &erasure, || {
            let crashes_now = crashes > 0 && rng.percent(10);
            crashes -= u64::from(crashes_now);
            crashes_now
        }) {}
        for (room, unread) in params.rooms.iter().zip(unread) {
            check_room(log, *room, &erasure)?;
            let now = log.unread(*room, &erasure.new_id);
            hold(now == unread, Promise::ReadMarks, || {
                format!("in room {room} the erased user had {unread:?} unread, and has {now:?}")
            })?;
        }
        hold(log.finish_erasure(&erasure), Promise::Erased, || "an erasure does not end".to_owned())
    }
}

/// Replaces a user in all logs, part by part; `false` if there was a crash before the end.
fn replaced(log: &mut MemoryLog, erasure: &Erasure, mut crashes: impl FnMut() -> bool) -> bool {
    for extent in log.logs(None, usize::MAX) {
        for first in (extent.first.0..=extent.head.0).step_by(PART) {
            let part = LogPart { room: extent.room, first: Seq(first), last: Seq(first + PART as u64 - 1) };
            log.replace_user(erasure, part);
            if crashes() {
                return false;
            }
        }
    }
    true
}

/// Nothing names the user, and the messages are what the events make of them.
fn check_room(log: &MemoryLog, room: RoomId, erasure: &Erasure) -> Checked {
    let events = log.events_after(room, Seq(0), usize::MAX);
    let old = format!("{:?}", erasure.user);
    let named = events.iter().find(|stored| format!("{:?}", stored.event).contains(&old));
    hold(named.is_none(), Promise::Erased, || format!("the erased user is named: {named:?}"))?;
    let timeline = Timeline::of(events.iter().map(|stored| &*stored.event));
    let (all, viewer) = (HistoryQuery { limit: usize::MAX >> 1, ..HistoryQuery::newest() }, Some(&erasure.new_id));
    let Some(served) = log.history(room, all, viewer) else { return Ok(()) };
    let folded = timeline.history(viewer);
    hold(served.messages == folded, Promise::Fold, || format!("room {room} without an erased user does not add up"))
}

/// How many events are looked at in one step.
const PART: usize = 7;
