//! The rows of the index: blocks of the messages that have a term.

use std::{collections::BTreeMap, mem};

use sea_orm::{ConnectionTrait, QueryResult};

use super::super::{
    dialect::{
        about::{About, Rows},
        lists::padded,
    },
    error::SqlError,
    rooms::count,
    run::{Run, Transaction},
};
use crate::search::postings::{Block, BlockKey, Place, pack, unpack};

/// What changes about where terms stand: whether a term is in a message from now on.
#[derive(Debug, Default)]
pub(super) struct Changes {
    places: BTreeMap<String, BTreeMap<Place, bool>>,
    count: usize,
}

impl Changes {
    /// From now on these terms are in the message, or they are not any more.
    pub(super) fn set(&mut self, place: Place, terms: impl IntoIterator<Item = String>, is_in: bool) {
        for term in terms {
            let is_new = self.places.entry(term).or_default().insert(place, is_in).is_none();
            self.count += usize::from(is_new);
        }
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }
}

/// Writes changes. They have the index to themselves until the transaction ends: a block has messages of several rooms.
pub(super) async fn write(run: &Transaction<'_>, changes: Changes) -> Result<(), SqlError> {
    let mut places = changes.places;
    if places.is_empty() {
        return Ok(());
    }
    run.query(&format!("SELECT epoch FROM chat_meta{}", run.dialect.for_update()), Vec::new()).await?;
    while !places.is_empty() {
        let mut covers = covers(run, &places).await?;
        let (mut full, mut empty) = (Vec::new(), Vec::new());
        for (term, rest) in &mut places {
            let block = covers.remove(term).unwrap_or_else(|| Block::empty(term));
            let key = block.key.clone();
            let blocks = changed(block, take(rest, &key));
            full.extend(blocks.iter().filter(|block| !block.places.is_empty()).cloned());
            empty.extend(blocks.into_iter().filter(|block| block.places.is_empty()).map(|block| block.key));
        }
        remove(run, &empty).await?;
        put(run, &full).await?;
        places.retain(|_, rest| !rest.is_empty());
    }
    Ok(())
}

/// The blocks between two names, both included, at most `limit`; the last ones first.
pub(super) async fn between(
    run: &Run<'_, impl ConnectionTrait>,
    from: &[u8],
    to: &[u8],
    limit: usize,
) -> Result<Vec<Block>, SqlError> {
    let sql = "SELECT block, places FROM chat_terms WHERE block >= ? AND block <= ? ORDER BY block DESC LIMIT ?";
    let found = run.query(sql, vec![from.to_vec().into(), to.to_vec().into(), count(limit)]).await?;
    found.iter().map(block).collect()
}

/// The block where a term's message is, or would be; `None` if the term has no such block.
pub(super) async fn cover(
    run: &Run<'_, impl ConnectionTrait>,
    term: &str,
    place: Place,
) -> Result<Option<Block>, SqlError> {
    let values = [BlockKey::ending(term, place), BlockKey::last(term)].map(|key| key.as_bytes().to_vec().into());
    run.query_one(COVER, values.to_vec()).await?.as_ref().map(block).transpose()
}

/// How many blocks there are between each two names, counted up to `limit`.
pub(super) async fn sizes(
    run: &Run<'_, impl ConnectionTrait>,
    ranges: &[(Vec<u8>, Vec<u8>)],
    limit: usize,
) -> Result<Vec<usize>, SqlError> {
    const SIZE: &str =
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM chat_terms WHERE block >= ? AND block <= ? LIMIT ?) b";
    let mut sizes = Vec::new();
    for (from, to) in ranges {
        let row = run.query_one(SIZE, vec![from.clone().into(), to.clone().into(), count(limit)]).await?;
        let size: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        sizes.push(usize::try_from(size).unwrap_or_default());
    }
    Ok(sizes)
}

/// The block of each term's first place.
async fn covers(
    run: &Transaction<'_>,
    places: &BTreeMap<String, BTreeMap<Place, bool>>,
) -> Result<BTreeMap<String, Block>, SqlError> {
    let first = |(term, places): (&String, &BTreeMap<Place, bool>)| {
        let place = places.keys().next()?;
        Some((BlockKey::ending(term, *place), BlockKey::last(term)))
    };
    let ranges: Vec<_> = places.iter().filter_map(first).collect();
    let mut found = BTreeMap::new();
    for chunk in ranges.chunks(LOOK_UPS) {
        let chunk = padded(&chunk.iter().collect::<Vec<_>>());
        let sql = vec![run.dialect.limited(COVER); chunk.len()].join(" UNION ALL ");
        let values = chunk.iter().flat_map(|(from, to)| [from, to]).map(|key| key.as_bytes().to_vec().into());
        for row in run.query(&sql, values.collect()).await? {
            let block = block(&row)?;
            found.insert(block.key.term().to_owned(), block);
        }
    }
    Ok(found)
}

/// Those of a term's changes that are in the block with this name.
fn take(rest: &mut BTreeMap<Place, bool>, key: &BlockKey) -> BTreeMap<Place, bool> {
    let beyond = rest.keys().find(|place| BlockKey::ending(key.term(), **place) > *key).copied();
    let beyond = beyond.map(|place| rest.split_off(&place)).unwrap_or_default();
    mem::replace(rest, beyond)
}

/// A block after changes, as blocks that are small enough.
fn changed(mut block: Block, changes: BTreeMap<Place, bool>) -> Vec<Block> {
    let (added, removed): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(_, is_in)| *is_in);
    let places = |changes: Vec<(Place, bool)>| changes.into_iter().map(|(place, _)| place).collect::<Vec<_>>();
    block.remove(&places(removed));
    block.add(&places(added));
    block.split()
}

async fn put(run: &Transaction<'_>, blocks: &[Block]) -> Result<(), SqlError> {
    let rows = blocks.iter().map(|block| [block.key.as_bytes().to_vec().into(), pack(&block.places).into()]);
    let put = About::Put { table: "chat_terms", key: 1, optional: "" };
    Rows::new(&["block", "places"], rows).execute(run, put).await
}

async fn remove(run: &Transaction<'_>, keys: &[BlockKey]) -> Result<(), SqlError> {
    let keys = keys.iter().map(|key| [key.as_bytes().to_vec().into()]);
    Rows::new(&["block"], keys).execute(run, About::Delete { table: "chat_terms" }).await
}

fn block(row: &QueryResult) -> Result<Block, SqlError> {
    let key = BlockKey::from_stored(row.try_get_by_index(0)?);
    let packed: Vec<u8> = row.try_get_by_index(1)?;
    let places = unpack(&packed).ok_or_else(|| SqlError::corrupt("a row of the search index that is none"))?;
    Ok(Block { key, places })
}

const COVER: &str = "SELECT block, places FROM chat_terms WHERE block >= ? AND block <= ? ORDER BY block LIMIT 1";
/// How many look-ups a statement has: SQLite joins at most 500.
const LOOK_UPS: usize = 64;
