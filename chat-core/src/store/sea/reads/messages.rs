//! Single messages: as they are, what they said, and who reacted to them.

use sea_orm::ConnectionTrait;

use super::super::{
    error::SqlError,
    history,
    rooms::count,
    rows::{self, optional_seq, signed, unsigned},
    run::Run,
    states,
};
use crate::{
    MessageState, MessageVersion, PinnedMessages, Reaction, Reactor, ReactorPage, RoomId, Seq, Timestamp, UserId,
    store::Found,
};

/// A message as it is, and the room's head.
pub(super) async fn one(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    seq: Seq,
    viewer: Option<&UserId>,
) -> Result<Found<(MessageState, Seq)>, SqlError> {
    let head = match find(run, room, seq).await?.or_missing() {
        Ok(head) => head,
        Err(missing) => return Ok(missing),
    };
    let state = states::at(run, &[(room, seq)], viewer).await?.pop();
    Ok(state.map_or(Found::NoMessage, |state| Found::Here((state, head))))
}

/// What a message has said.
pub(super) async fn versions(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    seq: Seq,
) -> Result<Found<Vec<MessageVersion>>, SqlError> {
    if let Err(missing) = find(run, room, seq).await?.or_missing() {
        return Ok(missing);
    }
    let place = || vec![signed(room.0).into(), signed(seq.0).into()];
    let edits = run.dialect.by_index("chat_events_edits");
    let mut events = history::events(run, "WHERE room_id = ? AND seq = ?", place()).await?;
    events.extend(history::events(run, &format!("{edits} {EDITS}"), place()).await?);
    Ok(Found::Here(events.iter().filter_map(|stored| MessageVersion::of(&stored.event)).collect()))
}

/// Who reacted to a message.
pub(super) async fn reactors(
    run: &Run<'_, impl ConnectionTrait>,
    (room, seq): (RoomId, Seq),
    after: Option<Seq>,
    limit: usize,
) -> Result<Found<ReactorPage>, SqlError> {
    if let Err(missing) = find(run, room, seq).await?.or_missing() {
        return Ok(missing);
    }
    let mut values =
        [room, RoomId(seq.0), RoomId(after.unwrap_or_default().0)].map(|number| signed(number.0).into()).to_vec();
    values.push(count(limit.saturating_add(1)));
    let mut found = Vec::new();
    for row in run.query(REACTORS, values).await? {
        let reaction = run.dialect.opaque_from(&row, 2)?.unwrap_or_default();
        let Some(user) = rows::actor(run.dialect, &row, 3)? else { continue };
        let at = Timestamp(row.try_get_by_index(1)?);
        found.push((Seq(unsigned(&row, 0)?), Reactor { reaction: Reaction::from_stored(&reaction), user, at }));
    }
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|(seq, _)| *seq);
    Ok(Found::Here(ReactorPage { reactors: found.into_iter().map(|(_, reactor)| reactor).collect(), next }))
}

/// The pinned messages of a room, newest pin first.
pub(super) async fn pins(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    viewer: Option<&UserId>,
) -> Result<Option<PinnedMessages>, SqlError> {
    // One row at least, if the room is there.
    let sql = format!(
        "SELECT r.head, p.target_seq FROM chat_rooms r \
         LEFT JOIN chat_pins p{} ON p.room_id = r.id AND p.target_seq >= r.first_seq \
         WHERE r.id = ? AND r.deleted_at IS NULL ORDER BY p.seq DESC",
        run.dialect.by_index("chat_pins_order")
    );
    let rows = run.query(&sql, vec![signed(room.0).into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let head = Seq(unsigned(row, 0)?);
    let mut places = Vec::new();
    for row in &rows {
        places.extend(optional_seq(row, 1)?.map(|seq| (room, seq)));
    }
    Ok(Some(PinnedMessages { messages: states::at(run, &places, viewer).await?, head }))
}

/// Whether a message is there; the room's head.
async fn find(run: &Run<'_, impl ConnectionTrait>, room: RoomId, seq: Seq) -> Result<Found<Seq>, SqlError> {
    let values = vec![signed(seq.0).into(), signed(room.0).into()];
    let Some(row) = run.query_one(FIND, values).await? else { return Ok(Found::NoRoom) };
    let head = Seq(unsigned(&row, 0)?);
    Ok(optional_seq(&row, 1)?.map_or(Found::NoMessage, |_| Found::Here(head)))
}

const FIND: &str = "SELECT r.head, (SELECT e.seq FROM chat_events e \
     WHERE e.room_id = r.id AND e.seq = ? AND e.seq >= r.first_seq AND e.kind IN (1, 4)) \
     FROM chat_rooms r WHERE r.id = ? AND r.deleted_at IS NULL";
const EDITS: &str = "WHERE room_id = ? AND target_seq = ? AND kind = 5 ORDER BY seq";
const REACTORS: &str = "SELECT seq, at_us, reaction, user_id, user_name FROM chat_reactions \
     WHERE room_id = ? AND target_seq = ? AND seq > ? ORDER BY seq LIMIT ?";
