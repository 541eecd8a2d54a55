//! Where a term stands: messages of all rooms, packed into blocks.
//!
//! A row per term and message would take several times the bytes of the messages themselves. So a row of the index has up to
//! [`MOST_PLACES`] messages with a term, ordered by room and number. A term's last block has no end. Each other one is named by
//! an end that none of its messages is above; so a message's block is the first one whose end is not below it.

use crate::{RoomId, Seq};

/// The most messages of a block: one is read or written in no time, and what a row costs by itself no longer counts.
pub const MOST_PLACES: usize = 256;

/// Where a term stands: a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its room.
    pub room: RoomId,
    /// Its number there.
    pub seq: Seq,
}

/// The name of a block, whose bytes are ordered as the blocks are: by term, by end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockKey(Vec<u8>);

/// Some messages that have a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name.
    pub key: BlockKey,
    /// The messages, in order.
    pub places: Vec<Place>,
}

impl BlockKey {
    /// The name of a term's block with this end.
    #[must_use]
    pub fn ending(term: &str, end: Place) -> Self {
        let Place { room, seq } = end;
        Self([term.as_bytes(), &[0], &room.0.to_be_bytes(), &seq.0.to_be_bytes()].concat())
    }

    /// The name of a term's last block.
    #[must_use]
    pub fn last(term: &str) -> Self {
        Self([term.as_bytes(), &[0], &[u8::MAX]].concat())
    }

    /// A name as it was stored.
    #[must_use]
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The term; no term has a NUL. Empty if these bytes are no name.
    #[must_use]
    pub fn term(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or_default();
        str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl Block {
    /// The last block of a term that stands nowhere yet.
    #[must_use]
    pub fn empty(term: &str) -> Self {
        Self { key: BlockKey::last(term), places: Vec::new() }
    }

    /// Adds messages. What is there already stays once.
    pub fn add(&mut self, places: &[Place]) {
        self.places.extend_from_slice(places);
        self.places.sort_unstable();
        self.places.dedup();
    }

    /// Takes messages out.
    pub fn remove(&mut self, places: &[Place]) {
        self.places.retain(|place| !places.contains(place));
    }

    /// As blocks that are small enough; the last of them has the name of this one.
    #[must_use]
    pub fn split(self) -> Vec<Self> {
        let Self { key, mut places } = self;
        let mut blocks = Vec::new();
        let parts = places.len().div_ceil(MOST_PLACES).max(1);
        let size = places.len().div_ceil(parts);
        while places.len() > size
            && let Some(end) = places.get(size - 1).copied()
        {
            let rest = places.split_off(size);
            blocks.push(Self { key: BlockKey::ending(key.term(), end), places });
            places = rest;
        }
        blocks.push(Self { key, places });
        blocks
    }
}

/// Messages as bytes. Of a message in the same room as the one before it stands by how much its number is higher; for another
/// room 0, by how much that is higher, and the number. Each number takes 7 bits to a byte, the lowest first; the highest bit
/// tells that more follow.
#[must_use]
pub fn pack(places: &[Place]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(places.len() + 8);
    let mut before = START;
    for place in places {
        if place.room == before.room {
            push(&mut bytes, place.seq.0 - before.seq.0);
        } else {
            push(&mut bytes, 0);
            push(&mut bytes, place.room.0 - before.room.0);
            push(&mut bytes, place.seq.0);
        }
        before = *place;
    }
    bytes
}

/// The messages that were packed; `None` if these bytes are no such.
#[must_use]
pub fn unpack(bytes: &[u8]) -> Option<Vec<Place>> {
    let mut places = Vec::with_capacity(bytes.len());
    let (mut rest, mut place) = (bytes, START);
    while !rest.is_empty() {
        let step = pull(&mut rest)?;
        if step > 0 {
            place.seq.0 = place.seq.0.checked_add(step)?;
        } else {
            place.room.0 = place.room.0.checked_add(pull(&mut rest)?)?;
            place.seq.0 = pull(&mut rest)?;
        }
        places.push(place);
    }
    Some(places)
}

/// No message is here: rooms are counted from 1.
const START: Place = Place { room: RoomId(0), seq: Seq(0) };

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(room: u64, seq: u64) -> Place {
        Place { room: RoomId(room), seq: Seq(seq) }
    }

    #[test]
    fn messages_are_packed_into_few_bytes_and_come_back() {
        let near: Vec<_> = (1_000_000..1_000_256).map(|seq| place(7, seq)).collect();
        assert_eq!(pack(&near).len(), 5 + 255);
        let far = vec![place(1, 1), place(1, 128), place(2, 1), place(300, 1 << 40), place(300, (1 << 53) - 1)];
        for places in [vec![], vec![place(u64::MAX, u64::MAX)], near, far] {
            assert_eq!(unpack(&pack(&places)), Some(places));
        }
    }

    #[test]
    fn bytes_that_are_no_messages_are_told() {
        assert_eq!(unpack(&[0, 1]), None, "cut off");
        assert_eq!(unpack(&[0x80]), None, "cut off within a number");
        assert_eq!(unpack(&[0xff; 12]), None, "too large");
        let over = [pack(&[place(1, u64::MAX)]), vec![1]].concat();
        assert_eq!(unpack(&over), None, "beyond what a number can be");
    }

    #[test]
    fn names_are_ordered_by_term_and_end() {
        let ends = [place(1, 2), place(1, 300), place(2, 1), place(300, 1)];
        let mut names: Vec<_> = ends.map(|end| BlockKey::ending("ab", end)).to_vec();
        names.push(BlockKey::last("ab"));
        names.push(BlockKey::last("abc"));
        names.push(BlockKey::last("b"));
        assert!(names.is_sorted());
        assert_eq!(names.iter().map(BlockKey::term).collect::<Vec<_>>(), ["ab", "ab", "ab", "ab", "ab", "abc", "b"]);
    }

    /// Against a list of the term's messages: each stands in the block that a search for it opens.
    #[test]
    fn every_message_is_in_the_first_block_whose_end_is_not_below_it() {
        let mut blocks = vec![Block::empty("ab")];
        let mut seed = 1_u64;
        for _ in 0..3_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = place(1 + (seed >> 33) % 5, 1 + (seed >> 40) % 400);
            let at = cover(&blocks, place);
            if seed >> 63 == 0 {
                blocks[at].remove(&[place]);
            } else {
                blocks[at].add(&[place]);
            }
            let changed = blocks.remove(at);
            let pieces = changed.split();
            assert!(pieces.iter().all(|block| block.places.len() <= MOST_PLACES));
            blocks.splice(at..at, pieces);
        }
        assert!(blocks.len() > 3, "{} blocks", blocks.len());
        assert!(blocks.is_sorted_by(|one, other| one.key < other.key));
        for block in &blocks {
            for place in &block.places {
                assert_eq!(blocks[cover(&blocks, *place)].key, block.key);
            }
        }
    }

    fn cover(blocks: &[Block], place: Place) -> usize {
        blocks.iter().position(|block| block.key >= BlockKey::ending("ab", place)).unwrap()
    }
}
