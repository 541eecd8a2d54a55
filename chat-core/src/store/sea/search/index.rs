//! Keeping the index: what is new is put in, what has changed is changed, what is gone is taken out.

use std::collections::BTreeMap;

use sea_orm::QueryResult;

use super::{
    super::{
        dialect::about::{About, Rows},
        error::SqlError,
        rooms::count,
        rows::{number, signed, unsigned},
        run::{Run, Transaction},
    },
    blocks::{self, Changes},
};
use crate::{
    EventKind, RoomId, Seq,
    append::StoredEvent,
    search::{Unindexed, postings::Place},
    text_keys::TextPart,
};

/// How many terms of messages one transaction puts in or takes out, a message's more or less. It takes some 50 ms, during
/// which nothing else is stored in SQLite.
const MOST_TERMS: usize = 4_096;
/// How many events one transaction goes through at most.
const MOST_EVENTS: usize = 1_024;
/// The text that messages have now, and where it stands. Deleted ones have none.
const TEXT: &str = "COALESCE(e.edited_seq, e.seq), CASE WHEN e.deleted_seq IS NOT NULL THEN NULL WHEN e.edited_seq IS NULL THEN e.body ELSE \
     (SELECT n.body FROM chat_events n WHERE n.room_id = e.room_id AND n.seq = e.edited_seq) END";
/// The events that are messages.
const IS_MESSAGE: &str = "e.kind IN (1, 4)";
const IS_INDEXED: &str = " AND EXISTS (SELECT 1 FROM chat_rooms r WHERE r.id = e.room_id AND r.indexed_seq >= e.seq)";

/// The living rooms after `after` that are not in the index up to their heads.
pub(super) async fn unindexed(
    run: &Run<'_, impl sea_orm::ConnectionTrait>,
    after: Option<RoomId>,
    limit: usize,
) -> Result<Vec<Unindexed>, SqlError> {
    let sql = "SELECT id, head - indexed_seq FROM chat_rooms \
         WHERE id > ? AND indexed_seq < head AND deleted_at IS NULL ORDER BY id LIMIT ?";
    let found = run.query(sql, vec![signed(after.map_or(0, |room| room.0)).into(), count(limit)]).await?;
    found.iter().map(|row| Ok(Unindexed { room: RoomId(unsigned(row, 0)?), events: unsigned(row, 1)? })).collect()
}

/// Puts a room's next events in, with the room locked: what is deleted meanwhile is deleted before, or sees the index as it is
/// after this.
pub(super) async fn step(run: &Transaction<'_>, room: RoomId) -> Result<u64, SqlError> {
    let sql = format!(
        "SELECT indexed_seq, head FROM chat_rooms WHERE id = ? AND deleted_at IS NULL{}",
        run.dialect.for_update()
    );
    let Some(row) = run.query_one(&sql, vec![signed(room.0).into()]).await? else { return Ok(0) };
    let (done, head) = (unsigned(&row, 0)?, unsigned(&row, 1)?);
    if done >= head {
        return Ok(0);
    }
    let (changes, end) = changes(run, room, Seq(done), Seq(head), true).await?;
    blocks::write(run, changes).await?;
    let sql = "UPDATE chat_rooms SET indexed_seq = ? WHERE id = ?";
    run.execute(sql, vec![signed(end.0).into(), signed(room.0).into()]).await?;
    Ok(head - end.0)
}

/// Changes the index as these new events ask for: what was edited is found by its new text, what was deleted is not found.
/// Has to run before they are stored.
pub(in crate::store::sea) async fn follow(run: &Transaction<'_>, new: &[StoredEvent]) -> Result<(), SqlError> {
    let mut after: BTreeMap<Place, &str> = BTreeMap::new();
    for stored in new {
        let room = stored.event.room;
        match &stored.event.kind {
            EventKind::MessageEdited(edit) => after.insert(Place { room, seq: edit.target }, &edit.body.content),
            EventKind::MessageDeleted { target, .. } => after.insert(Place { room, seq: *target }, ""),
            EventKind::Message(_)
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => None,
        };
    }
    let places: Vec<Place> = after.keys().copied().collect();
    let mut changes = Changes::default();
    for (place, text) in indexed_texts(run, &places).await? {
        let new = after.get(&place).copied().unwrap_or_default();
        let (old, mut new) = (run.sealing.terms(&text), run.sealing.terms(new));
        let gone = old.into_iter().filter(|term| {
            let stays = new.binary_search(term);
            stays.map(|at| new.remove(at)).is_err()
        });
        let gone: Vec<String> = gone.collect();
        changes.set(place, gone, false);
        changes.set(place, new, true);
    }
    blocks::write(run, changes).await
}

/// Takes the messages of a room out that are numbered from `first` on and below `end`, or the first of them; returns the number
/// below which none is left.
pub(in crate::store::sea) async fn forget(
    run: &Transaction<'_>,
    room: RoomId,
    first: Seq,
    end: Seq,
) -> Result<Seq, SqlError> {
    let (changes, last) =
        changes(run, room, Seq(first.0.saturating_sub(1)), Seq(end.0.saturating_sub(1)), false).await?;
    blocks::write(run, changes).await?;
    Ok(last.next())
}

/// What has to change so that a room's messages after `after` and up to `to` are in the index, or are not; and how far that
/// goes.
async fn changes(
    run: &Transaction<'_>,
    room: RoomId,
    after: Seq,
    to: Seq,
    is_in: bool,
) -> Result<(Changes, Seq), SqlError> {
    let to = to.0.min(after.0.saturating_add(MOST_EVENTS as u64));
    // What is not in the index need not be taken out.
    let if_indexed = if is_in { "" } else { IS_INDEXED };
    let mut changes = Changes::default();
    let mut from = after.0;
    while from < to {
        // Few at a time: each may be long.
        let sql = format!(
            "SELECT e.room_id, e.seq, {TEXT} FROM chat_events e WHERE e.room_id = ? AND e.seq > ? AND e.seq <= ? \
             AND {IS_MESSAGE}{if_indexed} ORDER BY e.seq LIMIT ?"
        );
        let values = vec![signed(room.0).into(), signed(from).into(), signed(to).into(), count(AT_ONCE)];
        let found = run.query(&sql, values).await?;
        for row in &found {
            let (place, text) = text(run, row)?;
            changes.set(place, text.map(|text| run.sealing.terms(&text)).unwrap_or_default(), is_in);
            from = place.seq.0;
            if changes.len() >= MOST_TERMS {
                return Ok((changes, Seq(from)));
            }
        }
        if found.len() < AT_ONCE {
            break;
        }
    }
    Ok((changes, Seq(to)))
}

/// The texts of those of these messages that are in the index.
async fn indexed_texts(run: &Transaction<'_>, places: &[Place]) -> Result<Vec<(Place, String)>, SqlError> {
    let found = texts(run, places, IS_INDEXED).await?;
    Ok(found.into_iter().filter_map(|(place, text)| Some((place, text?))).collect())
}

/// The texts that the messages at these places have now, as far as a further condition holds, which begins with AND.
pub(super) async fn texts(
    run: &Transaction<'_>,
    places: &[Place],
    condition: &str,
) -> Result<BTreeMap<Place, Option<String>>, SqlError> {
    let found = at(run, places, &format!("e.room_id, e.seq, {TEXT}"), condition).await?;
    found.iter().map(|row| text(run, row)).collect()
}

/// These columns of the messages `e` at these places, as far as a further condition holds, which begins with AND.
pub(super) async fn at(
    run: &Transaction<'_>,
    places: &[Place],
    columns: &str,
    condition: &str,
) -> Result<Vec<QueryResult>, SqlError> {
    let on = format!("e.room_id = k.room AND e.seq = k.seq AND {IS_MESSAGE}{condition}");
    let what = About::Select { columns, tables: "chat_events e", on: &on, with_constants: false };
    let keys = places.iter().map(|place| [number(place.room.0), number(place.seq.0)]);
    Rows::new(&["room", "seq"], keys).query(run, what).await
}

/// The message of a row, and its text.
fn text<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<(Place, Option<String>), SqlError> {
    let place = Place { room: RoomId(unsigned(row, 0)?), seq: Seq(unsigned(row, 1)?) };
    let stands_at = (place.room, Seq(unsigned(row, 2)?));
    Ok((place, run.sealing.open(stands_at, TextPart::Body, row.try_get_by_index(3)?)?))
}

/// How many texts are read at once.
const AT_ONCE: usize = 64;
