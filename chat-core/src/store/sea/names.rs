//! The names of the living rooms, packed: a search reads a few MB through and nothing else, whatever it looks for.
//!
//! A row of `chat_room_names` has the folded names of [`LINES`] rooms with neighbouring ids, a line each; the line of a room
//! that is not there is empty. The rows are written in the transaction that writes the name.

use std::{borrow::Cow, ops::Range};

use sea_orm::ConnectionTrait;

use super::{
    error::SqlError,
    rooms::count,
    rows::{signed, unsigned},
    run::{Run, Transaction},
};
use crate::{RoomId, VisibleRooms, store::StoreErrorKind};

/// How many rooms share a row: enough that a search spends its time on comparing, few enough that a name is written cheaply
/// (about 2 KB).
pub(super) const LINES: u64 = 128;
/// The most rows that one search goes through, some 260,000 rooms: 10 ms or less. What is beyond them is the next page's.
const MOST_PAGES: usize = 2_048;
/// How many rows with a match are read at first: what is common stands in every row.
const FIRST_STEP: usize = 2;
/// How many are read at once later.
const STEP: usize = 32;
/// How often a row that somebody else removes is made.
const TRIES: usize = 3;

/// What a search has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The rooms, by id.
    pub(super) rooms: Vec<RoomId>,
    /// Where to go on, if there may be more.
    pub(super) next: Option<RoomId>,
}

/// Writes a room's folded name down; an empty one takes it out.
pub(super) async fn set(run: &Transaction<'_>, room: RoomId, name: &str) -> Result<(), SqlError> {
    let page = room.0 / LINES;
    let names = with_line(&locked(run, page).await?, line_of(room), name);
    if names.is_empty() {
        run.execute("DELETE FROM chat_room_names WHERE page = ?", vec![signed(page).into()]).await?;
    } else {
        let sql = "UPDATE chat_room_names SET names = ? WHERE page = ?";
        run.execute(sql, vec![run.dialect.opaque(Some(&names)), signed(page).into()]).await?;
    }
    Ok(())
}

/// The first `limit` rooms after `after`, of those that are shown, whose folded name has this part.
pub(super) async fn find(
    run: &Run<'_, impl ConnectionTrait>,
    after: RoomId,
    part: &str,
    limit: usize,
    shown: &VisibleRooms,
) -> Result<Found, SqlError> {
    let mut page = after.0.saturating_add(1) / LINES;
    let end = end_of_search(run, page).await?;
    let (mut rooms, mut step) = (Vec::new(), FIRST_STEP);
    while rooms.len() <= limit {
        let pages = pages_with(run, page..end.unwrap_or(u64::MAX), part, step).await?;
        let found = pages.iter().flat_map(|(page, names)| matches(*page, names, part));
        rooms.extend(found.filter(|room| *room > after && shown.has(*room)));
        match pages.last() {
            Some((last, _)) if pages.len() == step => page = last + 1,
            _ => break,
        }
        step = STEP;
    }
    if rooms.len() > limit {
        rooms.truncate(limit);
        return Ok(Found { next: rooms.last().copied(), rooms });
    }
    Ok(Found { rooms, next: end.map(|page| RoomId(page * LINES - 1)) })
}

/// A row's names from those of its rooms, each with its id.
pub(super) fn packed<'a>(rooms: impl Iterator<Item = (RoomId, &'a str)>) -> String {
    let mut lines = vec![Cow::Borrowed(""); usize::try_from(LINES).unwrap_or_default()];
    for (room, name) in rooms {
        lines[line_of(room)] = line(name);
    }
    joined(&lines)
}

/// The names in a row, which is made if it is not there, with the row locked.
async fn locked(run: &Transaction<'_>, page: u64) -> Result<String, SqlError> {
    let select = format!("SELECT names FROM chat_room_names WHERE page = ?{}", run.dialect.for_update());
    let insert = format!("INSERT INTO chat_room_names (page, names) VALUES (?, ?){}", run.dialect.unless_page_exists());
    for _ in 0..TRIES {
        if let Some(row) = run.query_one(&select, vec![signed(page).into()]).await? {
            return Ok(run.dialect.opaque_from(&row, 0)?.unwrap_or_default());
        }
        run.execute(&insert, vec![signed(page).into(), run.dialect.opaque(Some(""))]).await?;
    }
    let mut fault = SqlError::corrupt("a row of names was removed again and again");
    fault.error.kind = StoreErrorKind::Conflict;
    Err(fault)
}

/// The first page that a search from this one on leaves to the next.
async fn end_of_search(run: &Run<'_, impl ConnectionTrait>, from: u64) -> Result<Option<u64>, SqlError> {
    let sql = "SELECT page FROM chat_room_names WHERE page >= ? ORDER BY page LIMIT 1 OFFSET ?";
    let row = run.query_one(sql, vec![signed(from).into(), count(MOST_PAGES)]).await?;
    row.map(|row| unsigned(&row, 0)).transpose()
}

/// The first `limit` pages of a range that have this part somewhere.
async fn pages_with(
    run: &Run<'_, impl ConnectionTrait>,
    range: Range<u64>,
    part: &str,
    limit: usize,
) -> Result<Vec<(u64, String)>, SqlError> {
    let sql = format!(
        "SELECT page, names FROM chat_room_names WHERE page >= ? AND page < ? AND {}(names, ?) > 0 ORDER BY page LIMIT ?",
        run.dialect.find_in()
    );
    let values =
        vec![signed(range.start).into(), signed(range.end).into(), run.dialect.opaque(Some(part)), count(limit)];
    let found = run.query(&sql, values).await?;
    found.iter().map(|row| Ok((unsigned(row, 0)?, run.dialect.opaque_from(row, 1)?.unwrap_or_default()))).collect()
}

/// The rooms of a page whose names have this part.
fn matches<'a>(page: u64, names: &'a str, part: &'a str) -> impl Iterator<Item = RoomId> + 'a {
    let lines = names.split('\n').zip(page * LINES..);
    lines.filter(move |(name, _)| name.contains(part)).map(|(_, id)| RoomId(id))
}

fn line_of(room: RoomId) -> usize {
    usize::try_from(room.0 % LINES).unwrap_or_default()
}

/// The names with another one in this line.
fn with_line(names: &str, number: usize, name: &str) -> String {
    let mut lines: Vec<_> = names.split('\n').map(Cow::Borrowed).collect();
    if lines.len() <= number {
        lines.resize(number + 1, Cow::Borrowed(""));
    }
    lines[number] = line(name);
    joined(&lines)
}

/// No name has a line break; one that had would shift the others.
fn line(name: &str) -> Cow<'_, str> {
    if name.contains('\n') { Cow::Owned(name.replace('\n', " ")) } else { Cow::Borrowed(name) }
}

fn joined(lines: &[Cow<'_, str>]) -> String {
    let mut names = lines.join("\n");
    names.truncate(names.trim_end_matches('\n').len());
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "sqlite")]
    use crate::{
        RoomName, Timestamp, Topic,
        append::{Entry, EventKey, Op, RoomBatch, RoomRecord, RoomUpdate},
        store::{
            Store,
            sea::{SeaStore, run::Write},
        },
    };

    #[test]
    fn a_line_is_a_room() {
        let names = packed([(RoomId(131), "three"), (RoomId(129), "one")].into_iter());
        assert_eq!(names, "\none\n\nthree");
        let found = |names: &str, part| matches(1, names, part).map(|room| room.0).collect::<Vec<_>>();
        assert_eq!(found(&names, "e"), [129, 131]);
        assert_eq!(found(&names, "\n"), [0; 0]);
        let names = with_line(&names, 3, "");
        assert_eq!(names, "\none");
        assert_eq!(with_line(&names, 1, ""), "");
        assert_eq!(with_line("", 0, "a\nb"), "a b");
        assert_eq!(found(&packed([(RoomId(255), "last")].into_iter()), "last"), [255]);
    }

    /// A name that was given up is nowhere in the table.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_name_that_was_given_up_is_erased() {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let (secret, open) = (RoomName::new("Secret").unwrap(), RoomName::new("Open").unwrap());
        let new = RoomRecord::open(secret, Topic::new("").unwrap(), Timestamp(1));
        let room = store.create_room(&new).await.unwrap().unwrap().id;
        assert_eq!(all(&store).await, ["\nsecret"]);
        let append = async |key, op| {
            let entries = vec![Entry::new(None, EventKey::generated(key), Timestamp(1), op)];
            store.append(&[RoomBatch { room, entries }]).await.unwrap()
        };
        append("one", Op::UpdateRoom(RoomUpdate { name: Some(open), topic: None, ..RoomUpdate::default() })).await;
        assert_eq!(all(&store).await, ["\nopen"]);
        append("two", Op::DeleteRoom).await;
        assert_eq!(all(&store).await, [""; 0]);
    }

    #[cfg(feature = "sqlite")]
    async fn all(store: &SeaStore) -> Vec<String> {
        let checkout = store.searchers.checkout().await.unwrap();
        let rows = checkout.run().query("SELECT names FROM chat_room_names", Vec::new()).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Half a million rooms, of which only one is looked for: it is found on a later page.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_search_among_too_many_names_goes_on_with_the_next_page() {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let write = Write::begin(&store.writers).await.unwrap();
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) \
             INSERT INTO chat_room_names (page, names) SELECT i, 'room ' || i FROM n";
        write.run().execute(many, Vec::new()).await.unwrap();
        write.end(Ok(())).await.unwrap();
        let checkout = store.searchers.checkout().await.unwrap();
        let (mut after, mut pages, mut rooms) = (RoomId(0), 0, Vec::new());
        loop {
            let found = find(&checkout.run(), after, "room 3999", 10, &VisibleRooms::All).await.unwrap();
            pages += 1;
            rooms.extend(found.rooms);
            match found.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!((pages, rooms), (2, vec![RoomId(3_999 * LINES)]));
        let common = find(&checkout.run(), RoomId(0), "room", 10, &VisibleRooms::All).await.unwrap();
        assert_eq!((common.rooms.len(), common.next), (10, Some(RoomId(10 * LINES))));
        let shown = VisibleRooms::only([RoomId(7 * LINES)]);
        let one = find(&checkout.run(), RoomId(0), "room", 10, &shown).await.unwrap();
        assert_eq!(one.rooms, [RoomId(7 * LINES)], "what is hidden takes no place");
    }
}
