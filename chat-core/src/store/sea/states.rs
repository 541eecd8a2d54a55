//! Messages as they are now: from the rows of the log and of the tables beside it, for whoever reads them.

use std::{
    collections::BTreeMap,
    iter,
    sync::{Arc, LazyLock},
};

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    dialect::{
        Dialect,
        about::{About, Rows},
    },
    error::SqlError,
    rows::{self, EVENT_COLUMNS, EVENT_WIDTH, number, optional_seq, unsigned},
    run::Run,
};
use crate::{
    Body, Deleted, Edited, MessageState, Reaction, ReactionCount, RoomId, Seq, Timestamp, UserId, append::StoredEvent,
};

/// The columns of a message as it is now: those of its event `e`, of its newest edit `x`, of its deletion `d`, of its pin `p` and
/// of its thread `t`, and whether it has reactions.
pub(super) static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let message = EVENT_COLUMNS.split(", ").map(|column| format!("e.{column}"));
    let said = EVENT_COLUMNS.split(", ").skip_while(|column| *column != "body").map(|column| format!("x.{column}"));
    let columns =
        message.chain(["x.seq", "x.at_us"].map(str::to_owned)).chain(said).chain(iter::once(BESIDE.to_owned()));
    columns.collect::<Vec<_>>().join(", ")
});
const BESIDE: &str = "d.seq, d.at_us, d.user_id, d.user_name, p.seq, t.amount, t.last_seq, \
     (SELECT c.target_seq FROM chat_reaction_counts c WHERE c.room_id = e.room_id AND c.target_seq = e.seq LIMIT 1)";
/// Where columns stand in [`COLUMNS`].
const EDITED: usize = EVENT_WIDTH;
const SAID: usize = EDITED + 2;
const EDITS: usize = SAID + 4;
const DELETED: usize = EDITS + 1;
const PINNED: usize = DELETED + 4;
const THREAD: usize = PINNED + 1;
const HAS_REACTIONS: usize = THREAD + 2;
/// How many there are.
pub(super) const WIDTH: usize = HAS_REACTIONS + 1;

/// The messages `e` that a condition on the log finds, in its order.
pub(super) async fn of_log(
    run: &Run<'_, impl ConnectionTrait>,
    condition: &str,
    values: Vec<Value>,
    viewer: Option<&UserId>,
) -> Result<Vec<MessageState>, SqlError> {
    let (columns, joins) = (&*COLUMNS, joins(run.dialect));
    let sql = format!("SELECT {columns} FROM chat_events e{joins} WHERE {condition}");
    of_rows(run, &run.query(&sql, values).await?, viewer).await
}

/// The messages that stand at these places, in their order. What is no message is left out.
pub(super) async fn at(
    run: &Run<'_, impl ConnectionTrait>,
    places: &[(RoomId, Seq)],
    viewer: Option<&UserId>,
) -> Result<Vec<MessageState>, SqlError> {
    let tables = format!("chat_events e{}", joins(run.dialect));
    let on = "e.room_id = k.room AND e.seq = k.seq AND e.kind IN (1, 4)";
    let what = About::Select { columns: &COLUMNS, tables: &tables, on, with_constants: false };
    let keys = places.iter().map(|(room, seq)| [number(room.0), number(seq.0)]);
    let rows = Rows::new(&["room", "seq"], keys).query(run, what).await?;
    let found = of_rows(run, &rows, viewer).await?;
    let mut found: BTreeMap<_, _> = found.into_iter().map(|state| ((state.room, state.seq), state)).collect();
    Ok(places.iter().filter_map(|place| found.remove(place)).collect())
}

/// What joins to `e` what else there is of a message.
pub(super) fn joins(dialect: &dyn Dialect) -> String {
    [
        ("chat_events", "x", "x.room_id = e.room_id AND x.seq = e.edited_seq"),
        ("chat_events", "d", "d.room_id = e.room_id AND d.seq = e.deleted_seq"),
        ("chat_pins", "p", "p.room_id = e.room_id AND p.target_seq = e.seq"),
        ("chat_threads", "t", "t.room_id = e.room_id AND t.root_seq = e.seq"),
    ]
    .map(|(table, name, condition)| dialect.look_up(table, name, condition))
    .concat()
}

/// A message as it is now, but for its reactions, from a row of [`COLUMNS`]; `None` where there is none.
pub(super) fn state<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<Option<MessageState>, SqlError> {
    if optional_seq(row, 1)?.is_none() {
        return Ok(None);
    }
    let StoredEvent { event, .. } = rows::event(run, row)?;
    let Some(mut state) = MessageState::of(Arc::unwrap_or_clone(event)) else { return Ok(None) };
    if let Some(seq) = optional_seq(row, EDITED)? {
        let Body { reply_to, thread, .. } = state.message.body;
        let (said, _) = rows::said(run, (state.room, seq), row, SAID)?;
        state.message.body = Body { reply_to, thread, ..said };
        let at = Timestamp(row.try_get_by_index(EDITED + 1)?);
        state.edited = Some(Edited { seq, at, count: optional_seq(row, EDITS)?.unwrap_or_default().0 });
    }
    if let Some(seq) = optional_seq(row, DELETED)? {
        let at = Timestamp(row.try_get_by_index(DELETED + 1)?);
        state.deleted = Some(Deleted { seq, at, actor: rows::actor(run.dialect, row, DELETED + 2)? });
    }
    state.pinned = optional_seq(row, PINNED)?.is_some();
    state.thread_count = optional_seq(row, THREAD)?.unwrap_or_default().0;
    state.thread_last = optional_seq(row, THREAD + 1)?;
    Ok(Some(state))
}

/// Messages from rows of [`COLUMNS`], with their reactions. Rows without a message are left out.
pub(super) async fn of_rows(
    run: &Run<'_, impl ConnectionTrait>,
    rows: &[QueryResult],
    viewer: Option<&UserId>,
) -> Result<Vec<MessageState>, SqlError> {
    let mut states = Vec::with_capacity(rows.len());
    let mut reacted_to = Vec::new();
    for row in rows {
        let Some(state) = state(run, row)? else { continue };
        if optional_seq(row, HAS_REACTIONS)?.is_some() {
            reacted_to.push((state.room, state.seq));
        }
        states.push(state);
    }
    let mut reactions = reactions(run, &reacted_to, viewer).await?;
    for state in &mut states {
        state.reactions =
            reactions.remove(&(state.room, state.seq)).map_or_else(Vec::new, |of| of.into_values().collect());
    }
    Ok(states)
}

/// The reactions to a message, by the event that made each more than none.
type Reactions = BTreeMap<Seq, ReactionCount>;

/// The reactions to the messages at these places.
async fn reactions(
    run: &Run<'_, impl ConnectionTrait>,
    places: &[(RoomId, Seq)],
    viewer: Option<&UserId>,
) -> Result<BTreeMap<(RoomId, Seq), Reactions>, SqlError> {
    // No user has an empty id.
    let viewer = run.dialect.opaque(Some(viewer.map_or("", UserId::as_str)));
    let keys = places.iter().map(|(room, seq)| [number(room.0), number(seq.0), viewer.clone()]);
    let (tables, on) = ("chat_reaction_counts c", "c.room_id = k.room AND c.target_seq = k.seq");
    let what = About::Select { columns: REACTIONS, tables, on, with_constants: true };
    let mut reactions: BTreeMap<_, Reactions> = BTreeMap::new();
    for row in Rows::new(&["room", "seq", "viewer"], keys).query(run, what).await? {
        let reaction = Reaction::from_stored(&run.dialect.opaque_from(&row, 2)?.unwrap_or_default());
        let (count, mine) = (unsigned(&row, 3)?, unsigned(&row, 5)? > 0);
        let of_message = reactions.entry((RoomId(unsigned(&row, 0)?), Seq(unsigned(&row, 1)?))).or_default();
        of_message.insert(Seq(unsigned(&row, 4)?), ReactionCount { reaction, count, mine });
    }
    Ok(reactions)
}

const REACTIONS: &str = "c.room_id, c.target_seq, c.reaction, c.amount, c.since_seq, \
     (SELECT COUNT(*) FROM chat_reactions m WHERE m.room_id = c.room_id AND m.target_seq = c.target_seq \
     AND m.reaction = c.reaction AND m.user_id = k.viewer)";
