//! The order of what happens in all rooms, in SQL: pieces of their logs in `chat_tail`, and how far each room is in `tail_seq`.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    SeaStore,
    archive::IMPORTING,
    dialect::{
        about::{About, Rows},
        lists::{MOST_ROWS, padded, repeated},
    },
    error::SqlError,
    pool::Checkout,
    rooms::count,
    rows::{self, ROOM_COLUMNS, event_columns, number, optional_number, signed, unsigned},
    run::{Run, Transaction, Write},
};
use crate::{
    Room, RoomId, Seq, Timestamp,
    append::StoredEvent,
    store::{StoreError, Tail},
    tail::TailRange,
};

/// The row of `chat_jobs` that whoever puts pieces in holds, with the position of the last one.
const JOB: &str = "tail";
/// Which rooms are not in the order as far as their logs go. One that is being imported is nobody's business.
const IS_BEHIND: &str = "(tail_seq IS NULL OR tail_seq < head) AND (deleted_at IS NULL OR deleted_at < ?)";

#[async_trait]
impl Tail for SeaStore {
    async fn begin(&self) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let begun = begin(&write.run()).await;
        Ok(write.end(begun).await?)
    }

    async fn is_begun(&self) -> Result<bool, StoreError> {
        let reading = |checkout: Arc<Checkout>| async move { last_position(&checkout.run(), "").await };
        Ok(self.readers.read(reading).await?.is_some())
    }

    async fn behind(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        let sql = format!("SELECT id FROM chat_rooms WHERE id > ? AND {IS_BEHIND} ORDER BY id LIMIT ?");
        let values = vec![number(after.map_or(0, |room| room.0)), IMPORTING.into(), count(limit)];
        let reading = |checkout: Arc<Checkout>| async move {
            let rows = checkout.run().query(&sql, values).await?;
            rows.iter().map(|row| Ok(RoomId(unsigned(row, 0)?))).collect()
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn extend(&self, rooms: &[RoomId]) -> Result<(), StoreError> {
        for rooms in rooms.chunks(MOST_ROWS) {
            let write = Write::begin(&self.writers).await?;
            let extended = extend(&write.run(), rooms).await;
            write.end(extended).await?;
        }
        Ok(())
    }

    async fn ranges(&self, from: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        Ok(self.pieces("WHERE pos >= ? ORDER BY pos LIMIT ?", vec![number(from), count(limit)]).await?)
    }

    async fn last(&self) -> Result<Option<TailRange>, StoreError> {
        Ok(self.pieces("ORDER BY pos DESC LIMIT 1", Vec::new()).await?.pop())
    }

    async fn ranges_of(&self, room: RoomId, from: u64, to: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        let values = vec![number(room.0), number(from), number(to), count(limit)];
        Ok(self.pieces("WHERE room_id = ? AND pos >= ? AND pos <= ? ORDER BY pos LIMIT ?", values).await?)
    }

    async fn events(&self, parts: &[(RoomId, Seq, Seq)]) -> Result<Vec<StoredEvent>, StoreError> {
        let columns = event_columns("e");
        let parts = parts.to_vec();
        let reading = |checkout: Arc<Checkout>| async move {
            let what = About::Select {
                columns: &columns,
                tables: "chat_events e",
                on: "e.room_id = k.room AND e.seq >= k.first AND e.seq <= k.last AND e.seq >= \
                     (SELECT r.first_seq FROM chat_rooms r WHERE r.id = e.room_id)",
                with_constants: true,
            };
            let parts = parts.iter().map(|(room, from, to)| [number(room.0), number(from.0), number(to.0)]);
            let run = checkout.run();
            let found = Rows::new(&["room", "first", "last"], parts).query(&run, what).await?;
            found.iter().map(|row| rows::event(&run, row)).collect()
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn rooms(&self, ids: &[RoomId]) -> Result<Vec<Room>, StoreError> {
        let ids = ids.to_vec();
        let reading = |checkout: Arc<Checkout>| async move {
            let what = About::Select {
                columns: ROOM_COLUMNS,
                tables: "chat_rooms r",
                on: "r.id = k.room AND r.deleted_at IS NULL",
                with_constants: false,
            };
            let run = checkout.run();
            let found = Rows::new(&["room"], ids.iter().map(|room| [number(room.0)])).query(&run, what).await?;
            found.iter().map(|row| rows::room(run.dialect, row, 0)).collect()
        };
        Ok(self.readers.read(reading).await?)
    }
}

impl SeaStore {
    /// The pieces that a clause picks.
    async fn pieces(&self, clause: &'static str, values: Vec<Value>) -> Result<Vec<TailRange>, SqlError> {
        let reading = |checkout: Arc<Checkout>| async move {
            let sql = format!("SELECT pos, room_id, from_seq, to_seq, deleted_at FROM chat_tail {clause}");
            checkout.run().query(&sql, values).await?.iter().map(piece).collect()
        };
        self.readers.read(reading).await
    }
}

fn piece(row: &QueryResult) -> Result<TailRange, SqlError> {
    Ok(TailRange {
        pos: unsigned(row, 0)?,
        room: RoomId(unsigned(row, 1)?),
        from: Seq(unsigned(row, 2)?),
        to: Seq(unsigned(row, 3)?),
        deleted_at: Some(Timestamp(row.try_get_by_index(4)?)).filter(|at| at.0 > 0),
    })
}

async fn begin(run: &Transaction<'_>) -> Result<(), SqlError> {
    let sql = run.dialect.insert_unless_there("chat_jobs (name, position) VALUES (?, 0)");
    run.execute(&sql, vec![run.dialect.opaque(Some(JOB))]).await.map(drop)
}

/// The position of the last piece; `None` if the order is not begun.
async fn last_position(run: &Run<'_, impl ConnectionTrait>, lock: &str) -> Result<Option<u64>, SqlError> {
    let sql = format!("SELECT position FROM chat_jobs WHERE name = ?{lock}");
    let row = run.query_one(&sql, vec![run.dialect.opaque(Some(JOB))]).await?;
    row.map(|row| unsigned(&row, 0)).transpose()
}

/// Puts what these rooms have more than their pieces behind all pieces, if the order is begun. Their logs may grow meanwhile: that is in
/// the next piece.
pub(super) async fn extend(run: &Transaction<'_>, rooms: &[RoomId]) -> Result<(), SqlError> {
    // Whoever has this row puts pieces in; others wait, and find what is left.
    let Some(last) = last_position(run, run.dialect.for_update()).await? else { return Ok(()) };
    let mut pieces = pieces(run, rooms).await?;
    if pieces.is_empty() {
        return Ok(());
    }
    for (pos, piece) in (last + 1..).zip(&mut pieces) {
        piece.pos = pos;
    }
    let rows = pieces.iter().map(|TailRange { pos, room, from, to, deleted_at }| {
        let deleted_at = deleted_at.map_or(0, |at| at.0);
        [number(*pos), number(room.0), number(from.0), number(to.0), deleted_at.into()]
    });
    let put = About::Put { table: "chat_tail", key: 1, optional: "" };
    Rows::new(&["pos", "room_id", "from_seq", "to_seq", "deleted_at"], rows).execute(run, put).await?;
    let ends = pieces.iter().map(|piece| [number(piece.room.0), number(piece.to.0)]);
    let (set, on) = ("tail_seq = k.last", "chat_rooms.id = k.room");
    Rows::new(&["room", "last"], ends).execute(run, About::Update { table: "chat_rooms", set, on }).await?;
    let end = last + pieces.len() as u64;
    let sql = "UPDATE chat_jobs SET position = ? WHERE name = ?";
    run.execute(sql, vec![number(end), run.dialect.opaque(Some(JOB))]).await.map(drop)
}

/// What these rooms have more than their pieces, by their ids, without positions.
async fn pieces(run: &Transaction<'_>, rooms: &[RoomId]) -> Result<Vec<TailRange>, SqlError> {
    let ids = padded(rooms);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT id, tail_seq, head, deleted_at FROM chat_rooms WHERE id IN ({}) AND {IS_BEHIND} ORDER BY id",
        repeated("?", ids.len())
    );
    let values = ids.into_iter().map(|room| signed(room.0).into()).chain([IMPORTING.into()]).collect();
    let piece = |row| {
        let from = optional_number(row, 1)?.map_or(Seq(0), |told| Seq(told).next());
        Ok(TailRange {
            pos: 0,
            room: RoomId(unsigned(row, 0)?),
            from,
            to: Seq(unsigned(row, 2)?),
            deleted_at: row.try_get_by_index::<Option<i64>>(3)?.map(Timestamp),
        })
    };
    run.query(&sql, values).await?.iter().map(piece).collect()
}
