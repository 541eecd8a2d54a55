//! Rooms: made, changed, ended, listed.

use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};

use super::{
    error::Fault,
    rows::{self, ROOM_COLUMNS, signed, unsigned},
    run::Run,
};
use crate::{
    Room, RoomId, RoomName, RoomPage, RoomQuery, Seq, Topic,
    append::{NewDelete, NewRoomRow, NewUpdate, Placed, StoredEvent},
    store::{numbering, numbering::Place, paging},
    torture::{self, Bug},
};

type Transaction<'a> = Run<'a, DatabaseTransaction>;

/// What a change of a room's name or topic comes to.
#[derive(Debug)]
pub(super) enum Updated {
    /// The room is gone.
    Gone,
    /// It was done, or there was nothing to do.
    Placed(Placed),
    /// Another room has this name, as far as the database could tell.
    NameTaken(RoomName),
}

/// A room by id.
pub(super) async fn by_id(run: &Run<'_, impl ConnectionTrait>, id: RoomId) -> Result<Option<Room>, Fault> {
    one(run, "r.id = ?", signed(id.0).into()).await
}

/// A room by the key of its name.
pub(super) async fn by_name(run: &Run<'_, impl ConnectionTrait>, name_key: &str) -> Result<Option<Room>, Fault> {
    one(run, "r.name_key = ?", run.dialect.opaque(Some(name_key))).await
}

/// A page of rooms, by id.
pub(super) async fn page(run: &Run<'_, impl ConnectionTrait>, query: &RoomQuery) -> Result<RoomPage, Fault> {
    let mut sql = format!("SELECT {ROOM_COLUMNS} FROM chat_rooms r WHERE r.deleted_at IS NULL AND r.id > ?");
    let mut values = vec![signed(query.after.map_or(0, |id| id.0)).into()];
    if let Some(part) = &query.name_contains {
        sql.push_str(&format!(" AND {}(r.name_key, ?) > 0", run.dialect.find_in()));
        values.push(run.dialect.opaque(Some(part)));
    }
    sql.push_str(" ORDER BY r.id LIMIT ?");
    values.push(count(query.limit.saturating_add(1)));
    let found = run.query(&sql, values).await?;
    let rooms = found.iter().map(rows::room).collect::<Result<_, _>>()?;
    Ok(paging::finish_rooms(rooms, query.limit))
}

/// Makes a room.
pub(super) async fn create(run: &Transaction<'_>, new: &NewRoomRow) -> Result<Room, Fault> {
    Ok(new.to_room(run.dialect.insert_room(run, new).await?))
}

/// Changes a room's name or topic.
pub(super) async fn update(run: &Transaction<'_>, id: RoomId, new: &NewUpdate) -> Result<Updated, Fault> {
    let Some(room) = lock(run, id).await? else { return Ok(Updated::Gone) };
    let name = new.name.clone().unwrap_or_else(|| room.name.clone());
    let topic = new.topic.clone().unwrap_or_else(|| room.topic.clone());
    if name == room.name && topic == room.topic {
        return Ok(Updated::Placed(Placed::Unchanged));
    }
    let written = if torture::has(Bug::RenameNotServed) { &room.name } else { &name };
    let renamed = run
        .execute(
            "UPDATE chat_rooms SET name = ?, name_key = ?, topic = ?, head = head + 1 WHERE id = ?",
            vec![
                written.as_str().to_owned().into(),
                run.dialect.opaque(Some(&written.key())),
                topic.as_str().to_owned().into(),
                signed(id.0).into(),
            ],
        )
        .await;
    match renamed {
        Ok(_) => {}
        Err(fault) if fault.is_taken => return Ok(Updated::NameTaken(name)),
        Err(fault) => return Err(fault),
    }
    let stored = numbering::update(room.next(id), new, name, topic);
    insert(run, &stored, room.messages).await.map(Updated::Placed)
}

/// Ends a room.
pub(super) async fn delete(run: &Transaction<'_>, id: RoomId, new: &NewDelete) -> Result<Option<Placed>, Fault> {
    let Some(room) = lock(run, id).await? else { return Ok(None) };
    let sql = "UPDATE chat_rooms SET name = NULL, name_key = NULL, deleted_at = ?, head = head + 1 WHERE id = ?";
    run.execute(sql, vec![new.at.0.into(), signed(id.0).into()]).await?;
    let stored = numbering::delete(room.next(id), new);
    insert(run, &stored, room.messages).await.map(Some)
}

/// Removes up to `limit` events of deleted rooms; returns how many it removed.
pub(super) async fn purge(run: &Transaction<'_>, limit: usize) -> Result<usize, Fault> {
    const DOOMED: &str = "SELECT r.id, (SELECT MIN(e.seq) FROM chat_events e WHERE e.room_id = r.id) FROM chat_rooms r \
         WHERE r.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM chat_events e WHERE e.room_id = r.id) \
         ORDER BY r.id LIMIT 1";
    let mut removed = 0;
    while removed < limit {
        let Some(row) = run.query_one(DOOMED, Vec::new()).await? else { break };
        let (id, first) = (unsigned(&row, 0)?, unsigned(&row, 1)?);
        // A log has no holes: so many numbers are so many events.
        let end = first.saturating_add(u64::try_from(limit - removed).unwrap_or(u64::MAX));
        let sql = "DELETE FROM chat_events WHERE room_id = ? AND seq < ?";
        let done = run.execute(sql, vec![signed(id).into(), signed(end).into()]).await?;
        removed += usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
    }
    Ok(removed)
}

/// A limit as a value.
pub(super) fn count(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// A living room whose row is locked.
#[derive(Debug)]
struct Locked {
    name: RoomName,
    topic: Topic,
    head: Seq,
    messages: u64,
}

impl Locked {
    const fn next(&self, room: RoomId) -> Place {
        Place { room, seq: self.head.next(), ordinal: self.messages }
    }
}

async fn lock(run: &Transaction<'_>, id: RoomId) -> Result<Option<Locked>, Fault> {
    let sql = format!(
        "SELECT name, topic, head, ordinal FROM chat_rooms WHERE id = ? AND deleted_at IS NULL{}",
        run.dialect.for_update()
    );
    let Some(row) = run.query_one(&sql, vec![signed(id.0).into()]).await? else { return Ok(None) };
    Ok(Some(Locked {
        name: RoomName::from_stored(&row.try_get_by_index::<String>(0)?),
        topic: Topic::from_stored(&row.try_get_by_index::<String>(1)?),
        head: Seq(unsigned(&row, 2)?),
        messages: unsigned(&row, 3)?,
    }))
}

async fn insert(run: &Transaction<'_>, stored: &StoredEvent, messages: u64) -> Result<Placed, Fault> {
    let sql = format!("INSERT INTO chat_events ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows::EVENT_COLUMNS);
    run.execute(&sql, rows::event_values(run.dialect, stored, messages).to_vec()).await?;
    Ok(Placed::New(stored.event.clone()))
}

async fn one(run: &Run<'_, impl ConnectionTrait>, condition: &str, value: Value) -> Result<Option<Room>, Fault> {
    let sql = format!("SELECT {ROOM_COLUMNS} FROM chat_rooms r WHERE {condition} AND r.deleted_at IS NULL");
    let row: Option<QueryResult> = run.query_one(&sql, vec![value]).await?;
    row.as_ref().map(rows::room).transpose()
}
