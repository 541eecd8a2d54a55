//! Read marks: they do not go back by themselves, and what is unread beyond them is exact.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Promise, hold};
use crate::{
    MarkTo, Marked, RoomId, Seq, UserId,
    error::Error,
    testing::world::{World, engine::Pending},
};

/// The marks as they were seen last, and where users have set them back to.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Marks {
    seen: BTreeMap<(RoomId, UserId), Seq>,
    backs: BTreeMap<(RoomId, UserId), BTreeSet<Seq>>,
}

impl Marks {
    pub(super) fn begun(&mut self, room: RoomId, user: &UserId, to: MarkTo) {
        if to.back {
            self.backs.entry((room, user.clone())).or_default().insert(to.seq);
        }
    }

    /// A user's mark as it is now.
    fn seen(&mut self, room: RoomId, user: &UserId, seq: Seq) -> Checked {
        let key = (room, user.clone());
        let before = self.seen.insert(key.clone(), seq).unwrap_or_default();
        // One may be set back and move on again in one append.
        let asked = self.backs.get(&key).is_some_and(|backs| backs.range(..=seq).next().is_some());
        hold(seq >= before || asked, Promise::ReadMarks, || {
            format!("the mark of {user} in room {room} went back from {before} to {seq} by itself")
        })
    }
}

impl World {
    /// A room's log has changed, or marks in it: all marks are where they may be, and what is unread is what can be counted.
    pub(super) fn check_marks(&mut self, room: RoomId) -> Checked {
        let Some(reference_log) = self.check.reference_logs.get(&room) else { return Ok(()) };
        for user in &self.clients.users {
            let Some((mark, unread)) = self.database.log.unread(room, &user.id) else { return Ok(()) };
            self.check.marks.seen(room, &user.id, mark.seq)?;
            let counted = reference_log.conversation().unread(&user.id, mark);
            hold((unread.unread, unread.mentions) == counted, Promise::ReadMarks, || {
                format!("{unread:?} is unread for {} in room {room} beyond {mark:?}, but it is {counted:?}", user.id)
            })?;
        }
        Ok(())
    }

    /// A mark is answered.
    pub(super) fn check_marked(
        &self,
        pending: &Pending,
        to: MarkTo,
        result: &Result<Marked, Error>,
        lacks_right: bool,
    ) -> Checked {
        let head = self.check.reference_logs.get(&pending.room).map_or(Seq(0), super::ReferenceLog::head);
        let right = match result {
            Ok(Marked { unread, .. }) if to.back => unread.seq <= to.seq && unread.seq <= head,
            Ok(Marked { unread, .. }) => unread.seq <= head && (unread.seq >= to.seq || to.seq > unread.seq.min(head)),
            Err(Error::OutcomeUnknown | Error::Unavailable | Error::StorageFull | Error::Overloaded) => true,
            Err(error) => lacks_right || *error == Error::RoomNotFound,
        };
        hold(right, Promise::ReadMarks, || format!("{to:?} is answered {result:?} at head {head}"))
    }
}
