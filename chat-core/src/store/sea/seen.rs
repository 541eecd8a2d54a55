//! Which rooms somebody sees. A room and what they are in it are read by one statement.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Value};

use super::{
    dialect::Dialect,
    error::SqlError,
    members,
    rows::{self, ROOM_COLUMNS, ROOM_WIDTH, number, signed},
    run::Run,
};
use crate::{
    RoomId, UserId, VisibleRooms,
    store::{SeenRoom, Viewer},
};

/// A living room, and what somebody is in it.
pub(super) async fn one(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    user: Option<&UserId>,
) -> Result<Option<SeenRoom>, SqlError> {
    let sql = format!(
        "SELECT {ROOM_COLUMNS}, m.role, b.until_us, u.until_us FROM chat_rooms r \
         LEFT JOIN chat_members m ON m.room_id = r.id AND m.user_id = ? \
         LEFT JOIN chat_restrictions b ON b.room_id = r.id AND b.kind = 0 AND b.user_id = ? \
         LEFT JOIN chat_restrictions u ON u.room_id = r.id AND u.kind = 1 AND u.user_id = ? \
         WHERE r.id = ? AND r.deleted_at IS NULL"
    );
    // No user has an empty id.
    let user = run.dialect.opaque(Some(user.map_or("", UserId::as_str)));
    let values = vec![user.clone(), user.clone(), user, number(room.0)];
    let Some(row) = run.query_one(&sql, values).await? else { return Ok(None) };
    Ok(Some(SeenRoom { room: rows::room(run.dialect, &row, 0)?, standing: members::standing(&row, ROOM_WIDTH)? }))
}

/// The condition on a room `r` that somebody sees it, and its values.
pub(super) fn condition(dialect: &dyn Dialect, viewer: &Viewer) -> (String, Vec<Value>) {
    let (by_terms, mut values) = match viewer {
        Viewer::Host | Viewer::Told(..) => ("1 = 1", Vec::new()),
        Viewer::Anonymous(_) => ("r.kind = 0", Vec::new()),
        Viewer::User(user, at, _) => {
            let user = dialect.opaque(Some(user.as_str()));
            (OF_USER, vec![user.clone(), at.0.into(), user])
        }
    };
    let (is_shown, shown) = shown(dialect, viewer);
    values.extend(shown);
    (format!("{by_terms} AND {is_shown}"), values)
}

/// The condition on a room `r` that the policy shows it to somebody, and its value.
pub(super) fn shown(dialect: &dyn Dialect, viewer: &Viewer) -> (String, Option<Value>) {
    let among = |is_in, rooms: &BTreeSet<RoomId>| {
        let (list, value) = dialect.ids(rooms.iter().map(|room| signed(room.0)).collect());
        (format!("r.id {is_in} ({list})"), Some(value))
    };
    match viewer.shown() {
        VisibleRooms::All => ("1 = 1".to_owned(), None),
        VisibleRooms::Only(rooms) => among("IN", rooms),
        VisibleRooms::Except(rooms) => among("NOT IN", rooms),
    }
}

const OF_USER: &str = "((r.kind = 0 AND NOT EXISTS (SELECT 1 FROM chat_restrictions b WHERE b.room_id = r.id AND b.kind = 0 \
     AND b.user_id = ? AND b.until_us > ?)) OR (r.kind <> 0 AND EXISTS (SELECT 1 FROM chat_members i \
     WHERE i.room_id = r.id AND i.user_id = ?)))";

/// Those of these rooms that somebody sees.
pub(super) async fn of_these(
    run: &Run<'_, impl ConnectionTrait>,
    rooms: &BTreeSet<RoomId>,
    viewer: &Viewer,
) -> Result<BTreeSet<RoomId>, SqlError> {
    if *viewer == Viewer::Host {
        return Ok(rooms.clone());
    }
    // No user has an empty id.
    let user = viewer.user().cloned().unwrap_or_else(|| UserId::from_stored(""));
    let wanted: Vec<_> = rooms.iter().map(|room| (*room, user.clone())).collect();
    let found = members::standings(run, &wanted).await?;
    Ok(found
        .into_iter()
        .filter(|found| viewer.sees(found.room, found.terms, found.standing))
        .map(|found| found.room)
        .collect())
}
