//! Exporting and importing rooms.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use sea_orm::ConnectionTrait;

use super::{
    NAME_TRIES, SeaStore, changes, contended,
    dialect::{
        self, HEAD_COLUMNS, Head, Heads, Key,
        about::{About, Rows},
    },
    error::SqlError,
    facts, members,
    pool::{Checkout, Pool},
    reads, rooms,
    rows::{number, optional_number, signed, unsigned},
    run::{Run, Transaction, Write},
};
use crate::{
    Event, Notify, Room, RoomId, RoomKind, RoomName, Seq, Timestamp, Topic, UserId, UserMark,
    append::{Claim, RoomBatch, RoomRecord, StoredEvent},
    archive::{Archived, ArchivedEvent, Misfit, RoomHead},
    failpoints::{self, Point},
    store::{
        Archive, StoreError,
        judge::{self, Facts, Replayed, Thread},
    },
};

/// `deleted_at` of a room that is being imported: it is as gone as a deleted one, but for the purge.
pub(super) const IMPORTING: i64 = i64::MAX;

/// What makes an ordinary deleted room of one that is being imported. It was there for nobody, so nobody is told.
const ABANDON: &str = "UPDATE chat_rooms SET deleted_at = created_at, tail_seq = head";

/// Makes ordinary deleted rooms of what other processes have left unfinished.
pub(super) async fn abandon_all(pool: &Arc<Pool>) -> Result<(), SqlError> {
    let write = Write::begin(pool).await?;
    let sql = format!("{ABANDON} WHERE deleted_at = ?");
    let done = write.run().execute(&sql, vec![IMPORTING.into()]).await;
    let left = write.end(done).await?.rows_affected();
    if left > 0 {
        tracing::info!(rooms = left, "imports that were not finished are removed");
    }
    Ok(())
}

#[async_trait]
impl Archive for SeaStore {
    async fn head(&self, room: RoomId) -> Result<Option<RoomHead>, StoreError> {
        Ok(self.readers.read(|checkout| async move { head(&checkout.run(), room).await }).await?)
    }

    async fn notify_settings(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, Notify)>, StoreError> {
        let after = after.cloned();
        let reading = |checkout: Arc<Checkout>| async move {
            notify_settings(&checkout.run(), room, after.as_ref(), limit).await
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn begin_import(&self, head: &RoomHead) -> Result<RoomId, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let begun = begin(&write.run(), head).await;
        Ok(write.end(begun).await?)
    }

    async fn import(&self, room: RoomId, items: &[Archived]) -> Result<Option<Result<(), Misfit>>, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let stored = match import(&write.run(), room, items).await {
            // Dropped, the transaction is rolled back.
            Ok(Some(Err(misfit))) => return Ok(Some(Err(misfit))),
            stored => stored,
        };
        Ok(write.end(stored).await?)
    }

    async fn finish_imports(
        &self,
        imports: &[(RoomId, RoomName, Option<String>)],
    ) -> Result<Option<Result<Vec<Room>, Box<Room>>>, StoreError> {
        let mut failed = None;
        for _ in 0..NAME_TRIES {
            for import in imports {
                let import = import.clone();
                let reading = |checkout: Arc<Checkout>| async move { in_the_way(&checkout.run(), &import).await };
                if let Some(holder) = self.readers.read(reading).await? {
                    return Ok(Some(Err(Box::new(holder))));
                }
            }
            let write = Write::begin(&self.writers).await?;
            let finished = match finish(&write.run(), imports).await {
                Ok(None) => return Ok(None),
                finished => finished,
            };
            match write.end(finished).await {
                Err(fault) if fault.is_taken => failed = Some(fault),
                ended => return Ok(ended?.map(Ok)),
            }
        }
        Err(contended(failed).into())
    }

    async fn abandon_import(&self, room: RoomId) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let sql = format!("{ABANDON} WHERE id = ? AND deleted_at = ?");
        let done = write.run().execute(&sql, vec![signed(room.0).into(), IMPORTING.into()]).await;
        write.end(done).await?;
        Ok(())
    }
}

async fn head(run: &Run<'_, impl ConnectionTrait>, room: RoomId) -> Result<Option<RoomHead>, SqlError> {
    let sql = "SELECT name, topic, created_at, first_seq, pruned_ordinal, last_message_seq, last_message_at, kind, owned, invites, external \
         FROM chat_rooms WHERE id = ? AND deleted_at IS NULL";
    let Some(row) = run.query_one(sql, vec![signed(room.0).into()]).await? else { return Ok(None) };
    let first_seq = Seq(unsigned(&row, 3)?);
    let (last, at) = (optional_number(&row, 5)?, row.try_get_by_index::<Option<i64>>(6)?);
    let last = last.zip(at).map(|(seq, at)| (Seq(seq), Timestamp(at)));
    Ok(Some(RoomHead {
        name: RoomName::from_stored(&row.try_get_by_index::<String>(0)?),
        topic: Topic::from_stored(&row.try_get_by_index::<String>(1)?),
        created_at: Timestamp(row.try_get_by_index(2)?),
        terms: members::terms(&row, 7)?,
        first_seq,
        pruned_ordinal: unsigned(&row, 4)?,
        pruned_last: last.filter(|(seq, _)| *seq < first_seq),
        external: run.dialect.opaque_from(&row, 10)?,
    }))
}

async fn notify_settings(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<(UserId, Notify)>, SqlError> {
    // No id is empty.
    let after = run.dialect.opaque(Some(after.map_or("", UserId::as_str)));
    let sql = "SELECT user_id, notify FROM chat_notify WHERE room_id = ? AND user_id > ? ORDER BY user_id LIMIT ?";
    let mut settings = Vec::new();
    for row in run.query(sql, vec![signed(room.0).into(), after, rooms::count(limit)]).await? {
        let user = run.dialect.opaque_from(&row, 0)?.unwrap_or_default();
        settings.push((UserId::from_stored(&user), reads::notify(&row, 1)?));
    }
    Ok(settings)
}

/// Makes the room, and hides it.
async fn begin(run: &Transaction<'_>, head: &RoomHead) -> Result<RoomId, SqlError> {
    let RoomHead { name: _, topic, created_at, terms, first_seq, pruned_ordinal, pruned_last, external: _ } =
        head.clone();
    // Until it is finished it has no name. A new row has to have one.
    let unnamed = RoomName::from_stored(&format!("import {}", uuid::Uuid::new_v4().simple()));
    let room = run.dialect.insert_room(run, &RoomRecord::open(unnamed, topic, created_at)).await?;
    let sql = "UPDATE chat_rooms SET name = NULL, name_search = NULL, name_key = NULL, deleted_at = ?, first_seq = ?, \
         pruned_ordinal = ?, head = ?, ordinal = ?, indexed_seq = ?, last_message_seq = ?, last_message_at = ?, kind = ?, \
         owned = ?, invites = ? WHERE id = ?";
    let before = first_seq.0 - 1;
    let values = vec![
        IMPORTING.into(),
        number(first_seq.0),
        number(pruned_ordinal),
        number(before),
        number(pruned_ordinal),
        number(before),
        pruned_last.map(|(seq, _)| signed(seq.0)).into(),
        pruned_last.map(|(_, at)| at.0).into(),
        members::kind_value(terms.kind),
        i16::from(terms.owned).into(),
        members::invites_value(terms.invites),
        number(room.0),
    ];
    run.execute(sql, values).await?;
    Ok(room)
}

/// What is known of a room that is being imported.
struct Importing {
    head: Head,
    first: Seq,
}

/// Stores what comes next. `None`, if the room is not being imported.
async fn import(
    run: &Transaction<'_>,
    room: RoomId,
    items: &[Archived],
) -> Result<Option<Result<(), Misfit>>, SqlError> {
    let sql = format!(
        "SELECT {}, first_seq FROM chat_rooms WHERE id = ? AND deleted_at = ?{}",
        HEAD_COLUMNS.join(", "),
        run.dialect.for_update()
    );
    let Some(row) = run.query_one(&sql, vec![number(room.0), IMPORTING.into()]).await? else { return Ok(None) };
    let importing = Importing { head: dialect::head(&row, 0)?, first: Seq(unsigned(&row, HEAD_COLUMNS.len())?) };
    let (mut events, mut marks, mut settings) = (Vec::new(), Vec::new(), Vec::new());
    let (mut members, mut restrictions) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match item {
            Archived::Event(event) => events.push((index, event)),
            Archived::Mark(mark) => marks.push((index, mark)),
            Archived::Notify(user, notify) => settings.push((index, user, *notify)),
            Archived::Member(member) => members.push(member),
            Archived::Restriction(kind, restriction) => restrictions.push((*kind, restriction)),
        }
    }
    let head = match import_events(run, room, &importing, &events).await? {
        Ok(head) => head,
        Err(misfit) => return Ok(Some(Err(misfit))),
    };
    if let Err(misfit) = import_marks(run, room, head, &marks).await? {
        return Ok(Some(Err(misfit)));
    }
    members::import(run, room, &members, &restrictions).await?;
    import_settings(run, room, &settings).await.map(Some)
}

/// Stores the next events; returns where the log ends then.
async fn import_events(
    run: &Transaction<'_>,
    room: RoomId,
    importing: &Importing,
    events: &[(usize, &ArchivedEvent)],
) -> Result<Result<Head, Misfit>, SqlError> {
    if events.is_empty() {
        return Ok(Ok(importing.head));
    }
    let unique = || uuid::Uuid::now_v7().simple().to_string();
    let replayed: Vec<_> = events.iter().map(|(index, event)| Replayed::new(*index, event, &unique())).collect();
    let found = run.dialect.find_keys(run, &keys(room, events)).await?;
    let entries = replayed.iter().filter_map(|replayed| replayed.entry.clone()).collect();
    let heads = Heads::from([(room, importing.head)]);
    let batch = [RoomBatch { room, entries }];
    let facts = facts::load(run, &batch, &heads, &found).await?.remove(&room).unwrap_or_default();
    let mut facts = Facts { first: importing.first, ..facts };
    pruned_threads(run, room, events, &mut facts).await?;
    let judgement = match judge::replay(room, &replayed, facts) {
        Ok(judgement) => judgement,
        Err(misfit) => return Ok(Err(misfit)),
    };
    failpoints::reached(Point::BeforeInsert);
    run.dialect.insert_events(run, &judgement.new).await?;
    changes::store(run, &[(room, &judgement.changes)].into()).await?;
    failpoints::reached(Point::AfterInsert);
    let head = raise(run, room, &judgement.new, importing.head).await?;
    Ok(Ok(head))
}

/// The keys that are given in a batch, each once.
fn keys<'e>(room: RoomId, events: &[(usize, &'e ArchivedEvent)]) -> Vec<Key<'e>> {
    let key = |event: &'e Event| {
        let (user, key) = (event.actor.as_ref()?.id.as_str(), event.key.as_ref()?.as_str());
        Some(Key { room, user, key })
    };
    let all = events.iter().filter_map(|(_, archived)| key(&archived.event));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The newest ordinals in threads whose roots were pruned: nothing else is known of them.
async fn pruned_threads(
    run: &Transaction<'_>,
    room: RoomId,
    events: &[(usize, &ArchivedEvent)],
    facts: &mut Facts<'_>,
) -> Result<(), SqlError> {
    let threads = events.iter().filter_map(|(_, archived)| archived.event.message()?.body.thread);
    let pruned: BTreeSet<_> = threads.filter(|root| *root < facts.first).collect();
    let sql = format!(
        "SELECT thread_ordinal FROM chat_events{} WHERE room_id = ? AND thread = ? AND kind = 4 \
         ORDER BY thread_ordinal DESC LIMIT 1",
        run.dialect.by_index("chat_events_threads")
    );
    for root in pruned {
        if let Some(row) = run.query_one(&sql, vec![number(room.0), number(root.0)]).await? {
            facts.threads.insert(root, Thread { last_ordinal: unsigned(&row, 0)?, ..Thread::default() });
        }
    }
    Ok(())
}

/// Writes down where the log ends with these events.
async fn raise(run: &Transaction<'_>, room: RoomId, new: &[StoredEvent], before: Head) -> Result<Head, SqlError> {
    let Some(last) = new.last() else { return Ok(before) };
    let head = Head { seq: last.event.seq.0, messages: last.ordinal, ..before };
    let message = new.iter().rev().find(|stored| stored.event.countable().is_some());
    let sql = "UPDATE chat_rooms SET head = ?, ordinal = ? WHERE id = ?";
    run.execute(sql, vec![number(head.seq), number(head.messages), number(room.0)]).await?;
    if let Some(message) = message {
        let sql = "UPDATE chat_rooms SET last_message_seq = ?, last_message_at = ? WHERE id = ?";
        let values = vec![number(message.event.seq.0), message.event.at.0.into(), number(room.0)];
        run.execute(sql, values).await?;
    }
    Ok(head)
}

/// Stores marks, by the rules of marking a room.
async fn import_marks(
    run: &Transaction<'_>,
    room: RoomId,
    head: Head,
    marks: &[(usize, &UserMark)],
) -> Result<Result<(), Misfit>, SqlError> {
    if marks.is_empty() {
        return Ok(Ok(()));
    }
    let batch = [RoomBatch { room, entries: marks.iter().map(|(_, mark)| judge::mark_entry(mark)).collect() }];
    let heads = Heads::from([(room, head)]);
    let facts = facts::load(run, &batch, &heads, &[]).await?.remove(&room).unwrap_or_default();
    if let Err(misfit) = judge::check_marks(marks, &facts) {
        return Ok(Err(misfit));
    }
    let judgement = judge::judge(room, &batch[0].entries, facts);
    changes::store(run, &[(room, &judgement.changes)].into()).await?;
    Ok(Ok(()))
}

/// Stores what users want to be told.
async fn import_settings(
    run: &Transaction<'_>,
    room: RoomId,
    settings: &[(usize, &UserId, Notify)],
) -> Result<Result<(), Misfit>, SqlError> {
    let opaque = |user: &UserId| run.dialect.opaque(Some(user.as_str()));
    let keys = Rows::new(&["reader", "room"], settings.iter().map(|(_, user, _)| [opaque(user), number(room.0)]));
    let what = About::Select {
        columns: "n.user_id",
        tables: "chat_notify n",
        on: "n.user_id = k.reader AND n.room_id = k.room",
        with_constants: true,
    };
    let mut known = BTreeSet::new();
    for row in keys.query(run, what).await? {
        known.insert(UserId::from_stored(&run.dialect.opaque_from(&row, 0)?.unwrap_or_default()));
    }
    for (index, user, _) in settings {
        if !known.insert((*user).clone()) {
            return Ok(Err(Misfit::new(*index, "user", "has one already")));
        }
    }
    let rows = settings.iter().map(|(_, user, notify)| [opaque(user), number(room.0), reads::notify_value(*notify)]);
    let put = About::Put { table: "chat_notify", key: 2, optional: "" };
    Rows::new(&["user_id", "room_id", "notify"], rows).execute(run, put).await?;
    Ok(Ok(()))
}

/// What a room of this kind that is being imported is to have for itself, unless it has a key of the host's.
async fn claim(
    run: &Run<'_, impl ConnectionTrait>,
    (room, kind): (&RoomId, RoomKind),
    name: &RoomName,
) -> Result<Option<Claim>, SqlError> {
    let pair = if kind == RoomKind::Direct { members::pair(run, *room).await? } else { None };
    Ok(Claim::of(kind, name, pair.as_ref()))
}

/// The room that has what one that is being imported is to have.
async fn in_the_way(
    run: &Run<'_, impl ConnectionTrait>,
    (room, name, external): &(RoomId, RoomName, Option<String>),
) -> Result<Option<Room>, SqlError> {
    if let Some(external) = external {
        return rooms::holder(run, &Claim::External(external.clone())).await;
    }
    let sql = "SELECT kind, owned, invites FROM chat_rooms WHERE id = ?";
    let Some(row) = run.query_one(sql, vec![number(room.0)]).await? else { return Ok(None) };
    let Some(claim) = claim(run, (room, members::terms(&row, 0)?.kind), name).await? else { return Ok(None) };
    rooms::holder(run, &claim).await
}

/// Makes living rooms of all of them; `None` if one is not being imported any more.
async fn finish(
    run: &Transaction<'_>,
    imports: &[(RoomId, RoomName, Option<String>)],
) -> Result<Option<Vec<Room>>, SqlError> {
    let mut finished = Vec::new();
    for (room, name, external) in imports {
        let key = name.key();
        let opaque = |text| run.dialect.opaque(text);
        let own = Some(key.as_str()).filter(|_| external.is_none());
        let sql = "UPDATE chat_rooms SET name = ?, name_search = ?, name_key = CASE WHEN kind = 0 THEN ? END, external = ?, \
             members = (SELECT COUNT(*) FROM chat_members m WHERE m.room_id = chat_rooms.id), deleted_at = NULL \
             WHERE id = ? AND deleted_at = ?";
        let values = vec![
            name.as_str().into(),
            opaque(Some(&key)),
            opaque(own),
            opaque(external.as_deref()),
            number(room.0),
            IMPORTING.into(),
        ];
        if run.execute(sql, values).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let made = rooms::by_id(run, *room).await?;
        if let Some(made) = &made {
            // As of a new room, every public name is found by searches.
            rooms::set_claim(run, *room, claim(run, (room, made.kind), name).await?).await?;
        }
        finished.extend(made);
    }
    Ok(Some(finished))
}
