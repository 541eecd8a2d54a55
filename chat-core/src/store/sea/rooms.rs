//! Rooms: made, changed, ended, listed.

use sea_orm::{ConnectionTrait, Value};

use super::{
    dialect::lists::{padded, repeated},
    error::SqlError,
    members, names,
    rows::{self, ROOM_COLUMNS, signed},
    run::{Run, Transaction},
    seen,
};
use crate::{
    EventKind, Room, RoomId, RoomKind, RoomName, RoomPage, RoomQuery, Timestamp, Topic,
    append::{Claim, RoomRecord, RoomUpdate},
    store::{Viewer, judge::Naming, paging},
};

/// A room by id.
pub(super) async fn by_id(run: &Run<'_, impl ConnectionTrait>, id: RoomId) -> Result<Option<Room>, SqlError> {
    one(run, "r.id = ?", signed(id.0).into()).await
}

/// A room by the key of its name.
pub(super) async fn by_name(run: &Run<'_, impl ConnectionTrait>, name_key: &str) -> Result<Option<Room>, SqlError> {
    one(run, "r.name_key = ?", run.dialect.opaque(Some(name_key))).await
}

/// The room that has this.
pub(super) async fn holder(run: &Run<'_, impl ConnectionTrait>, claim: &Claim) -> Result<Option<Room>, SqlError> {
    match claim {
        Claim::Name(key) => by_name(run, key).await,
        Claim::Pair(key) => {
            let room = "r.id = (SELECT d.room_id FROM chat_direct d WHERE d.pair = ?)";
            one(run, room, run.dialect.opaque(Some(key))).await
        }
        Claim::External(key) => one(run, "r.external = ?", run.dialect.opaque(Some(key))).await,
    }
}

/// A page of rooms that somebody sees, by id.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    query: &RoomQuery,
    viewer: &Viewer,
) -> Result<RoomPage, SqlError> {
    let after = query.after.unwrap_or(RoomId(0));
    if let Some(ids) = &query.ids {
        return these(run, ids, query, viewer).await;
    }
    let public = match &query.name_contains {
        Some(part) => public_with(run, after, part, query.limit, viewer).await?,
        None => all_public(run, after, query.limit, viewer).await?,
    };
    // What is behind the end of a page of public ones is for the next page.
    let upto = public.next.unwrap_or(RoomId(i64::MAX.unsigned_abs()));
    let mut rooms = public.rooms;
    rooms.extend(private(run, after, upto, query, viewer).await?);
    rooms.sort_unstable_by_key(|room| room.id);
    if rooms.len() > query.limit {
        return Ok(paging::finish_rooms(rooms, query.limit));
    }
    Ok(RoomPage { rooms, next: public.next })
}

/// Those of these rooms that somebody sees.
async fn these(
    run: &Run<'_, impl ConnectionTrait>,
    ids: &[RoomId],
    query: &RoomQuery,
    viewer: &Viewer,
) -> Result<RoomPage, SqlError> {
    if ids.is_empty() {
        return Ok(RoomPage { rooms: Vec::new(), next: None });
    }
    let ids = padded(ids);
    let (is_seen, seen) = seen::condition(run.dialect, viewer);
    let places = repeated("?", ids.len());
    let mut condition = format!("r.id IN ({places}) AND r.id > ? AND r.deleted_at IS NULL AND {is_seen}");
    let mut values: Vec<_> = ids.into_iter().map(|id| signed(id.0).into()).collect();
    values.push(signed(query.after.map_or(0, |after| after.0)).into());
    values.extend(seen);
    if let Some(part) = &query.name_contains {
        condition = format!("{condition} AND {}(r.name_search, ?) > 0", run.dialect.find_in());
        values.push(run.dialect.opaque(Some(part)));
    }
    condition.push_str(" ORDER BY r.id LIMIT ?");
    values.push(count(query.limit.saturating_add(1)));
    Ok(paging::finish_rooms(rooms(run, &condition, values).await?, query.limit))
}

async fn all_public(
    run: &Run<'_, impl ConnectionTrait>,
    after: RoomId,
    limit: usize,
    viewer: &Viewer,
) -> Result<RoomPage, SqlError> {
    let (is_seen, seen) = seen::condition(run.dialect, viewer);
    let condition = format!("r.kind = 0 AND r.id > ? AND r.deleted_at IS NULL AND {is_seen} ORDER BY r.id LIMIT ?");
    let mut values = vec![signed(after.0).into()];
    values.extend(seen);
    values.push(count(limit.saturating_add(1)));
    Ok(paging::finish_rooms(rooms(run, &condition, values).await?, limit))
}

async fn public_with(
    run: &Run<'_, impl ConnectionTrait>,
    after: RoomId,
    part: &str,
    limit: usize,
    viewer: &Viewer,
) -> Result<RoomPage, SqlError> {
    let found = names::find(run, after, part, limit, viewer.shown()).await?;
    if found.rooms.is_empty() {
        return Ok(RoomPage { rooms: Vec::new(), next: found.next });
    }
    let ids = padded(&found.rooms);
    let (is_seen, seen) = seen::condition(run.dialect, viewer);
    let places = repeated("?", ids.len());
    let condition = format!("r.id IN ({places}) AND r.kind = 0 AND r.deleted_at IS NULL AND {is_seen} ORDER BY r.id");
    let values = ids.into_iter().map(|id| signed(id.0).into()).chain(seen).collect();
    Ok(RoomPage { rooms: rooms(run, &condition, values).await?, next: found.next })
}

/// The private rooms between two that somebody is in; for the host, all that are not public.
async fn private(
    run: &Run<'_, impl ConnectionTrait>,
    after: RoomId,
    upto: RoomId,
    query: &RoomQuery,
    viewer: &Viewer,
) -> Result<Vec<Room>, SqlError> {
    let (mut condition, mut values) = match viewer {
        Viewer::Anonymous(_) => return Ok(Vec::new()),
        Viewer::Host => ("r.kind <> 0".to_owned(), Vec::new()),
        Viewer::Told(..) => ("r.kind = 1".to_owned(), Vec::new()),
        Viewer::User(user, ..) => {
            let own =
                "r.kind = 1 AND r.id IN (SELECT m.room_id FROM chat_members m WHERE m.user_id = ? AND m.room_id > ?)";
            (own.to_owned(), vec![run.dialect.opaque(Some(user.as_str())), signed(after.0).into()])
        }
    };
    let (is_shown, shown) = seen::shown(run.dialect, viewer);
    condition = format!("{condition} AND r.id > ? AND r.id <= ? AND r.deleted_at IS NULL AND {is_shown}");
    values.extend([signed(after.0).into(), signed(upto.0).into()]);
    values.extend(shown);
    if let Some(part) = &query.name_contains {
        condition = format!("{condition} AND {}(r.name_search, ?) > 0", run.dialect.find_in());
        values.push(run.dialect.opaque(Some(part)));
    }
    condition.push_str(" ORDER BY r.id LIMIT ?");
    values.push(count(query.limit.saturating_add(1)));
    rooms(run, &condition, values).await
}

/// Makes a room.
pub(super) async fn create(run: &Transaction<'_>, new: &RoomRecord) -> Result<Room, SqlError> {
    let room = new.to_room(run.dialect.insert_room(run, new).await?);
    // Every public name is found by searches.
    set_claim(run, room.id, Claim::of(new.kind, &new.name, new.pair.as_ref())).await?;
    members::first_members(run, room.id, &new.first_members(), new.created_at).await?;
    Ok(room)
}

/// Gives this to a room whose row says so. A pair that has another room fails as [taken](SqlError::is_taken), as a name did with the
/// row.
pub(super) async fn set_claim(run: &Transaction<'_>, room: RoomId, claim: Option<Claim>) -> Result<(), SqlError> {
    match claim {
        Some(Claim::Name(key)) => names::set(run, room, &key).await,
        Some(Claim::Pair(key)) => {
            let values = vec![run.dialect.opaque(Some(&key)), signed(room.0).into()];
            run.execute("INSERT INTO chat_direct (pair, room_id) VALUES (?, ?)", values).await.map(drop)
        }
        Some(Claim::External(_)) | None => Ok(()),
    }
}

/// What a room is called, and which other room has the name that it is to get. The room is locked.
pub(super) async fn naming(run: &Transaction<'_>, id: RoomId, update: &RoomUpdate) -> Result<Option<Naming>, SqlError> {
    let sql = "SELECT name, topic, external FROM chat_rooms WHERE id = ?";
    let Some(row) = run.query_one(sql, vec![signed(id.0).into()]).await? else { return Ok(None) };
    let name = RoomName::from_stored(&row.try_get_by_index::<String>(0)?);
    // A room that becomes public wants the name that it has.
    let wanted = update.name.as_ref().or_else(|| update.kind.map(|_| &name));
    // With a key of the host's, it shares its name.
    let shares_name = run.dialect.opaque_from(&row, 2)?.is_some();
    let wanted = wanted.filter(|_| !shares_name);
    let holder = match wanted {
        Some(wanted) => by_name(run, &wanted.key()).await?.filter(|holder| holder.id != id),
        None => None,
    };
    Ok(Some(Naming { name, topic: Topic::from_stored(&row.try_get_by_index::<String>(1)?), holder }))
}

/// Changes a room to what an update of it says. A name that another room has taken meanwhile fails as
/// [taken](SqlError::is_taken).
pub(super) async fn change(run: &Transaction<'_>, id: RoomId, updated: &EventKind) -> Result<(), SqlError> {
    let EventKind::RoomUpdated { name, topic, kind, invites } = updated else { return Ok(()) };
    let (kind_value, invites) = (members::kind_value(*kind), members::invites_value(*invites));
    let same_name = "UPDATE chat_rooms SET topic = ?, invites = ? WHERE id = ? AND name = ? AND kind = ?";
    let values =
        vec![topic.as_str().into(), invites.clone(), signed(id.0).into(), name.as_str().into(), kind_value.clone()];
    if run.execute(same_name, values).await?.rows_affected() > 0 {
        return Ok(());
    }
    let key = name.key();
    let own_key = Some(&*key).filter(|_| *kind == RoomKind::Public);
    let sql = "UPDATE chat_rooms SET name = ?, name_search = ?, name_key = CASE WHEN external IS NULL THEN ? END, topic = ?, \
         kind = ?, invites = ? WHERE id = ?";
    let (search, own) = (run.dialect.opaque(Some(&key)), run.dialect.opaque(own_key));
    let values =
        vec![name.as_str().into(), search, own, topic.as_str().into(), kind_value, invites, signed(id.0).into()];
    run.execute(sql, values).await?;
    names::set(run, id, own_key.unwrap_or_default()).await
}

/// Ends a room: its name is free.
pub(super) async fn end(run: &Transaction<'_>, id: RoomId, at: Timestamp) -> Result<(), SqlError> {
    let sql = "UPDATE chat_rooms SET name = NULL, name_search = NULL, name_key = NULL, external = NULL, deleted_at = ? \
         WHERE id = ?";
    run.execute(sql, vec![at.0.into(), signed(id.0).into()]).await?;
    names::set(run, id, "").await
}

/// A limit as a value.
pub(super) fn count(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

async fn one(run: &Run<'_, impl ConnectionTrait>, condition: &str, value: Value) -> Result<Option<Room>, SqlError> {
    let found = rooms(run, &format!("{condition} AND r.deleted_at IS NULL"), vec![value]).await?;
    Ok(found.into_iter().next())
}

async fn rooms(
    run: &Run<'_, impl ConnectionTrait>,
    condition: &str,
    values: Vec<Value>,
) -> Result<Vec<Room>, SqlError> {
    let found = run.query(&format!("SELECT {ROOM_COLUMNS} FROM chat_rooms r WHERE {condition}"), values).await?;
    found.iter().map(|row| rows::room(run.dialect, row, 0)).collect()
}
