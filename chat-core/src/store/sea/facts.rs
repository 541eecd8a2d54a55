//! What has to be known of rooms to judge the entries of a batch: a statement for each kind of thing that they name, however
//! many they are.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::QueryResult;

use super::{
    dialect::{
        Heads,
        about::{About, Rows},
    },
    error::SqlError,
    members, moderation, prune, rooms,
    rows::{self, number, optional_number, optional_seq, unsigned},
    run::Transaction,
};
use crate::{
    Body, Mark, Reaction, RoomId, Seq, UserId,
    append::{Entry, Op, RoomBatch, StoredEvent},
    store::judge::{Counted, Facts, Key, Target, Thread},
};

/// What is known of each living room of a batch.
pub(super) type AllFacts<'a> = BTreeMap<RoomId, Facts<'a>>;

/// What has to be known of the living rooms of a batch, which are locked. `found` holds keys of the batch.
pub(super) async fn load<'a>(
    run: &Transaction<'_>,
    batch: &[RoomBatch],
    heads: &Heads,
    found: &'a [StoredEvent],
) -> Result<AllFacts<'a>, SqlError> {
    let known = |(room, head): (&RoomId, &super::dialect::Head)| {
        (*room, Facts { head: Seq(head.seq), messages: head.messages, ..Facts::default() })
    };
    let mut all: AllFacts<'_> = heads.iter().map(known).collect();
    for stored in found {
        if let (Some(facts), Some(key)) = (all.get_mut(&stored.event.room), Key::of_stored(stored)) {
            facts.keys.insert(key, stored.clone());
        }
    }
    targets(run, batch, &mut all).await?;
    counts(run, batch, &mut all).await?;
    reacted(run, batch, &mut all).await?;
    pins(run, batch, &mut all).await?;
    marks(run, batch, &mut all).await?;
    members::facts(run, batch, heads, &mut all).await?;
    moderation::facts(run, batch, &mut all).await?;
    // These stand alone in their batch.
    if let [RoomBatch { room, entries }] = batch
        && let (Some(facts), [Entry { op, .. }]) = (all.get_mut(room), entries.as_slice())
    {
        if let Op::UpdateRoom(update) = op {
            facts.naming = rooms::naming(run, *room, update).await?;
        }
        if let Op::Prune(keep) = op {
            let (first, pruned) = prune::facts(run, *room, *keep).await?;
            (facts.first, facts.prune) = (first, Some(pruned));
        }
    }
    Ok(all)
}

/// The messages that are named, as they are now, with the threads that they are in or begin.
async fn targets(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    // What was edited stands in the row of its newest edit, and each of its columns even if it is null there.
    const COLUMNS: &str = "t.room_id, t.seq, t.user_id, t.deleted_seq, \
         CASE WHEN e.seq IS NULL THEN t.body ELSE e.body END, CASE WHEN e.seq IS NULL THEN t.meta ELSE e.meta END, \
         CASE WHEN e.seq IS NULL THEN t.mentions ELSE e.mentions END, \
         CASE WHEN e.seq IS NULL THEN t.flags ELSE e.flags END, \
         t.reply_to, t.thread, h.amount, h.last_ordinal, h.last_seq, e.amount, p.seq, e.seq";
    const TABLES: &str = "chat_events t JOIN chat_rooms r ON r.id = t.room_id \
         LEFT JOIN chat_events e ON e.room_id = t.room_id AND e.seq = t.edited_seq \
         LEFT JOIN chat_pins p ON p.room_id = t.room_id AND p.target_seq = t.seq \
         LEFT JOIN chat_threads h ON h.room_id = t.room_id AND h.root_seq = COALESCE(t.thread, t.seq)";
    const ON: &str = "t.room_id = k.room AND t.seq = k.target AND t.kind IN (1, 4) AND t.seq >= r.first_seq";
    let named: BTreeSet<_> =
        entries(batch).flat_map(|(room, entry)| entry.op.targets().map(move |seq| (room, seq))).collect();
    let keys = Rows::new(&["room", "target"], named.into_iter().map(|(room, seq)| [number(room.0), number(seq.0)]));
    let what = About::Select { columns: COLUMNS, tables: TABLES, on: ON, with_constants: false };
    for row in keys.query(run, what).await? {
        let (room, seq) = (RoomId(unsigned(&row, 0)?), Seq(unsigned(&row, 1)?));
        // A room that is gone has no facts, though its messages may still be there.
        let Some(facts) = all.get_mut(&room) else { continue };
        let target = target(run, &row)?;
        facts.threads.insert(target.body.thread.unwrap_or(seq), thread(&row)?);
        facts.targets.insert(seq, target);
    }
    Ok(())
}

fn target(run: &Transaction<'_>, row: &QueryResult) -> Result<Target, SqlError> {
    let place = (RoomId(unsigned(row, 0)?), optional_seq(row, 15)?.unwrap_or(Seq(unsigned(row, 1)?)));
    let (said, _) = rows::said(run, place, row, 4)?;
    let body = Body { reply_to: optional_seq(row, 8)?, thread: optional_seq(row, 9)?, ..said };
    Ok(Target {
        author: run.dialect.opaque_from(row, 2)?.map(|user| UserId::from_stored(&user)),
        body,
        is_deleted: optional_number(row, 3)?.is_some(),
        edits: optional_number(row, 13)?.unwrap_or_default(),
        is_pinned: optional_number(row, 14)?.is_some(),
        reactions: BTreeMap::new(),
    })
}

fn thread(row: &QueryResult) -> Result<Thread, SqlError> {
    let number = |index| Ok::<_, SqlError>(optional_number(row, index)?.unwrap_or_default());
    Ok(Thread { count: number(10)?, last_ordinal: number(11)?, last: Seq(number(12)?) })
}

/// The reactions to messages that are reacted to.
async fn counts(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    let named: BTreeSet<_> = reactions(batch).map(|(room, target, ..)| (room, target)).collect();
    let keys = Rows::new(&["room", "target"], named.into_iter().map(|(room, seq)| [number(room.0), number(seq.0)]));
    let what = About::Select {
        columns: "c.room_id, c.target_seq, c.reaction, c.amount, c.since_seq",
        tables: "chat_reaction_counts c",
        on: "c.room_id = k.room AND c.target_seq = k.target",
        with_constants: false,
    };
    for row in keys.query(run, what).await? {
        let (room, seq) = (RoomId(unsigned(&row, 0)?), Seq(unsigned(&row, 1)?));
        if let Some(target) = all.get_mut(&room).and_then(|facts| facts.targets.get_mut(&seq)) {
            let counted = Counted { count: unsigned(&row, 3)?, since: Seq(unsigned(&row, 4)?) };
            target.reactions.insert(reaction(run, &row, 2)?, counted);
        }
    }
    Ok(())
}

/// Those of the reactions that are added or taken back which are there.
async fn reacted(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    let named: BTreeSet<_> = reactions(batch).collect();
    let opaque = |text: &str| run.dialect.opaque(Some(text));
    let key = |(room, target, reaction, user): (RoomId, Seq, &Reaction, &UserId)| {
        [number(room.0), number(target.0), opaque(reaction.as_str()), opaque(user.as_str())]
    };
    let keys = Rows::new(&["room", "target", "reaction", "reactor"], named.into_iter().map(key));
    let what = About::Select {
        columns: "a.room_id, a.target_seq, a.reaction, a.user_id",
        tables: "chat_reactions a",
        on: "a.room_id = k.room AND a.target_seq = k.target AND a.reaction = k.reaction AND a.user_id = k.reactor",
        with_constants: true,
    };
    for row in keys.query(run, what).await? {
        let (room, seq) = (RoomId(unsigned(&row, 0)?), Seq(unsigned(&row, 1)?));
        let user = run.dialect.opaque_from(&row, 3)?.unwrap_or_default();
        if let Some(facts) = all.get_mut(&room) {
            facts.reacted.insert((seq, reaction(run, &row, 2)?, UserId::from_stored(&user)));
        }
    }
    Ok(())
}

/// How many messages are pinned in the rooms where one is to be.
async fn pins(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    let pinning = entries(batch).filter(|(_, entry)| matches!(entry.op, Op::Pin(..)));
    let rooms: BTreeSet<_> = pinning.map(|(room, _)| room).collect();
    let what = About::Select {
        columns: "r.id, (SELECT COUNT(*) FROM chat_pins p WHERE p.room_id = r.id AND p.target_seq >= r.first_seq)",
        tables: "chat_rooms r",
        on: "r.id = k.room",
        with_constants: false,
    };
    for row in Rows::new(&["room"], rooms.into_iter().map(|room| [number(room.0)])).query(run, what).await? {
        if let Some(facts) = all.get_mut(&RoomId(unsigned(&row, 0)?)) {
            facts.pins = unsigned(&row, 1)?;
        }
    }
    Ok(())
}

/// How far those have read who mark a room, and what is needed to move their marks.
async fn marks(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    let wanted = entries(batch).filter_map(|(room, entry)| {
        let Op::Mark(to) = &entry.op else { return None };
        Some((room, &entry.actor.as_ref()?.id, to.seq))
    });
    let wanted: Vec<_> = wanted.collect::<BTreeSet<_>>().into_iter().collect();
    let key = |(index, (room, user, seq)): (usize, &(RoomId, &UserId, Seq))| {
        [number(index as u64), number(room.0), run.dialect.opaque(Some(user.as_str())), number(seq.0)]
    };
    let authors = run.dialect.by_index("chat_events_authors");
    let columns = format!(
        "k.place, r.pruned_ordinal, m.seq, m.ordinal, m.by_back, \
         (SELECT e.ordinal FROM chat_events e WHERE e.room_id = r.id AND e.seq = k.upto), \
         (SELECT o.seq FROM chat_events o{authors} WHERE o.room_id = r.id AND o.user_id = k.reader AND o.kind = 1 \
         ORDER BY o.seq DESC LIMIT 1)"
    );
    let what = About::Select {
        columns: &columns,
        tables: "chat_rooms r LEFT JOIN chat_reads m ON m.user_id = k.reader AND m.room_id = r.id AND m.thread = 0",
        on: "r.id = k.room",
        with_constants: true,
    };
    let keys = Rows::new(&["place", "room", "reader", "upto"], wanted.iter().enumerate().map(key));
    for row in keys.query(run, what).await? {
        let place = usize::try_from(unsigned(&row, 0)?).unwrap_or(usize::MAX);
        let Some((room, user, seq)) = wanted.get(place) else { continue };
        let Some(facts) = all.get_mut(room) else { continue };
        facts.pruned = unsigned(&row, 1)?;
        if let Some(mark) = mark(&row, 2)? {
            facts.marks.insert((*user).clone(), mark);
        }
        facts.ordinals.extend(optional_number(&row, 5)?.map(|ordinal| (*seq, ordinal)));
        facts.newest_own.extend(optional_number(&row, 6)?.map(|own| ((*user).clone(), Seq(own))));
    }
    Ok(())
}

/// A mark from its columns: seq, ordinal, `by_back`.
fn mark(row: &QueryResult, first: usize) -> Result<Option<Mark>, SqlError> {
    let Some(seq) = optional_number(row, first)? else { return Ok(None) };
    let by_back: i16 = row.try_get_by_index(first + 2)?;
    Ok(Some(Mark { seq: Seq(seq), ordinal: unsigned(row, first + 1)?, by_back: by_back != 0 }))
}

fn reaction(run: &Transaction<'_>, row: &QueryResult, index: usize) -> Result<Reaction, SqlError> {
    Ok(Reaction::from_stored(&run.dialect.opaque_from(row, index)?.unwrap_or_default()))
}

/// The reactions that are to be added or taken back.
fn reactions(batch: &[RoomBatch]) -> impl Iterator<Item = (RoomId, Seq, &Reaction, &UserId)> {
    entries(batch).filter_map(|(room, entry)| {
        let Op::React(target, reaction, _) = &entry.op else { return None };
        Some((room, *target, reaction, &entry.actor.as_ref()?.id))
    })
}

fn entries(batch: &[RoomBatch]) -> impl Iterator<Item = (RoomId, &Entry)> {
    batch.iter().flat_map(|RoomBatch { room, entries }| entries.iter().map(|entry| (*room, entry)))
}
