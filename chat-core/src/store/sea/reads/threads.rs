//! Threads: the messages under a message, and who wrote them.

use sea_orm::{ConnectionTrait, Value};

use super::super::{
    dialect::Dialect,
    error::SqlError,
    rooms::count,
    rows::{optional_seq, signed, unsigned},
    run::Run,
    states,
};
use crate::{
    Epoch, HistoryPage, HistoryQuery, RoomId, Seq, UserId,
    store::{
        Found,
        paging::{self, Extent, Window},
    },
};

/// A page of a message's thread. What is left of one whose root was pruned can still be read.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    epoch: &Epoch,
    (room, root): (RoomId, Seq),
    query: HistoryQuery,
    viewer: Option<&UserId>,
) -> Result<Found<HistoryPage>, SqlError> {
    let edge = signed(paging::edge(query.from).0);
    let (thread, next) = (signed(root.0), edge.saturating_add(1));
    let values = [thread, thread, thread, edge, thread, next, thread, thread, edge, signed(room.0)];
    let Some(row) = run.query_one(&extent_sql(run.dialect), values.map(Value::from).to_vec()).await? else {
        return Ok(Found::NoRoom);
    };
    let number = |index| Ok::<_, SqlError>(optional_seq(&row, index)?.map(|number| number.0));
    let (first, messages) = (number(2)?.unwrap_or(1), number(3)?.unwrap_or_default());
    if number(1)?.is_none() && messages == 0 {
        return Ok(Found::NoMessage);
    }
    let extent = Extent { head: Seq(unsigned(&row, 0)?), messages, pruned: first - 1 };
    let window = Window::of(query, number(4)?.unwrap_or_default(), extent);
    let mut shown = Vec::new();
    if window.first <= window.last {
        let values = [room.0, root.0, window.first, window.last].map(|number| signed(number).into());
        shown = states::of_log(run, PAGE, values.to_vec(), viewer).await?;
    }
    Ok(Found::Here(paging::finish(epoch.clone(), extent, window, shown)))
}

/// Who has written in a thread, and who began it.
pub(super) async fn users(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    root: Seq,
    limit: usize,
) -> Result<Vec<UserId>, SqlError> {
    let (id, seq) = (signed(room.0), signed(root.0));
    let mut values: Vec<Value> = [id, seq, id, seq].map(Value::from).to_vec();
    values.push(count(limit));
    let rows = run.query(USERS, values).await?;
    let user = |row| Ok(run.dialect.opaque_from(row, 0)?.map(|id| UserId::from_stored(&id)));
    rows.iter().filter_map(|row| user(row).transpose()).collect()
}

/// Which messages a page has.
const PAGE: &str = "e.room_id = ? AND e.kind = 4 AND e.thread = ? AND e.thread_ordinal >= ? AND e.thread_ordinal <= ? \
     ORDER BY e.thread_ordinal";

const USERS: &str = "SELECT u.user_id FROM chat_rooms r JOIN chat_thread_users u ON u.room_id = r.id \
     WHERE r.id = ? AND r.deleted_at IS NULL AND u.root_seq = ? \
     UNION SELECT e.user_id FROM chat_rooms r JOIN chat_events e ON e.room_id = r.id AND e.seq >= r.first_seq \
     WHERE r.id = ? AND r.deleted_at IS NULL AND e.seq = ? AND e.kind IN (1, 4) \
     AND e.user_id IS NOT NULL ORDER BY 1 LIMIT ?";

/// The room's head; whether the root is there; the ordinals of the first and the last message of the thread; and how many of
/// them stand before an edge. That is known where there is a message at the edge or just after it, as there is where somebody
/// turns pages; else it is looked for from the end.
fn extent_sql(dialect: &dyn Dialect) -> String {
    const MESSAGE: &str = "FROM chat_events e WHERE e.room_id = r.id";
    // Without the index, SQLite would read the room's log.
    let threads = dialect.by_index("chat_events_threads");
    let thread = format!(
        "FROM chat_events e{threads} WHERE e.room_id = r.id AND e.kind = 4 AND e.thread = ? AND e.seq >= r.first_seq"
    );
    let first = format!("SELECT e.thread_ordinal {thread} ORDER BY e.thread_ordinal LIMIT 1");
    let last = format!("SELECT e.thread_ordinal {thread} ORDER BY e.thread_ordinal DESC LIMIT 1");
    let at = format!("SELECT e.thread_ordinal {MESSAGE} AND e.seq = ? AND e.kind = 4 AND e.thread = ?");
    let before = format!("SELECT e.thread_ordinal - 1 {MESSAGE} AND e.seq = ? AND e.kind = 4 AND e.thread = ?");
    let search = format!("SELECT e.thread_ordinal {thread} AND e.seq <= ? ORDER BY e.thread_ordinal DESC LIMIT 1");
    format!(
        "SELECT r.head, (SELECT e.seq {MESSAGE} AND e.seq = ? AND e.seq >= r.first_seq AND e.kind IN (1, 4)), \
         ({first}), ({last}), COALESCE(({at}), ({before}), ({search})) \
         FROM chat_rooms r WHERE r.id = ? AND r.deleted_at IS NULL"
    )
}
