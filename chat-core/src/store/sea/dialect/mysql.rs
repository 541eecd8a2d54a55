//! MySQL and MariaDB.

use sea_orm::{QueryResult, Value};

use super::{
    super::{error::SqlError, rows},
    Counts, Heads, Transaction, heads_from, id_value,
    lists::{MOST_ROWS, padded, repeated},
};
use crate::RoomId;

/// What stands around a list of keys that are looked for.
pub(super) const AROUND_KEYS: (&str, &str) = ("chat_events WHERE (idem_key, room_id, user_id) IN (", ")");

/// The string in a binary column.
pub(super) fn opaque_from(row: &QueryResult, index: usize) -> Result<Option<String>, SqlError> {
    let bytes: Option<Vec<u8>> = row.try_get_by_index(index)?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|_| SqlError::corrupt(format!("column {index} is not UTF-8")))
}

/// Locks the rooms' rows in id order.
pub(super) async fn lock_rooms(run: &Transaction<'_>, counts: &Counts) -> Result<Heads, SqlError> {
    let mut heads = Heads::new();
    let ids: Vec<RoomId> = counts.keys().copied().collect();
    for chunk in ids.chunks(MOST_ROWS) {
        let padded = padded(chunk);
        let sql = format!(
            "SELECT id, head, ordinal FROM chat_rooms WHERE id IN ({}) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
            repeated("?", padded.len())
        );
        let values = padded.into_iter().map(id_value).collect();
        heads.append(&mut heads_from(&run.query(&sql, values).await?)?);
    }
    Ok(heads)
}

/// Raises the heads of the locked rooms.
pub(super) async fn raise_heads(run: &Transaction<'_>, locked: &Heads, counts: &Counts) -> Result<(), SqlError> {
    let raised = counts.iter().filter(|(room, count)| **count > 0 && locked.contains_key(room));
    let raised: Vec<(RoomId, u64)> = raised.map(|(room, count)| (*room, *count)).collect();
    for chunk in raised.chunks(MOST_ROWS) {
        let padded = padded(chunk);
        let cases = "WHEN ? THEN ? ".repeat(padded.len());
        let sql = format!(
            "UPDATE chat_rooms SET head = head + CASE id {cases}ELSE 0 END, ordinal = ordinal + CASE id {cases}ELSE 0 END \
             WHERE id IN ({})",
            repeated("?", padded.len())
        );
        let pairs = || padded.iter().flat_map(|(room, count)| [id_value(*room), rows::signed(*count).into()]);
        let ids = padded.iter().map(|(room, _)| id_value(*room));
        let values: Vec<Value> = pairs().chain(pairs()).chain(ids).collect();
        run.execute(&sql, values).await?;
    }
    Ok(())
}
