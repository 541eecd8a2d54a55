//! Searching: the candidates in their order, and of them those whose text has what is looked for.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    super::{
        dialect::lists::MOST_ROWS,
        error::SqlError,
        rows::{signed, unsigned},
        run::Transaction,
        seen, states,
    },
    candidates, index,
};
use crate::{
    RoomId, Seq, Timestamp,
    search::{SearchCursor, SearchPage, SearchQuery, TextQuery, postings::Place},
    store::Viewer,
};

/// After this a search answers with what it has.
const MOST_TIME: Duration = Duration::from_secs(2);
/// Where a search may look: in living rooms, and there at what was not pruned.
const IS_READABLE: &str = "EXISTS (SELECT 1 FROM chat_rooms r WHERE r.id = e.room_id AND r.deleted_at IS NULL \
     AND r.first_seq <= e.seq)";

/// A page of what is found, in one snapshot.
pub(super) async fn search(
    run: &Transaction<'_>,
    query: &SearchQuery,
    viewer: &Viewer,
) -> Result<SearchPage, SqlError> {
    let deadline = Instant::now() + MOST_TIME;
    let is_indexed = is_indexed(run, query.room).await?;
    let candidates = candidates::find(run, query, viewer.shown()).await?;
    let (mut order, all) = in_order(run, query, &candidates.places, deadline).await?;
    let visible = seen::of_these(run, &order.iter().map(|cursor| cursor.room).collect(), viewer).await?;
    order.retain(|cursor| visible.contains(&cursor.room));
    let found = first_matches(run, &order, query, deadline).await?;
    let messages = states::at(run, &found.places, viewer.user()).await?;
    let complete = is_indexed && candidates.complete && all && !found.is_late;
    Ok(SearchPage { messages, next: found.next, complete })
}

/// What of the candidates goes onto a page.
struct Matches {
    places: Vec<(RoomId, Seq)>,
    next: Option<SearchCursor>,
    is_late: bool,
}

async fn is_indexed(run: &Transaction<'_>, room: Option<RoomId>) -> Result<bool, SqlError> {
    let mut sql = "SELECT id FROM chat_rooms WHERE indexed_seq < head AND deleted_at IS NULL".to_owned();
    let mut values = Vec::new();
    if let Some(room) = room {
        sql.push_str(" AND id = ?");
        values.push(signed(room.0).into());
    }
    sql.push_str(" LIMIT 1");
    Ok(run.query_one(&sql, values).await?.is_none())
}

/// The candidates that are there for the one who asks, the newest first; and whether there was time for all of them.
async fn in_order(
    run: &Transaction<'_>,
    query: &SearchQuery,
    places: &[Place],
    deadline: Instant,
) -> Result<(Vec<SearchCursor>, bool), SqlError> {
    let condition = format!(" AND e.deleted_seq IS NULL AND {IS_READABLE}");
    let mut order = Vec::new();
    let mut all = true;
    for chunk in places.chunks(MOST_ROWS) {
        if Instant::now() > deadline {
            all = false;
            break;
        }
        for row in index::at(run, chunk, "e.room_id, e.seq, e.at_us, e.user_id", &condition).await? {
            let author = run.dialect.opaque_from(&row, 3)?;
            if query.author.as_ref().is_none_or(|wanted| author.as_deref() == Some(wanted.as_str())) {
                let (room, seq) = (RoomId(unsigned(&row, 0)?), Seq(unsigned(&row, 1)?));
                order.push(SearchCursor { at: Timestamp(row.try_get_by_index(2)?), room, seq });
            }
        }
    }
    order.retain(|cursor| query.after.is_none_or(|after| *cursor < after));
    order.sort_unstable_by(|one, other| other.cmp(one));
    // The last of a list stands in it several times.
    order.dedup();
    Ok((order, all))
}

/// The first of these that match: as many as the page has.
async fn first_matches(
    run: &Transaction<'_>,
    order: &[SearchCursor],
    query: &SearchQuery,
    deadline: Instant,
) -> Result<Matches, SqlError> {
    let mut found: Vec<SearchCursor> = Vec::new();
    let mut seen = None;
    let mut is_late = false;
    for chunk in order.chunks(AT_ONCE) {
        if found.len() > query.limit {
            break;
        }
        if Instant::now() > deadline {
            is_late = true;
            break;
        }
        found.extend(matching(run, chunk, &query.text).await?);
        seen = chunk.last().copied();
    }
    let next = if found.len() > query.limit {
        found.truncate(query.limit);
        found.last().copied()
    } else {
        seen.filter(|_| is_late).or_else(|| query.after.filter(|_| is_late))
    };
    let places = found.into_iter().map(|SearchCursor { room, seq, .. }| (room, seq)).collect();
    Ok(Matches { places, next, is_late })
}

/// Those of these whose text has what is looked for.
async fn matching(
    run: &Transaction<'_>,
    chunk: &[SearchCursor],
    wanted: &TextQuery,
) -> Result<Vec<SearchCursor>, SqlError> {
    let places: Vec<Place> = chunk.iter().map(|cursor| Place { room: cursor.room, seq: cursor.seq }).collect();
    let texts = index::texts(run, &places, "").await?;
    let is_match = |cursor: &&SearchCursor| {
        let text = texts.get(&Place { room: cursor.room, seq: cursor.seq });
        text.and_then(Option::as_ref).is_some_and(|text| wanted.matches(text))
    };
    Ok(chunk.iter().filter(is_match).copied().collect())
}

/// How many texts are looked at in one step.
const AT_ONCE: usize = 128;
