//! Rooms as they are to a user, and to those who watch them.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, QueryResult};

use super::{
    super::{
        dialect::{
            Dialect,
            lists::{MOST_ROWS, padded, repeated},
        },
        error::SqlError,
        rooms::count,
        rows::{self, ROOM_COLUMNS, ROOM_WIDTH, signed, unsigned},
        run::Run,
        states,
        unread::{self, MarkIn},
    },
    marks,
};
use crate::{
    Activity, LastMessage, Mark, MyRoom, MyRoomPage, MyRoomQuery, MyRoomsCursor, Notify, Room, RoomId, Seq, Unread,
    UserId,
};

/// The rooms that a user has a mark in, with four statements at most: the rooms, what is unread, the newest messages, and the
/// reactions to them.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    user: &UserId,
    query: &MyRoomQuery,
) -> Result<MyRoomPage, SqlError> {
    let after = query.after.map_or((i64::MAX, i64::MAX), |after| (after.at.0, signed(after.room.0)));
    let opaque = run.dialect.opaque(Some(user.as_str()));
    let values = vec![opaque, after.0.into(), after.0.into(), after.1.into(), count(query.limit.saturating_add(1))];
    let rows = run.query(&page_sql(run.dialect), values).await?;
    let mut found = rows.iter().map(Found::of_row).collect::<Result<Vec<_>, _>>()?;
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| has_more).map(Found::cursor);
    let marks: Vec<_> = found.iter().map(|found| MarkIn { room: found.room.id, user, mark: found.mark }).collect();
    let counted = unread::beyond(run, &marks).await?;
    let places: Vec<_> = found.iter().filter_map(Found::last_message).collect();
    let last = states::at(run, &places, Some(user)).await?;
    let mut last: HashMap<_, _> = last.into_iter().map(|state| (state.room, state)).collect();
    let rooms = found.into_iter().zip(counted).map(|(found, (unread, mentions))| {
        let unread = Unread { seq: found.mark.seq, unread, mentions, ordinal: found.ordinal };
        let last = last.remove(&found.room.id);
        MyRoom::new(found.room, unread, last, found.notify)
    });
    Ok(MyRoomPage { rooms: rooms.collect(), next })
}

/// A room that was found, with the user's mark in it.
struct Found {
    room: Room,
    /// How many messages it has had.
    ordinal: u64,
    mark: Mark,
    notify: Notify,
}

impl Found {
    /// From a row as [`page_sql`] has it.
    fn of_row(row: &QueryResult) -> Result<Self, SqlError> {
        let number = |index| unsigned(row, ROOM_WIDTH + index);
        let by_back = row.try_get_by_index::<i16>(ROOM_WIDTH + 3)? != 0;
        let mark = Mark { seq: Seq(number(1)?), ordinal: number(2)?, by_back };
        Ok(Self { room: rows::room(row)?, ordinal: number(0)?, mark, notify: marks::notify(row, ROOM_WIDTH + 4)? })
    }

    fn cursor(&self) -> MyRoomsCursor {
        MyRoomsCursor { at: self.room.last_message_at.unwrap_or(self.room.created_at), room: self.room.id }
    }

    /// Where its newest message stands, if that was not pruned.
    fn last_message(&self) -> Option<(RoomId, Seq)> {
        let seq = self.room.last_message_seq.filter(|seq| *seq >= self.room.first_seq)?;
        Some((self.room.id, seq))
    }
}

/// What rooms look like to those who watch them, with one statement for up to 512 of them.
pub(super) async fn activity(
    run: &Run<'_, impl ConnectionTrait>,
    rooms: &[RoomId],
) -> Result<Vec<Option<Activity>>, SqlError> {
    let mut found = HashMap::new();
    for chunk in rooms.chunks(MOST_ROWS) {
        let ids = padded(chunk);
        let sql = activity_sql(run.dialect, ids.len());
        for row in run.query(&sql, ids.into_iter().map(|id| signed(id.0).into()).collect()).await? {
            let activity = activity_of(run.dialect, &row)?;
            found.insert(activity.room, activity);
        }
    }
    Ok(rooms.iter().map(|room| found.get(room).cloned()).collect())
}

fn activity_of(dialect: &dyn Dialect, row: &QueryResult) -> Result<Activity, SqlError> {
    let last = states::state(dialect, row)?.map(LastMessage::of);
    let number = |index| unsigned(row, states::WIDTH + index);
    let (room, head, ordinal) = (RoomId(number(0)?), Seq(number(1)?), number(2)?);
    Ok(Activity { room, head, ordinal, mentions_room: false, last })
}

fn page_sql(dialect: &dyn Dialect) -> String {
    const AT: &str = "COALESCE(r.last_message_at, r.created_at)";
    let rooms = dialect.look_up("chat_rooms", "r", "r.id = m.room_id AND r.deleted_at IS NULL");
    format!(
        "SELECT {ROOM_COLUMNS}, r.ordinal, m.seq, m.ordinal, m.by_back, \
         (SELECT n.notify FROM chat_notify n WHERE n.user_id = m.user_id AND n.room_id = m.room_id) \
         FROM chat_reads m{rooms} WHERE m.user_id = ? AND m.thread = 0 AND r.id IS NOT NULL \
         AND ({AT} < ? OR ({AT} = ? AND r.id < ?)) ORDER BY {AT} DESC, r.id DESC LIMIT ?"
    )
}

fn activity_sql(dialect: &dyn Dialect, rooms: usize) -> String {
    let condition = "e.room_id = r.id AND e.seq = r.last_message_seq AND e.seq >= r.first_seq";
    let (columns, joins, last) =
        (&*states::COLUMNS, states::joins(dialect), dialect.look_up("chat_events", "e", condition));
    let rooms = repeated("?", rooms);
    format!(
        "SELECT {columns}, r.id, r.head, r.ordinal FROM chat_rooms r{last}{joins} \
         WHERE r.id IN ({rooms}) AND r.deleted_at IS NULL"
    )
}
