//! Reading a room's log.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, Value};

use super::{
    dialect::{
        Key,
        lists::{padded, repeated},
    },
    error::SqlError,
    rooms::count,
    rows::{self, EVENT_COLUMNS, signed, unsigned},
    run::{Run, Transaction},
    states,
};
use crate::{
    Epoch, HistoryPage, HistoryQuery, MessageState, RoomId, Seq, UserId,
    append::{Lookup, Recovered, StoredEvent},
    store::paging::{self, Extent, Window},
};

/// The events after `after`, in order.
pub(super) async fn events_after(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    after: Seq,
    limit: usize,
) -> Result<Vec<StoredEvent>, SqlError> {
    const LATER: &str = "WHERE room_id = ? AND seq > ? AND seq >= (SELECT r.first_seq FROM chat_rooms r WHERE r.id = ?) \
         ORDER BY seq LIMIT ?";
    let id = signed(room.0);
    events(run, LATER, vec![id.into(), signed(after.0).into(), id.into(), count(limit)]).await
}

/// Where the logs of these rooms end; `None` where a room is gone.
pub(super) async fn heads(run: &Run<'_, impl ConnectionTrait>, rooms: &[RoomId]) -> Result<Vec<Option<Seq>>, SqlError> {
    let ids = padded(rooms);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let list = repeated("?", ids.len());
    let sql = format!("SELECT id, head FROM chat_rooms WHERE id IN ({list}) AND deleted_at IS NULL");
    let values = ids.into_iter().map(|id| signed(id.0).into()).collect();
    let mut heads = HashMap::new();
    for row in run.query(&sql, values).await? {
        heads.insert(RoomId(unsigned(&row, 0)?), Seq(unsigned(&row, 1)?));
    }
    Ok(rooms.iter().map(|room| heads.get(room).copied()).collect())
}

/// A page of a room's messages, read in one snapshot: the head first, and then what it shows.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    epoch: &Epoch,
    room: RoomId,
    query: HistoryQuery,
    viewer: Option<&UserId>,
) -> Result<Option<HistoryPage>, SqlError> {
    // Every event has the number of the messages up to it: so what a page is divided at need not be a message.
    let sql = "SELECT r.head, r.ordinal, r.pruned_ordinal, (SELECT e.ordinal FROM chat_events e \
         WHERE e.room_id = r.id AND e.seq <= ? AND e.seq >= r.first_seq ORDER BY e.seq DESC LIMIT 1) \
         FROM chat_rooms r WHERE r.id = ? AND r.deleted_at IS NULL";
    let values = vec![signed(paging::edge(query.from).0).into(), signed(room.0).into()];
    let Some(row) = run.query_one(sql, values).await? else { return Ok(None) };
    let extent = Extent { head: Seq(unsigned(&row, 0)?), messages: unsigned(&row, 1)?, pruned: unsigned(&row, 2)? };
    let before_edge = rows::optional_seq(&row, 3)?.unwrap_or_default().0;
    let window = Window::of(query, before_edge, extent);
    let messages = messages(run, room, window, viewer).await?;
    Ok(Some(paging::finish(epoch.clone(), extent, window, messages)))
}

/// With the room's row locked, so that whatever was being committed is there or never will be: where the log ends, and what
/// holds one of the keys.
pub(super) async fn recover(
    run: &Transaction<'_>,
    room: RoomId,
    keys: &[Lookup],
) -> Result<Option<Recovered>, SqlError> {
    let sql = format!("SELECT head, deleted_at FROM chat_rooms WHERE id = ?{}", run.dialect.for_update());
    let Some(row) = run.query_one(&sql, vec![signed(room.0).into()]).await? else { return Ok(None) };
    let (head, deleted_at): (_, Option<i64>) = (Seq(unsigned(&row, 0)?), row.try_get_by_index(1)?);
    let of_users = keys
        .iter()
        .filter_map(|lookup| Some(Key { room, user: lookup.user.as_ref()?.as_str(), key: lookup.key.as_str() }));
    let mut found = run.dialect.find_keys(run, &of_users.collect::<Vec<_>>()).await?;
    for lookup in keys.iter().filter(|lookup| lookup.user.is_none()) {
        let values = vec![run.dialect.opaque(Some(lookup.key.as_str())), signed(room.0).into()];
        found.extend(events(run, "WHERE idem_key = ? AND room_id = ? AND user_id IS NULL", values).await?);
    }
    found.sort_by_key(|stored| stored.event.seq);
    found.dedup_by_key(|stored| stored.event.seq);
    Ok(Some(Recovered { head, is_deleted: deleted_at.is_some(), found }))
}

/// The messages of a window, oldest first.
async fn messages(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    window: Window,
    viewer: Option<&UserId>,
) -> Result<Vec<MessageState>, SqlError> {
    if window.first > window.last {
        return Ok(Vec::new());
    }
    let values = [room.0, window.first, window.last].map(|number| signed(number).into()).to_vec();
    states::of_log(run, PAGE, values, viewer).await
}

/// Which messages a page has.
pub(super) const PAGE: &str = "e.room_id = ? AND e.kind = 1 AND e.ordinal >= ? AND e.ordinal <= ? ORDER BY e.ordinal";

/// Events of the log, by what stands behind the table: a condition, and a hint before it.
pub(super) async fn events(
    run: &Run<'_, impl ConnectionTrait>,
    condition: &str,
    values: Vec<Value>,
) -> Result<Vec<StoredEvent>, SqlError> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM chat_events {condition}");
    let found = run.query(&sql, values).await?;
    found.iter().map(|row| rows::event(run, row)).collect()
}
