//! Which messages may have what is looked for, by the index alone.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{
    super::{error::SqlError, run::Transaction},
    blocks,
};
use crate::{
    RoomId, Seq, VisibleRooms,
    search::{
        Lookup, MAX_CANDIDATES, SearchQuery,
        postings::{Block, BlockKey, Place},
    },
};

/// The most blocks of a term that are read: some 400,000 messages.
const MOST_BLOCKS: usize = 2_048;
/// So few messages are rather looked at than looked up by another term.
const FEW: usize = 256;

/// The messages that may have what is looked for.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Which.
    pub(super) places: Vec<Place>,
    /// Whether these are all.
    pub(super) complete: bool,
}

/// The messages that have the terms of a query: the rarest first, and the others as long as that spares reading texts.
pub(super) async fn find(
    run: &Transaction<'_>,
    query: &SearchQuery,
    shown: &VisibleRooms,
) -> Result<Candidates, SqlError> {
    let mut spans: Vec<Span> =
        run.sealing.lookups(&query.text).into_iter().map(|lookup| Span::of(lookup, query.room)).collect();
    let ranges: Vec<_> = spans.iter().map(|span| (span.from.clone(), span.to.clone())).collect();
    for (span, size) in spans.iter_mut().zip(blocks::sizes(run, &ranges, MOST_BLOCKS + 1).await?) {
        span.blocks = size;
    }
    spans.sort_by_key(|span| span.blocks);
    let mut found: Option<Vec<Place>> = None;
    let mut complete = true;
    for span in spans {
        found = Some(match found {
            Some(found) if found.len() <= FEW || span.blocks > MOST_BLOCKS => return Ok(newest(found, complete)),
            Some(found) => common(&found, &span.places(run, shown).await?),
            None => {
                complete = span.blocks <= MOST_BLOCKS;
                span.places(run, shown).await?
            }
        });
    }
    Ok(newest(found.unwrap_or_default(), complete))
}

/// Where in the index a term, or several, stand.
#[derive(Debug)]
struct Span {
    lookup: Lookup,
    room: Option<RoomId>,
    from: Vec<u8>,
    to: Vec<u8>,
    /// How many blocks that is, about.
    blocks: usize,
}

impl Span {
    fn of(lookup: Lookup, room: Option<RoomId>) -> Self {
        let first = |room| Place { room, seq: Seq(0) };
        let (from, to) = match (&lookup, room) {
            (Lookup::Exact(term), Some(room)) => {
                (BlockKey::ending(term, first(room)), BlockKey::ending(term, last(room)))
            }
            (Lookup::Exact(term), None) => (BlockKey::ending(term, first(RoomId(0))), BlockKey::last(term)),
            (Lookup::Prefix(_), _) => {
                let end = lookup.end().unwrap_or_default();
                (BlockKey::from_stored(lookup.start().into()), BlockKey::from_stored(end.into()))
            }
        };
        let [from, to] = [from, to].map(|key| key.as_bytes().to_vec());
        Self { lookup, room, from, to, blocks: 0 }
    }

    /// The messages in rooms that are shown, in order, each once.
    async fn places(&self, run: &Transaction<'_>, shown: &VisibleRooms) -> Result<Vec<Place>, SqlError> {
        let mut blocks = blocks::between(run, &self.from, &self.to, MOST_BLOCKS).await?;
        if let (Lookup::Exact(term), Some(room)) = (&self.lookup, self.room) {
            // The room's last messages are in a block that may end in another room.
            blocks.extend(blocks::cover(run, term, last(room)).await?);
        }
        let is_asked = |place: &Place| self.room.is_none_or(|room| place.room == room) && shown.has(place.room);
        let mut places: Vec<Place> =
            blocks.into_iter().flat_map(|Block { places, .. }| places).filter(is_asked).collect();
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }
}

/// No message of a room is behind this.
const fn last(room: RoomId) -> Place {
    Place { room, seq: Seq(u64::MAX) }
}

/// What is in both; each is in order.
fn common(one: &[Place], other: &[Place]) -> Vec<Place> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut both = Vec::new();
    while let (Some(left), Some(right)) = (one.peek(), other.peek()) {
        match left.cmp(right) {
            Ordering::Less => drop(one.next()),
            Ordering::Greater => drop(other.next()),
            Ordering::Equal => {
                both.push(**left);
                one.next();
                other.next();
            }
        }
    }
    both
}

/// As many as are looked at: of each room the newest ones, as many of one as of another.
fn newest(places: Vec<Place>, complete: bool) -> Candidates {
    if places.len() <= MAX_CANDIDATES {
        return Candidates { places, complete };
    }
    let mut sizes: BTreeMap<RoomId, usize> = BTreeMap::new();
    for place in &places {
        *sizes.entry(place.room).or_default() += 1;
    }
    let taken = |share: usize| sizes.values().map(|size| (*size).min(share)).sum::<usize>();
    let (mut share, mut too_much) = (1, MAX_CANDIDATES + 1);
    while share + 1 < too_much {
        let middle = usize::midpoint(share, too_much);
        if taken(middle) <= MAX_CANDIDATES { share = middle } else { too_much = middle }
    }
    let rooms = places.chunk_by(|one, other| one.room == other.room);
    let mut places: Vec<Place> =
        rooms.flat_map(|places| &places[places.len().saturating_sub(share)..]).copied().collect();
    // More rooms than there may be messages: those of the newest rooms.
    let beyond = places.len().saturating_sub(MAX_CANDIDATES);
    places.drain(..beyond);
    Candidates { places, complete: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(room: u64, seqs: impl Iterator<Item = u64>) -> impl Iterator<Item = Place> {
        seqs.map(move |seq| Place { room: RoomId(room), seq: Seq(seq) })
    }

    #[test]
    fn what_two_terms_have_in_common_is_found() {
        let one: Vec<_> = places(1, 1..10).chain(places(2, 1..3)).collect();
        let other: Vec<_> = places(1, [2, 9, 11].into_iter()).chain(places(2, 2..9)).collect();
        let expected: Vec<_> = places(1, [2, 9].into_iter()).chain(places(2, 2..3)).collect();
        assert_eq!(common(&one, &other), expected);
        assert_eq!(common(&other, &one), expected);
        assert_eq!(common(&one, &[]), []);
    }

    #[test]
    fn a_busy_room_leaves_the_others_their_share() {
        let busy: Vec<_> = places(1, 1..=3).chain(places(2, 1..=20_000)).chain(places(3, 1..=5_000)).collect();
        let found = newest(busy, true);
        assert!(!found.complete);
        let count = |room| found.places.iter().filter(|place| place.room == RoomId(room)).count();
        assert_eq!([count(1), count(2), count(3)], [3, 4_998, 4_998]);
        assert!(found.places.contains(&Place { room: RoomId(2), seq: Seq(20_000) }), "the newest");
        let many: Vec<_> = (1..=20_000).flat_map(|room| places(room, 1..=2)).collect();
        assert_eq!(newest(many, true).places.len(), MAX_CANDIDATES);
        assert!(newest(places(1, 1..=10_000).collect(), true).complete);
    }
}
