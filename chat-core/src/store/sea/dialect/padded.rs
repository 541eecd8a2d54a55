//! Statements for many rows with a placeholder each, in a few sizes only: every other size would be another prepared
//! statement, and push one out of the driver's cache.

use sea_orm::Value;

use super::{
    super::{error::Fault, rows},
    Key, Transaction, id_value,
};
use crate::append::StoredEvent;

/// The most rows a statement has: SQLite takes 32,766 values at most, and MariaDB makes a table of a list of 1,000.
pub(super) const MOST_ROWS: usize = 512;

/// `group` as often as there are rows, separated by commas.
pub(super) fn repeated(group: &str, rows: usize) -> String {
    let mut sql = String::with_capacity((group.len() + 1) * rows);
    for row in 0..rows {
        if row > 0 {
            sql.push(',');
        }
        sql.push_str(group);
    }
    sql
}

/// The rows and, up to the next power of two, the last of them again.
pub(super) fn padded<T: Copy>(rows: &[T]) -> Vec<T> {
    let last = rows.last().copied();
    rows.iter().copied().chain(last.into_iter().cycle()).take(rows.len().next_power_of_two()).collect()
}

/// The events that hold one of these keys: `from` stands around the list of keys.
pub(super) async fn find_keys(
    run: &Transaction<'_>,
    from: (&str, &str),
    keys: &[Key<'_>],
) -> Result<Vec<StoredEvent>, Fault> {
    let mut found = Vec::new();
    for chunk in keys.chunks(MOST_ROWS) {
        let padded = padded(chunk);
        let list = repeated("(?,?,?)", padded.len());
        let sql = format!("SELECT {} FROM {}{list}{}", rows::EVENT_COLUMNS, from.0, from.1);
        let opaque = |text| run.dialect.opaque(Some(text));
        let values = padded.into_iter().flat_map(|key| [opaque(key.key), id_value(key.room), opaque(key.user)]);
        for row in run.query(&sql, values.collect()).await? {
            found.push(rows::event(run.dialect, &row)?);
        }
    }
    // The last key stands several times.
    found.dedup_by_key(|stored: &mut StoredEvent| (stored.event.room, stored.event.seq));
    Ok(found)
}

/// Stores messages, in statements of 2^n rows: an insert cannot be padded.
pub(super) async fn insert_messages(run: &Transaction<'_>, mut stored: &[StoredEvent]) -> Result<(), Fault> {
    while !stored.is_empty() {
        let size = largest_power_of_two(stored.len()).min(MOST_ROWS);
        let (chunk, rest) = stored.split_at(size);
        let row = format!("({})", repeated("?", rows::EVENT_WIDTH));
        let sql = format!("INSERT INTO chat_events ({}) VALUES {}", rows::EVENT_COLUMNS, repeated(&row, size));
        let values = chunk.iter().flat_map(|stored| {
            let ordinal = stored.event.message().map_or(0, |message| message.ordinal);
            rows::event_values(run.dialect, stored, ordinal)
        });
        run.execute(&sql, values.collect::<Vec<Value>>()).await?;
        stored = rest;
    }
    Ok(())
}

/// The largest power of two that is not above `n`, which is at least 1.
const fn largest_power_of_two(n: usize) -> usize {
    1 << n.ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two() {
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!([1, 2, 3, 5, 64, 127].map(largest_power_of_two), [1, 2, 2, 4, 64, 64]);
        assert_eq!(repeated("(?)", 3), "(?),(?),(?)");
    }
}
