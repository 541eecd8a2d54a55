//! How far users have read a room, and what they want to be told of it.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::super::{
    dialect::about::{About, Rows},
    error::SqlError,
    rooms::count,
    rows::{self, optional_seq, signed, unsigned},
    run::Run,
};
use crate::{Identity, MarkPage, Notify, RoomId, Seq, UserId, UserMark, UserName, store::paging};

/// How far users have read a room: `first` first, then by user id. No id is empty.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    first: Option<&UserId>,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Option<MarkPage>, SqlError> {
    let opaque = |user: Option<&UserId>| run.dialect.opaque(Some(user.map_or("", UserId::as_str)));
    let Some(row) = run.query_one(OWN, vec![opaque(first), signed(room.0).into()]).await? else { return Ok(None) };
    let own = match (first, optional_seq(&row, 1)?) {
        (Some(user), Some(seq)) if after.is_none() => {
            let name = UserName::from_stored(&row.try_get_by_index::<String>(2)?);
            Some(UserMark { user: Identity::of(user.clone(), name), seq })
        }
        _ => None,
    };
    let values = vec![signed(room.0).into(), opaque(after), opaque(first), count(limit.saturating_add(1))];
    let mut others = Vec::new();
    for row in run.query(OTHERS, values).await? {
        let Some(user) = rows::actor(run.dialect, &row, 1)? else { continue };
        others.push(UserMark { user, seq: Seq(unsigned(&row, 0)?) });
    }
    Ok(Some(paging::finish_marks(own, others, limit)))
}

/// Stores what a user wants to be told of a room; `None` where it is gone.
pub(super) async fn set_notify(
    run: &Run<'_, impl ConnectionTrait>,
    user: &UserId,
    room: RoomId,
    notify: Notify,
) -> Result<Option<()>, SqlError> {
    let room = signed(room.0);
    let living = "SELECT id FROM chat_rooms WHERE id = ? AND deleted_at IS NULL";
    let living = format!("{living}{}", run.dialect.for_update());
    if run.query_one(&living, vec![room.into()]).await?.is_none() {
        return Ok(None);
    }
    let row = [run.dialect.opaque(Some(user.as_str())), room.into(), notify_value(notify)];
    let put = About::Put { table: "chat_notify", key: 2, optional: "" };
    Rows::new(&["user_id", "room_id", "notify"], [row]).execute(run, put).await?;
    Ok(Some(()))
}

/// What is stored, from a column that may be null.
pub(in crate::store::sea) fn notify(row: &QueryResult, index: usize) -> Result<Notify, SqlError> {
    match row.try_get_by_index::<Option<i16>>(index)? {
        None | Some(ALL) => Ok(Notify::All),
        Some(MENTIONS) => Ok(Notify::Mentions),
        Some(NONE) => Ok(Notify::None),
        Some(other) => Err(SqlError::corrupt(format!("a wish to be told of {other}"))),
    }
}

/// These numbers are stored: they never change.
const ALL: i16 = 0;
const MENTIONS: i16 = 1;
const NONE: i16 = 2;

/// What [`notify`] reads.
pub(in crate::store::sea) fn notify_value(notify: Notify) -> Value {
    let number = match notify {
        Notify::All => ALL,
        Notify::Mentions => MENTIONS,
        Notify::None => NONE,
    };
    number.into()
}

const OWN: &str = "SELECT r.id, m.seq, m.user_name FROM chat_rooms r \
     LEFT JOIN chat_reads m ON m.user_id = ? AND m.room_id = r.id AND m.thread = 0 WHERE r.id = ? AND r.deleted_at IS NULL";
const OTHERS: &str = "SELECT seq, user_id, user_name FROM chat_reads \
     WHERE room_id = ? AND thread = 0 AND user_id > ? AND user_id <> ? ORDER BY user_id LIMIT ?";
