//! SQLite: one writer at a time, so the transaction itself is the lock.

use std::iter;

use sea_orm::Value;

use super::{
    super::{error::SqlError, rows},
    Counts, Heads, Transaction, heads_from, id_value,
    lists::{MOST_ROWS, repeated},
};

/// What stands around a list of keys that are looked for. A row-value IN does not use the index, whatever its columns.
pub(super) const AROUND_KEYS: (&str, &str) =
    ("(VALUES ", ") k CROSS JOIN chat_events ON idem_key = k.column1 AND room_id = k.column2 AND user_id = k.column3");

/// Raises the heads; returns what they were before.
pub(super) async fn raise_heads(run: &Transaction<'_>, counts: &Counts) -> Result<Heads, SqlError> {
    let mut heads = Heads::new();
    let counts: Vec<_> = counts.iter().map(|(room, count)| (*room, *count)).collect();
    for chunk in counts.chunks(MOST_ROWS) {
        let size = chunk.len().next_power_of_two();
        let sql = raise_sql(size);
        // No room has the id 0.
        let padding = iter::repeat_n([Value::from(0_i64), Value::from(0_i64)], size - chunk.len());
        let pairs = chunk.iter().map(|(room, count)| [id_value(*room), rows::signed(*count).into()]);
        let values = pairs.chain(padding).flatten().collect();
        let mut raised = heads_from(&run.query(&sql, values).await?)?;
        for (room, count) in chunk {
            if let Some(head) = raised.get_mut(room) {
                head.seq -= count;
                head.messages -= count;
            }
        }
        heads.append(&mut raised);
    }
    Ok(heads)
}

fn raise_sql(rooms: usize) -> String {
    format!(
        "WITH i(id, n) AS (VALUES {}) UPDATE chat_rooms SET head = head + i.n, ordinal = ordinal + i.n FROM i \
         WHERE chat_rooms.id = i.id AND deleted_at IS NULL RETURNING id, head, ordinal",
        repeated("(?,?)", rooms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sea::SeaStore;

    /// How SQLite would run this.
    async fn plan(store: &SeaStore, sql: &str) -> String {
        let checkout = store.writers.checkout().await.unwrap();
        let values = vec![Value::from(1_i64); sql.matches('?').count()];
        let rows = checkout.run().query(&format!("EXPLAIN QUERY PLAN {sql}"), values).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(3).unwrap()).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn keys_and_rooms_are_found_by_index() {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let list = repeated("(?,?,?)", 4);
        let keys = plan(&store, &format!("SELECT * FROM {}{list}{}", AROUND_KEYS.0, AROUND_KEYS.1)).await;
        assert!(keys.contains("SEARCH chat_events USING INDEX"), "{keys}");
        let heads = plan(&store, &raise_sql(4)).await;
        assert!(heads.contains("SEARCH chat_rooms USING INTEGER PRIMARY KEY"), "{heads}");
        let room = format!("SELECT {} FROM chat_rooms r WHERE r.id = ?", rows::ROOM_COLUMNS);
        let room = plan(&store, &room).await;
        assert!(room.contains("SEARCH e USING PRIMARY KEY") && !room.contains("SCAN"), "{room}");
    }
}
