//! Statements of an append for many rows with a placeholder each.

use sea_orm::QueryResult;

use super::{
    super::{
        error::SqlError,
        rows::{self, EVENT_COLUMNS, EVENT_WIDTH, signed},
    },
    Key, Transaction,
    about::Statement,
    lists::{MOST_ROWS, padded, repeated},
};
use crate::append::StoredEvent;

/// The events that hold one of these keys: `from` stands around the list of keys.
pub(super) async fn find_keys(
    run: &Transaction<'_>,
    from: (&str, &str),
    keys: &[Key<'_>],
) -> Result<Vec<StoredEvent>, SqlError> {
    let mut found = Vec::new();
    for chunk in keys.chunks(MOST_ROWS) {
        let (sql, values) = key_query(run, from, chunk);
        found.append(&mut run.query(&sql, values).await?);
    }
    events_of(run, &found)
}

/// What finds the events that hold one of these keys.
pub(super) fn key_query(run: &Transaction<'_>, from: (&str, &str), keys: &[Key<'_>]) -> Statement {
    let padded = padded(keys);
    let list = repeated("(?,?,?)", padded.len());
    let opaque = |text| run.dialect.opaque(Some(text));
    let values = padded.into_iter().flat_map(|key| [opaque(key.key), signed(key.room.0).into(), opaque(key.user)]);
    (format!("SELECT {EVENT_COLUMNS} FROM {}{list}{}", from.0, from.1), values.collect())
}

/// The events in these rows.
pub(super) fn events_of(run: &Transaction<'_>, rows: &[QueryResult]) -> Result<Vec<StoredEvent>, SqlError> {
    let mut found = rows.iter().map(|row| rows::event(run, row)).collect::<Result<Vec<_>, _>>()?;
    // The last key stands several times.
    found.dedup_by_key(|stored: &mut StoredEvent| (stored.event.room, stored.event.seq));
    Ok(found)
}

/// Stores events, in statements of 2^n rows: an insert cannot be padded.
pub(super) async fn insert_events(run: &Transaction<'_>, mut events: &[StoredEvent]) -> Result<(), SqlError> {
    let row = format!("({})", repeated("?", EVENT_WIDTH));
    while !events.is_empty() {
        let size = largest_power_of_two(events.len()).min(MOST_ROWS);
        let (chunk, rest) = events.split_at(size);
        let sql = format!("INSERT INTO chat_events ({EVENT_COLUMNS}) VALUES {}", repeated(&row, size));
        let mut values = Vec::with_capacity(size * EVENT_WIDTH);
        for stored in chunk {
            values.extend(rows::event_values(run, stored)?);
        }
        run.execute_later(&sql, values).await?;
        events = rest;
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
        assert_eq!([1, 2, 3, 5, 64, 127].map(largest_power_of_two), [1, 2, 2, 4, 64, 64]);
    }
}
