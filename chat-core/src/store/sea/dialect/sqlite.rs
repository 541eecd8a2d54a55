//! SQLite: one writer at a time, so the transaction itself is the lock.

use std::iter;

use sea_orm::Value;

use super::{
    super::{error::Fault, rows},
    Counts, Heads, Transaction, heads_from, id_value,
    padded::{MOST_ROWS, repeated},
};

/// Raises the heads; returns what they were before.
pub(super) async fn raise_heads(run: &Transaction<'_>, counts: &Counts) -> Result<Heads, Fault> {
    let mut heads = Heads::new();
    let counts: Vec<_> = counts.iter().map(|(room, count)| (*room, *count)).collect();
    for chunk in counts.chunks(MOST_ROWS) {
        let size = chunk.len().next_power_of_two();
        let sql = format!(
            "WITH i(id, n) AS (VALUES {}) UPDATE chat_rooms SET head = head + i.n, ordinal = ordinal + i.n FROM i \
             WHERE chat_rooms.id = i.id AND deleted_at IS NULL RETURNING id, head, ordinal",
            repeated("(?,?)", size)
        );
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
