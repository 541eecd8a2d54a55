//! Rooms as they are to a user, and to those who watch them.

use std::{cmp::Reverse, collections::HashMap};

use sea_orm::{ConnectionTrait, QueryResult};

use super::{
    super::{
        dialect::{
            Dialect,
            lists::{MOST_ROWS, padded, repeated},
        },
        error::SqlError,
        members,
        rooms::count,
        rows::{self, ROOM_COLUMNS, ROOM_WIDTH, signed, unsigned},
        run::Run,
        seen, states,
        unread::{self, MarkIn},
    },
    marks,
};
use crate::{
    Activity, LastMessage, Mark, MyRoom, MyRoomPage, MyRoomQuery, MyRoomsCursor, Notify, Role, Room, RoomId, Seq,
    Unread, store::Viewer,
};

/// The rooms that a user has a mark in, with three statements at most: the rooms with their newest messages, the reactions to
/// these, and what is unread.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    viewer: &Viewer,
    query: &MyRoomQuery,
) -> Result<MyRoomPage, SqlError> {
    let after = query.after.map_or((i64::MAX, i64::MAX), |after| (after.at.0, signed(after.room.0)));
    let Some(user) = viewer.user() else { return Ok(MyRoomPage { rooms: Vec::new(), next: None }) };
    let (is_seen, seen) = seen::condition(run.dialect, viewer);
    let mut values = vec![run.dialect.opaque(Some(user.as_str())), after.0.into(), after.0.into(), after.1.into()];
    values.extend(seen);
    values.push(count(query.limit.saturating_add(1)));
    let rows = run.query(&page_sql(run.dialect, &is_seen), values).await?;
    let mut found = rows.iter().map(|row| Found::of_row(run.dialect, row)).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable_by_key(|found| Reverse((found.cursor().at, found.room.id)));
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| has_more).map(Found::cursor);
    let marks: Vec<_> = found.iter().map(|found| MarkIn { room: found.room.id, user, mark: found.mark }).collect();
    let counted = unread::beyond(run, &marks).await?;
    let last = states::of_rows(run, &rows, Some(user)).await?;
    let mut last: HashMap<_, _> = last.into_iter().map(|state| (state.room, state)).collect();
    let rooms = found.into_iter().zip(counted).map(|(found, (unread, mentions))| {
        let unread = Unread { seq: found.mark.seq, unread, mentions, ordinal: found.ordinal };
        let last = last.remove(&found.room.id);
        MyRoom { role: found.role, ..MyRoom::new(found.room, unread, last, found.notify) }
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
    role: Option<Role>,
}

impl Found {
    /// From a row as [`page_sql`] has it.
    fn of_row(dialect: &dyn Dialect, row: &QueryResult) -> Result<Self, SqlError> {
        const BESIDE: usize = states::WIDTH + ROOM_WIDTH;
        let number = |index| unsigned(row, BESIDE + index);
        let by_back = row.try_get_by_index::<i16>(BESIDE + 3)? != 0;
        let mark = Mark { seq: Seq(number(1)?), ordinal: number(2)?, by_back };
        let (room, notify) = (rows::room(dialect, row, states::WIDTH)?, marks::notify(row, BESIDE + 4)?);
        Ok(Self { room, ordinal: number(0)?, mark, notify, role: members::role(row, BESIDE + 5)? })
    }

    fn cursor(&self) -> MyRoomsCursor {
        MyRoomsCursor { at: self.room.last_message_at.unwrap_or(self.room.created_at), room: self.room.id }
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
            let activity = activity_of(run, &row)?;
            found.insert(activity.room, activity);
        }
    }
    Ok(rooms.iter().map(|room| found.get(room).cloned()).collect())
}

fn activity_of<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<Activity, SqlError> {
    let last = states::state(run, row)?.map(LastMessage::of);
    let number = |index| unsigned(row, states::WIDTH + index);
    let (room, head, ordinal) = (RoomId(number(0)?), Seq(number(1)?), number(2)?);
    Ok(Activity { room, head, ordinal, rights_seq: Seq(number(3)?), mentions_room: false, last })
}

/// The page is found first: what else there is of its rooms is looked up for these alone. Its rows come in any order, for it would
/// be the wide ones that are sorted.
fn page_sql(dialect: &dyn Dialect, is_seen: &str) -> String {
    const AT: &str = "COALESCE(r.last_message_at, r.created_at)";
    let of_mark = dialect.look_up("chat_rooms", "r", "r.id = m.room_id AND r.deleted_at IS NULL");
    let page = format!(
        "SELECT m.user_id, m.room_id, m.seq, m.ordinal, m.by_back FROM chat_reads m{of_mark} \
         WHERE m.user_id = ? AND m.thread = 0 AND r.id IS NOT NULL AND ({AT} < ? OR ({AT} = ? AND r.id < ?)) AND {is_seen} \
         ORDER BY {AT} DESC, r.id DESC LIMIT ?"
    );
    let (rooms, last) = (dialect.look_up("chat_rooms", "r", "r.id = m.room_id"), last_message(dialect));
    format!(
        "SELECT {}, {ROOM_COLUMNS}, r.ordinal, m.seq, m.ordinal, m.by_back, \
         (SELECT n.notify FROM chat_notify n WHERE n.user_id = m.user_id AND n.room_id = m.room_id), \
         (SELECT i.role FROM chat_members i WHERE i.room_id = m.room_id AND i.user_id = m.user_id) \
         FROM ({page}) m{rooms}{last}",
        *states::COLUMNS
    )
}

fn activity_sql(dialect: &dyn Dialect, rooms: usize) -> String {
    let (columns, last, rooms) = (&*states::COLUMNS, last_message(dialect), repeated("?", rooms));
    format!(
        "SELECT {columns}, r.id, r.head, r.ordinal, r.rights_seq FROM chat_rooms r{last} WHERE r.id IN ({rooms}) AND r.deleted_at IS NULL"
    )
}

/// Joins to a room `r` the columns of its newest message as it is now, if that was not pruned.
fn last_message(dialect: &dyn Dialect) -> String {
    let condition = "e.room_id = r.id AND e.seq = r.last_message_seq AND e.seq >= r.first_seq";
    dialect.look_up("chat_events", "e", condition) + &states::joins(dialect)
}
