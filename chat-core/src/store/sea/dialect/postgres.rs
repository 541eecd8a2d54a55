//! PostgreSQL: whole batches as arrays, so that a statement has one form whatever its size.

use std::{borrow::Cow, fmt::Write as _};

use sea_orm::Value;

use super::{
    super::{error::SqlError, rows},
    Counts, Heads, Key, Transaction, heads_from,
};
use crate::append::StoredEvent;

/// `$1`, `$2` … for each `?`.
pub(super) fn numbered(sql: &str) -> Cow<'_, str> {
    if !sql.contains('?') {
        return Cow::Borrowed(sql);
    }
    let mut numbered = String::with_capacity(sql.len() + 16);
    for (number, part) in sql.split('?').enumerate() {
        if number > 0 {
            // Writing to a string cannot fail.
            let _ = write!(numbered, "${number}");
        }
        numbered.push_str(part);
    }
    Cow::Owned(numbered)
}

/// Locks the rooms' rows in id order and raises their heads; returns what they were before.
pub(super) async fn lock_and_raise(run: &Transaction<'_>, counts: &Counts) -> Result<Heads, SqlError> {
    const SQL: &str = "WITH l AS (SELECT r.id, r.head, r.ordinal, i.n \
         FROM unnest($1::bigint[], $2::bigint[]) i(id, n) JOIN chat_rooms r ON r.id = i.id \
         WHERE r.deleted_at IS NULL ORDER BY r.id FOR UPDATE OF r) \
         UPDATE chat_rooms t SET head = l.head + l.n, ordinal = l.ordinal + l.n FROM l WHERE t.id = l.id \
         RETURNING t.id, l.head, l.ordinal";
    let ids: Vec<i64> = counts.keys().map(|room| rows::signed(room.0)).collect();
    let raises: Vec<i64> = counts.values().map(|count| rows::signed(*count)).collect();
    heads_from(&run.query(SQL, vec![ids.into(), raises.into()]).await?)
}

/// Sets the heads right where they were raised by too much.
pub(super) async fn correct_heads(
    run: &Transaction<'_>,
    before: &Heads,
    raised: &Counts,
    exact: &Counts,
) -> Result<(), SqlError> {
    const SQL: &str = "UPDATE chat_rooms t SET head = i.head, ordinal = i.ordinal \
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) i(id, head, ordinal) WHERE t.id = i.id";
    let (mut ids, mut heads, mut ordinals) = (Vec::new(), Vec::new(), Vec::new());
    for (room, head) in before {
        let count = exact.get(room).copied().unwrap_or_default();
        if raised.get(room) != Some(&count) {
            ids.push(rows::signed(room.0));
            heads.push(rows::signed(head.seq + count));
            ordinals.push(rows::signed(head.messages + count));
        }
    }
    if !ids.is_empty() {
        run.execute(SQL, vec![ids.into(), heads.into(), ordinals.into()]).await?;
    }
    Ok(())
}

/// The events that hold one of these keys. One look-up a key: without statistics, a list makes the planner scan.
pub(super) async fn find_keys(run: &Transaction<'_>, keys: &[Key<'_>]) -> Result<Vec<StoredEvent>, SqlError> {
    let sql = format!(
        "SELECT e.* FROM unnest($1::bigint[], $2::text[], $3::text[]) k(r, u, i) CROSS JOIN LATERAL \
         (SELECT {} FROM chat_events WHERE room_id = k.r AND user_id = k.u AND idem_key = k.i LIMIT 1) e",
        rows::EVENT_COLUMNS
    );
    let rooms: Vec<i64> = keys.iter().map(|key| rows::signed(key.room.0)).collect();
    let users: Vec<String> = keys.iter().map(|key| key.user.to_owned()).collect();
    let words: Vec<String> = keys.iter().map(|key| key.key.to_owned()).collect();
    let found = run.query(&sql, vec![rooms.into(), users.into(), words.into()]).await?;
    found.iter().map(|row| rows::event(run.dialect, row)).collect()
}

/// Stores messages.
pub(super) async fn insert_messages(run: &Transaction<'_>, stored: &[StoredEvent]) -> Result<(), SqlError> {
    const SQL: &str = "INSERT INTO chat_events \
         (room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body) \
         SELECT r, s, 1, t, u, n, o, k, f, b FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], \
         $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::text[]) i(r, s, t, u, n, o, k, f, b)";
    if stored.is_empty() {
        return Ok(());
    }
    let (mut rooms, mut seqs, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut users, mut names, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ordinals, mut keys, mut fingerprints) = (Vec::new(), Vec::new(), Vec::new());
    for stored in stored {
        let event = &*stored.event;
        let (Some(author), Some(message)) = (&event.actor, event.message()) else {
            return Err(SqlError::corrupt("a message without an author or a text"));
        };
        rooms.push(rows::signed(event.room.0));
        seqs.push(rows::signed(event.seq.0));
        times.push(event.at.0);
        users.push(author.id.as_str().to_owned());
        names.push(author.name.as_str().to_owned());
        ordinals.push(rows::signed(message.ordinal));
        keys.push(stored.key.as_str().to_owned());
        fingerprints.push(stored.fingerprint.0.cast_signed());
        bodies.push(message.content.clone());
    }
    let values: Vec<Value> = vec![
        rooms.into(),
        seqs.into(),
        times.into(),
        users.into(),
        names.into(),
        ordinals.into(),
        keys.into(),
        fingerprints.into(),
        bodies.into(),
    ];
    run.execute(SQL, values).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered() {
        assert_eq!(numbered("a = ? AND b = ? OR c"), "a = $1 AND b = $2 OR c");
        assert_eq!(numbered("a = $1"), "a = $1");
    }
}
