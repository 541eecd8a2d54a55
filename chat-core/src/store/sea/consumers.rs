//! How far the consumers of what happens in all rooms are, in SQL.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    SeaStore,
    dialect::about::{About, Rows},
    error::SqlError,
    pool::Checkout,
    purge::rows_removed,
    rooms::count,
    rows::{number, unsigned},
    run::{Run, Transaction, Write},
};
use crate::{
    Epoch, LogCursor, RoomId, Seq, Timestamp,
    consumer::{ConsumerState, DeadLetter, HeldRoom, MOST_DEAD_LETTERS},
    store::{Consumers, StoreError},
};

#[async_trait]
impl Consumers for SeaStore {
    async fn consumer(&self, name: &str) -> Result<Option<ConsumerState>, StoreError> {
        Ok(self.consumer_states(Some(name)).await?.remove(name))
    }

    async fn consumers(&self) -> Result<Vec<(String, ConsumerState)>, StoreError> {
        Ok(self.consumer_states(None).await?.into_iter().collect())
    }

    async fn save(&self, name: &str, state: &ConsumerState, dead: &[DeadLetter]) -> Result<bool, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let saved = save(&write.run(), name, state, dead).await;
        Ok(write.end(saved).await?)
    }

    async fn dead_letters(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        const LETTERS: &str = "SELECT number, pos, seq, room_id, at_us, tries, reason FROM chat_dead_letters \
             WHERE consumer = ? AND number < ? ORDER BY number DESC LIMIT ?";
        let (epoch, name) = (self.known_epoch().clone(), name.to_owned());
        let before = before.unwrap_or(i64::MAX.unsigned_abs());
        let reading = |checkout: Arc<Checkout>| async move {
            let run = checkout.run();
            let values = vec![run.dialect.opaque(Some(&name)), number(before), count(limit)];
            let letter = |row: &QueryResult| {
                Ok(DeadLetter {
                    number: unsigned(row, 0)?,
                    cursor: cursor(&epoch, row, 1)?,
                    room: RoomId(unsigned(row, 3)?),
                    at: Timestamp(row.try_get_by_index(4)?),
                    tries: tries(row, 5)?,
                    reason: row.try_get_by_index(6)?,
                })
            };
            run.query(LETTERS, values).await?.iter().map(letter).collect()
        };
        Ok(self.readers.read(reading).await?)
    }
}

impl SeaStore {
    /// How far the consumer with this name is, or each of all.
    async fn consumer_states(&self, name: Option<&str>) -> Result<BTreeMap<String, ConsumerState>, SqlError> {
        let (epoch, name) = (self.known_epoch().clone(), name.map(str::to_owned));
        let reading = |checkout: Arc<Checkout>| async move {
            let run = checkout.run();
            let with_name = |sql: &str, column: &str| match &name {
                Some(name) => (format!("{sql} WHERE {column} = ?"), vec![run.dialect.opaque(Some(name))]),
                None => (sql.to_owned(), Vec::new()),
            };
            let (sql, values) = with_name("SELECT name, pos, seq, dead_letters, saves FROM chat_consumers", "name");
            let rows = run.query(&sql, values).await?;
            let states: Result<BTreeMap<_, _>, SqlError> = rows.iter().map(|row| consumer(&run, &epoch, row)).collect();
            let mut states = states?;
            let held = "SELECT consumer, room_id, pos, seq, tries, since, next_try, reason FROM chat_held_rooms";
            let (sql, values) = with_name(held, "consumer");
            for row in run.query(&sql, values).await? {
                let (name, room, held) = held_room(&run, &epoch, &row)?;
                if let Some(state) = states.get_mut(&name) {
                    state.held.insert(room, held);
                }
            }
            Ok(states)
        };
        self.readers.read(reading).await
    }
}

fn consumer(
    run: &Run<'_, impl ConnectionTrait>,
    epoch: &Epoch,
    row: &QueryResult,
) -> Result<(String, ConsumerState), SqlError> {
    let state = ConsumerState {
        cursor: Some(cursor(epoch, row, 1)?).filter(|cursor| cursor.pos > 0),
        held: BTreeMap::new(),
        dead_letters: unsigned(row, 3)?,
        saves: unsigned(row, 4)?,
    };
    Ok((run.dialect.opaque_from(row, 0)?.unwrap_or_default(), state))
}

fn held_room(
    run: &Run<'_, impl ConnectionTrait>,
    epoch: &Epoch,
    row: &QueryResult,
) -> Result<(String, RoomId, HeldRoom), SqlError> {
    let held = HeldRoom {
        next: cursor(epoch, row, 2)?,
        tries: tries(row, 4)?,
        since: Timestamp(row.try_get_by_index(5)?),
        next_try: Timestamp(row.try_get_by_index(6)?),
        reason: row.try_get_by_index(7)?,
    };
    Ok((run.dialect.opaque_from(row, 0)?.unwrap_or_default(), RoomId(unsigned(row, 1)?), held))
}

fn cursor(epoch: &Epoch, row: &QueryResult, first: usize) -> Result<LogCursor, SqlError> {
    Ok(LogCursor { epoch: epoch.clone(), pos: unsigned(row, first)?, seq: Seq(unsigned(row, first + 1)?) })
}

fn tries(row: &QueryResult, index: usize) -> Result<u32, SqlError> {
    Ok(u32::try_from(unsigned(row, index)?).unwrap_or(u32::MAX))
}

async fn save(run: &Transaction<'_>, name: &str, state: &ConsumerState, dead: &[DeadLetter]) -> Result<bool, SqlError> {
    let name = || run.dialect.opaque(Some(name));
    if !save_cursor(run, name(), state).await? {
        return Ok(false);
    }
    run.execute("DELETE FROM chat_held_rooms WHERE consumer = ?", vec![name()]).await?;
    let held = state.held.iter().map(|(room, held)| {
        let [since, next_try] = [held.since, held.next_try].map(|at| at.0.into());
        let next = &held.next;
        let (pos, seq, tries) = (number(next.pos), number(next.seq.0), number(held.tries.into()));
        [name(), number(room.0), pos, seq, tries, since, next_try, held.reason.clone().into()]
    });
    let columns = &["consumer", "room_id", "pos", "seq", "tries", "since", "next_try", "reason"];
    Rows::new(columns, held).execute(run, About::Put { table: "chat_held_rooms", key: 2, optional: "" }).await?;
    if dead.is_empty() {
        return Ok(true);
    }
    let letters = dead.iter().map(|letter| {
        let DeadLetter { cursor, room, at, tries, reason, .. } = letter;
        let (pos, seq, tries) = (number(cursor.pos), number(cursor.seq.0), number((*tries).into()));
        [name(), number(letter.number), pos, seq, number(room.0), at.0.into(), tries, reason.clone().into()]
    });
    let columns = &["consumer", "number", "pos", "seq", "room_id", "at_us", "tries", "reason"];
    Rows::new(columns, letters).execute(run, About::Put { table: "chat_dead_letters", key: 2, optional: "" }).await?;
    let oldest = state.dead_letters.saturating_sub(MOST_DEAD_LETTERS);
    let sql = "DELETE FROM chat_dead_letters WHERE consumer = ? AND number <= ?";
    run.execute(sql, vec![name(), number(oldest)]).await?;
    Ok(true)
}

/// Stores how far it is, in place of what was stored with one save less.
async fn save_cursor(run: &Transaction<'_>, name: Value, state: &ConsumerState) -> Result<bool, SqlError> {
    let (pos, seq) = state.cursor.as_ref().map_or((0, Seq(0)), |cursor| (cursor.pos, cursor.seq));
    let mut values = [pos, seq.0, state.dead_letters, state.saves].map(number).to_vec();
    let saved = if state.saves == 1 {
        values.push(name);
        let row = "chat_consumers (pos, seq, dead_letters, saves, name) VALUES (?, ?, ?, ?, ?)";
        run.execute(&run.dialect.insert_unless_there(row), values).await?
    } else {
        let sql =
            "UPDATE chat_consumers SET pos = ?, seq = ?, dead_letters = ?, saves = ? WHERE name = ? AND saves = ?";
        values.extend([name, number(state.saves.saturating_sub(1))]);
        run.execute(sql, values).await?
    };
    Ok(rows_removed(&saved) > 0)
}
