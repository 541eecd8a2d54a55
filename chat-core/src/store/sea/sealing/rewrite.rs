//! Rewriting what was stored before, a part of a room's log at a time.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value};

use super::switch;
use crate::{
    RoomId, Seq,
    append::{EventKey, Fingerprint},
    failpoints::{self, Point},
    store::{
        Rewritten,
        sea::{
            dialect::about::{About, Rows},
            error::SqlError,
            pool::Pool,
            rows::{HAS_TEXT, SAYS, SEALED, number, optional_number, signed, unsigned},
            run::{Run, Transaction, Write},
        },
    },
    text_keys::TextPart,
};

/// How many events are to be looked at.
pub(in crate::store::sea) async fn left(run: &Run<'_, impl ConnectionTrait>) -> Result<u64, SqlError> {
    // A sum is of another type than what is summed up.
    let number = if run.dialect.backend() == DbBackend::MySql { "SIGNED" } else { "BIGINT" };
    let sum = format!("CAST(COALESCE(SUM(head - sealed_seq), 0) AS {number})");
    let sql = format!("SELECT {sum} FROM chat_rooms WHERE sealed_seq IS NOT NULL");
    let row = run.query_one(&sql, Vec::new()).await?;
    row.map_or(Ok(0), |row| unsigned(&row, 0))
}

/// Rewrites the next events of the first room from this one on where that is to be done. `None`: there is none.
pub(in crate::store::sea) async fn step(writers: &Arc<Pool>, from: RoomId) -> Result<Option<Rewritten>, SqlError> {
    failpoints::reached(Point::InRewriting);
    let write = Write::begin(writers).await?;
    let rewritten = in_first_room(&write.run(), from).await;
    failpoints::reached(Point::InRewriting);
    write.end(rewritten).await
}

async fn in_first_room(run: &Transaction<'_>, from: RoomId) -> Result<Option<Rewritten>, SqlError> {
    let sql = "SELECT id FROM chat_rooms WHERE id >= ? AND sealed_seq IS NOT NULL ORDER BY id LIMIT 1";
    let Some(row) = run.query_one(sql, vec![number(from.0)]).await? else {
        switch::finish(run).await?;
        return Ok(None);
    };
    let room = RoomId(unsigned(&row, 0)?);
    let sql = format!("SELECT sealed_seq, head, deleted_at FROM chat_rooms WHERE id = ?{}", run.dialect.for_update());
    let row = run.query_one(&sql, vec![number(room.0)]).await?;
    let done = row.as_ref().map(|row| optional_number(row, 0)).transpose()?.flatten();
    let (Some(row), Some(done)) = (row, done) else {
        // Somebody else was done with it before it was locked.
        return Ok(Some(Rewritten { room, events: 0 }));
    };
    let head = unsigned(&row, 1)?;
    // What was deleted is removed soon.
    let is_gone = row.try_get_by_index::<Option<i64>>(2)?.is_some();
    let end = if is_gone { head } else { head.min(done.saturating_add(EVENTS)) };
    if !is_gone {
        events(run, room, Seq(done), Seq(end)).await?;
    }
    let has_more = !is_gone && (end < head || restrictions(run, room).await?);
    let reached: Option<i64> = has_more.then(|| signed(end));
    run.execute("UPDATE chat_rooms SET sealed_seq = ? WHERE id = ?", vec![reached.into(), number(room.0)]).await?;
    Ok(Some(Rewritten { room, events: end - done }))
}

/// Rewrites a part of a room's log.
async fn events(run: &Transaction<'_>, room: RoomId, after: Seq, to: Seq) -> Result<(), SqlError> {
    let sql = "SELECT seq, kind, idem_key, fingerprint, body, meta, flags FROM chat_events \
         WHERE room_id = ? AND seq > ? AND seq <= ? ORDER BY seq";
    let mut rows = Vec::new();
    for row in run.query(sql, [room.0, after.0, to.0].map(number).to_vec()).await? {
        rows.extend(event(run, room, &row)?);
    }
    // An empty text stands for null.
    let set = "body = NULLIF(k.said, ''), meta = NULLIF(k.more, ''), flags = k.bits, fingerprint = k.print";
    let on = "chat_events.room_id = k.room AND chat_events.seq = k.place";
    let update = About::Update { table: "chat_events", set, on };
    Rows::new(&["room", "place", "said", "more", "bits", "print"], rows).execute(run, update).await
}

/// An event's row as it is to be; `None` if it is so already.
fn event(run: &Transaction<'_>, room: RoomId, row: &QueryResult) -> Result<Option<[Value; 6]>, SqlError> {
    let (at, kind): (_, i16) = ((room, Seq(unsigned(row, 0)?)), row.try_get_by_index(1)?);
    let (body, meta): (Option<String>, Option<String>) = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
    let flags = row.try_get_by_index::<Option<i16>>(6)?.unwrap_or_default();
    let [has_body, has_meta] = [&HAS_TEXT[..], &SAYS].map(|kinds| kinds.contains(&kind));
    let is_current =
        |has: bool, text: &Option<String>| !has || text.as_ref().is_none_or(|text| run.sealing.is_current(text));
    let is_hidden = flags & SEALED != 0;
    if is_hidden == run.sealing.seals() && is_current(has_body, &body) && is_current(has_meta, &meta) {
        return Ok(None);
    }
    let key = EventKey::from_stored(&run.dialect.opaque_from(row, 2)?.unwrap_or_default());
    let stored = Fingerprint(row.try_get_by_index::<i64>(3)?.cast_unsigned());
    let shown = run.sealing.shown(at, &key, stored, is_hidden);
    let flags = if run.sealing.seals() { flags | SEALED } else { flags & !SEALED };
    let body = if has_body { again(run, at, TextPart::Body, body)? } else { body };
    let meta = if has_meta { again(run, at, TextPart::Meta, meta)? } else { meta };
    Ok(Some([
        number(room.0),
        number(at.1.0),
        body.unwrap_or_default().into(),
        meta.unwrap_or_default().into(),
        flags.into(),
        run.sealing.hidden(at, &key, shown).0.cast_signed().into(),
    ]))
}

/// Rewrites the reasons of some bans and mutes of a room; returns whether there may be more.
async fn restrictions(run: &Transaction<'_>, room: RoomId) -> Result<bool, SqlError> {
    let sql = format!(
        "SELECT kind, user_id, seq, reason FROM chat_restrictions \
         WHERE room_id = ? AND reason <> '' AND reason {} LIKE ? LIMIT ?",
        if run.sealing.seals() { "NOT" } else { "" }
    );
    let values = vec![number(room.0), run.sealing.current_mark().into(), number(EVENTS)];
    let found = run.query(&sql, values).await?;
    let mut rows = Vec::new();
    for row in &found {
        let user = run.dialect.opaque_from(row, 1)?;
        let at = (room, Seq(unsigned(row, 2)?));
        let reason = again(run, at, TextPart::Restriction, row.try_get_by_index(3)?)?;
        let kind: i16 = row.try_get_by_index(0)?;
        rows.push([
            number(room.0),
            kind.into(),
            run.dialect.opaque(user.as_deref()),
            reason.unwrap_or_default().into(),
        ]);
    }
    let on = "chat_restrictions.room_id = k.room AND chat_restrictions.kind = k.sort AND chat_restrictions.user_id = k.whose";
    let update = About::Update { table: "chat_restrictions", set: "reason = k.why", on };
    Rows::new(&["room", "sort", "whose", "why"], rows).execute(run, update).await?;
    Ok(found.len() as u64 == EVENTS)
}

/// A stored text as it would be stored now.
fn again(
    run: &Transaction<'_>,
    at: (RoomId, Seq),
    part: TextPart,
    stored: Option<String>,
) -> Result<Option<String>, SqlError> {
    run.sealing.seal(at, part, run.sealing.open(at, part, stored)?)
}

/// How many events one transaction rewrites: some milliseconds, during which nothing else is stored in the room, and in SQLite
/// nowhere.
const EVENTS: u64 = 128;
