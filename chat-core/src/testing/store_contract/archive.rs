//! What holds for rooms that are taken along: exported, and imported as new ones.

use std::fmt::Debug;

use super::{
    Opener, append, append_one, entry, log, make_room, message, messages, new_seq, states::random_entry, try_append,
    update, user, viewer,
};
use crate::{
    Body, Edit, Event, HistoryQuery, Identity, Keep, MarkTo, MyRoomQuery, Notify, RoomId, RoomName, RoomQuery, Seq,
    Timestamp, Topic, UserMark,
    append::{AppendOutcome, Entry, EventKey, Op, RoomRecord},
    archive::{Archived, ArchivedEvent, Misfit, RoomHead},
    error::Error,
    store::Store,
    testing::world::Rng,
};

const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Whatever has happened in a room, also if it was pruned: every read of the imported room shows the same, and retries get the
/// same answers.
pub async fn an_imported_room_reads_as_the_exported_one(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let epoch = store.epoch().await.unwrap();
    let cases = [(None, 1), (None, 40), (Some(Keep::From(Seq(60))), 7), (Some(Keep::Last(0)), 1_000)];
    for (number, (pruned, batch)) in cases.into_iter().enumerate() {
        let room = make_room(store, &format!("room {number}")).await;
        let entries = live_in(store, room, &mut Rng::new(number as u64), pruned).await;
        let (head, items) = exported(store, room).await;
        let name = RoomName::new(&format!("copy {number}")).unwrap();
        let copy = imported(store, &head, &items, &name, batch).await;
        reads_the_same(store, room, copy).await;
        assert_eq!(exported(store, copy).await, (RoomHead { name, ..head }, of_room(items, copy)), "again");
        retries_are_answered_alike(store, room, copy, &entries).await;
    }
    assert_eq!(store.epoch().await.unwrap(), epoch);
}

/// What is not finished is found by no read, takes nothing in, and stays through purges until it is given up.
pub async fn an_unfinished_import_is_there_for_nobody(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    let (head, items) = exported(store, room).await;
    let archive = store.archive();
    let (hidden, given_up) = (archive.begin_import(&head).await.unwrap(), archive.begin_import(&head).await.unwrap());
    for import in [hidden, given_up] {
        assert_eq!(archive.import(import, &items[..1]).await.unwrap(), Some(Ok(())));
        assert_eq!(store.room(import).await.unwrap(), None);
        assert_eq!(store.history(import, HistoryQuery::newest(), None).await.unwrap(), None);
        assert_eq!(store.heads(&[import]).await.unwrap(), [None]);
        assert!(try_append(store, import, messages(&alice, &["x"])).await.is_none());
        assert_eq!(archive.head(import).await.unwrap(), None);
    }
    assert_eq!(store.rooms(&RoomQuery::default(), &crate::store::Viewer::Host).await.unwrap().rooms.len(), 1);
    assert_eq!(store.reader().my_rooms(&viewer(&alice.id), &MyRoomQuery::default()).await.unwrap().rooms.len(), 1);
    archive.abandon_import(given_up).await.unwrap();
    archive.abandon_import(room).await.unwrap();
    while store.purge(10).await.unwrap() > 0 {}
    assert_eq!(archive.import(given_up, &items[1..]).await.unwrap(), None);
    assert!(log(store, given_up).await.is_empty());
    let name = |name: &str| RoomName::new(name).unwrap();
    assert_eq!(archive.finish_imports(&[(given_up, name("a"), None)]).await.unwrap(), None);
    assert_eq!(archive.import(room, &items).await.unwrap(), None, "a living room is never written into");
    assert_eq!(archive.finish_imports(&[(room, name("b"), None)]).await.unwrap(), None);
    assert_eq!(archive.import(hidden, &items[1..]).await.unwrap(), Some(Ok(())));
    let rooms = archive.finish_imports(&[(hidden, name("copy"), None)]).await.unwrap().unwrap().unwrap();
    assert_eq!((rooms[0].id, rooms[0].head), (hidden, Seq(2)));
    assert_eq!(store.room_by_name("copy").await.unwrap(), Some(rooms[0].clone()));
    let next = append_one(store, hidden, message(&alice, "3", "3")).await;
    assert_eq!(new_seq(&next), Seq(3));
}

/// A name that is taken keeps all of the imports from becoming rooms.
pub async fn a_taken_name_finishes_nothing(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let taken = make_room(store, "taken").await;
    let (head, _) = exported(store, taken).await;
    let archive = store.archive();
    let (one, other) = (archive.begin_import(&head).await.unwrap(), archive.begin_import(&head).await.unwrap());
    let named = |name: &str| [(one, RoomName::new("free").unwrap(), None), (other, RoomName::new(name).unwrap(), None)];
    let refused = archive.finish_imports(&named("TAKEN")).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.id, taken);
    assert_eq!(store.room_by_name("free").await.unwrap(), None);
    let rooms = archive.finish_imports(&named("other")).await.unwrap().unwrap().unwrap();
    assert_eq!(rooms.iter().map(|room| room.id).collect::<Vec<_>>(), [one, other]);
    let query = RoomQuery { name_contains: Some("fre".to_owned()), ..RoomQuery::default() };
    assert_eq!(
        store.rooms(&query, &crate::store::Viewer::Host).await.unwrap().rooms.len(),
        1,
        "it is found by its name"
    );
}

/// A host's key goes with its room, whose name is not its own then.
pub async fn the_key_of_the_host_is_taken_along(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let name = RoomName::new("project").unwrap();
    let open = RoomRecord::open(name.clone(), Topic::from_stored(""), Timestamp(1));
    let first = store.create_room(&RoomRecord { external: Some("key-1".to_owned()), ..open }).await.unwrap().unwrap();
    let (head, _) = exported(store, first.id).await;
    assert_eq!(head.external.as_deref(), Some("key-1"));
    let archive = store.archive();
    let [one, other] = [archive.begin_import(&head).await.unwrap(), archive.begin_import(&head).await.unwrap()];
    assert_eq!(store.room_by_external("key-2").await.unwrap(), None);
    let keyed = |key: &str| [(one, name.clone(), Some(key.to_owned())), (other, name.clone(), None)];
    let refused = archive.finish_imports(&keyed("key-1")).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.id, first.id);
    assert_eq!(store.room_by_name("project").await.unwrap(), None, "all or nothing");
    archive.finish_imports(&keyed("key-2")).await.unwrap().unwrap().unwrap();
    let found = store.room_by_external("key-2").await.unwrap().unwrap();
    assert_eq!((found.id, found.external.as_deref()), (one, Some("key-2")));
    assert_eq!(store.room_by_name("project").await.unwrap().unwrap().id, other, "it has the name for itself");
    let query = RoomQuery { name_contains: Some("roj".to_owned()), ..RoomQuery::default() };
    let found = store.rooms(&query, &crate::store::Viewer::Host).await.unwrap().rooms;
    let found: Vec<_> = found.iter().map(|room| room.id).collect();
    assert_eq!(found, [first.id, one, other], "each is found by its name");
}

/// What makes no sense where it stands is refused, in later parts of an import too, and leaves nothing.
pub async fn what_does_not_fit_is_refused(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    let react = Op::React(Seq(1), crate::Reaction::new("yes").unwrap(), true);
    let thread = Body { thread: Some(Seq(1)), ..Body::text("in it") };
    let entries = vec![
        entry(&bob, "r", react),
        entry(&bob, "t", Op::Message(thread)),
        entry(&alice, "e", Op::Edit(Seq(1), Edit::text("one"))),
        entry(&alice, "d", Op::Delete(Seq(2), None)),
        entry(&bob, "p", Op::Pin(Seq(1), true)),
    ];
    append(store, room, entries).await;
    store.reader().set_notify(&bob.id, room, Notify::None).await.unwrap().unwrap();
    let (head, items) = exported(store, room).await;
    let cases = nonsense(&items, &bob);
    for (items, field) in cases {
        // In one part, and in many: what is checked is in the batch then, or in the database.
        for batch in [1, 100] {
            let misfit = refused(store, &head, &items, batch).await;
            assert_eq!(misfit.invalid.field, field, "{misfit} in parts of {batch}");
        }
    }
    while store.purge(100).await.unwrap() > 0 {}
    assert_eq!(store.rooms(&RoomQuery::default(), &crate::store::Viewer::Host).await.unwrap().rooms.len(), 1);
    imported(store, &head, &items, &RoomName::new("copy").unwrap(), 3).await;
}

/// What is refused, each with the field that is wrong.
fn nonsense(items: &[Archived], bob: &Identity) -> Vec<(Vec<Archived>, &'static str)> {
    use crate::EventKind as K;
    let doubled = |at: usize| {
        let mut items = items.to_vec();
        items.insert(at + 1, items[at].clone());
        items
    };
    let changed = |at: usize, change: fn(&mut Event)| {
        let mut items = items.to_vec();
        let Archived::Event(archived) = &mut items[at] else { panic!("{at} is no event") };
        change(&mut archived.event);
        items
    };
    vec![
        (doubled(0), "seq"),
        (doubled(6), "seq"),
        (changed(1, |event| event.key = crate::IdempotencyKey::new("1").ok()), "key"),
        (
            changed(2, |event| {
                if let K::Reaction { count, .. } = &mut event.kind {
                    *count = 2
                }
            }),
            "count",
        ),
        (
            changed(2, |event| {
                if let K::Reaction { target, .. } = &mut event.kind {
                    *target = Seq(3)
                }
            }),
            "target",
        ),
        (
            changed(3, |event| {
                if let K::Message(message) = &mut event.kind {
                    message.thread_ordinal = None
                }
            }),
            "thread_ordinal",
        ),
        (
            changed(4, |event| {
                if let K::MessageEdited(edit) = &mut event.kind {
                    edit.count = 2
                }
            }),
            "count",
        ),
        (
            changed(6, |event| {
                if let K::Pin { target, .. } = &mut event.kind {
                    *target = Seq(2)
                }
            }),
            "target",
        ),
        (
            changed(6, |event| {
                if let K::Pin { target, .. } = &mut event.kind {
                    *target = Seq(6)
                }
            }),
            "target",
        ),
        (changed(6, |event| event.kind = K::RoomDeleted), "type"),
        (doubled(items.len() - 2), "user"),
        (doubled(items.len() - 1), "user"),
        ([items.to_vec(), vec![beyond(bob)]].concat(), "seq"),
    ]
}

/// A mark beyond the head, of somebody who has none.
fn beyond(bob: &Identity) -> Archived {
    let nobody = Identity::of(user("nobody").id, bob.name.clone());
    Archived::Mark(UserMark { user: nobody, seq: Seq(99) })
}

/// Lets things happen in a room; returns what was stored.
async fn live_in(store: &dyn Store, room: RoomId, rng: &mut Rng, pruned: Option<Keep>) -> Vec<Entry> {
    let (mut stored, mut head) = (Vec::new(), 0);
    for round in 0..40 {
        let mut entries: Vec<_> = (0..rng.between(1, 8)).map(|_| random_entry(rng, head)).collect();
        let to = MarkTo { seq: Seq(rng.between(0, head + 2)), back: rng.percent(40) };
        entries.push(entry(&user(rng.pick(&USERS).unwrap()), " mark", Op::Mark(to)));
        let outcomes = append(store, room, entries.clone()).await;
        let new = entries.into_iter().zip(outcomes);
        stored.extend(new.filter(|(_, outcome)| matches!(outcome, AppendOutcome::New { .. })).map(|(entry, _)| entry));
        if round % 10 == 5 {
            update(store, room, None, Some(&format!("topic {round}"))).await;
        }
        head = store.room(room).await.unwrap().unwrap().head.0;
    }
    let settings = [("alice", Notify::None), ("zoe", Notify::Mentions), ("bob", Notify::All)];
    for (name, notify) in settings {
        store.reader().set_notify(&user(name).id, room, notify).await.unwrap().unwrap();
    }
    if let Some(keep) = pruned {
        let (key, at) = (EventKey::generated("prune"), Timestamp(1_700_000_000_000_003));
        append_one(store, room, Entry::new(None, key, at, Op::Prune(keep))).await;
        while store.purge(1_000).await.unwrap() > 0 {}
    }
    stored
}

/// All that is kept of a room.
pub(super) async fn exported(store: &dyn Store, room: RoomId) -> (RoomHead, Vec<Archived>) {
    let head = store.archive().head(room).await.unwrap().unwrap();
    let mut items = Vec::new();
    for stored in log(store, room).await {
        items.push(Archived::Event(ArchivedEvent::of(&stored, head.first_seq)));
    }
    let marks = store.reader().marks(room, None, None, 1_000).await.unwrap().unwrap().marks;
    items.extend(marks.into_iter().map(Archived::Mark));
    let mut after = None;
    loop {
        let page = store.archive().notify_settings(room, after.as_ref(), 2).await.unwrap();
        after = page.last().map(|(user, _)| user.clone());
        items.extend(page.into_iter().map(|(user, notify)| Archived::Notify(user, notify)));
        if after.is_none() {
            return (head, items);
        }
    }
}

/// The same with another room in the events.
fn of_room(mut items: Vec<Archived>, room: RoomId) -> Vec<Archived> {
    for item in &mut items {
        if let Archived::Event(archived) = item {
            archived.event.room = room;
        }
    }
    items
}

async fn imported(store: &dyn Store, head: &RoomHead, items: &[Archived], name: &RoomName, batch: usize) -> RoomId {
    let room = store.archive().begin_import(head).await.unwrap();
    for part in items.chunks(batch) {
        assert_eq!(store.archive().import(room, part).await.unwrap(), Some(Ok(())));
    }
    let rooms = store.archive().finish_imports(&[(room, name.clone(), None)]).await.unwrap().unwrap().unwrap();
    rooms[0].id
}

/// Imports what does not fit.
async fn refused(store: &dyn Store, head: &RoomHead, items: &[Archived], batch: usize) -> Misfit {
    let room = store.archive().begin_import(head).await.unwrap();
    for part in items.chunks(batch) {
        if let Err(misfit) = store.archive().import(room, part).await.unwrap().unwrap() {
            store.archive().abandon_import(room).await.unwrap();
            return misfit;
        }
    }
    panic!("all of it was taken: {items:?}");
}

/// Compares all reads of two rooms.
async fn reads_the_same(store: &dyn Store, room: RoomId, copy: RoomId) {
    let (one, other) = (reads(store, room).await, reads(store, copy).await);
    assert_eq!(one.len(), other.len());
    for (one, other) in one.into_iter().zip(other) {
        assert_eq!(one, other);
    }
}

/// What all reads of a room show, without its id and its name.
async fn reads(store: &dyn Store, room: RoomId) -> Vec<String> {
    let shown = |read: &dyn Debug| format!("{read:?}").replace(&format!("{room:?}"), "the room");
    let alice = user("alice").id;
    let (mut row, reader) = (store.room(room).await.unwrap().unwrap(), store.reader());
    row.name = RoomName::new("name").unwrap();
    let mut reads = vec![shown(&row)];
    for seq in (0..=row.head.0).map(Seq) {
        let around = HistoryQuery::around(seq).limit(5);
        reads.push(shown(&store.history(room, around, Some(&alice)).await.unwrap()));
        reads.push(shown(&reader.message(room, seq, Some(&alice)).await.unwrap()));
        reads.push(shown(&reader.versions(room, seq).await.unwrap()));
        reads.push(shown(&reader.reactors(room, seq, None, 100).await.unwrap()));
        reads.push(shown(&reader.thread(room, seq, HistoryQuery::newest().limit(100), Some(&alice)).await.unwrap()));
        reads.push(shown(&reader.thread_users(room, seq, 100).await.unwrap()));
    }
    reads.push(shown(&reader.pins(room, Some(&alice)).await.unwrap()));
    reads.push(shown(&reader.marks(room, None, None, 100).await.unwrap()));
    reads.push(shown(&reader.activity(&[room]).await.unwrap()));
    for name in USERS {
        let rooms =
            reader.my_rooms(&viewer(&user(name).id), &MyRoomQuery { limit: 100, after: None }).await.unwrap().rooms;
        let mine = rooms.into_iter().find(|mine| mine.room.id == room);
        reads.push(shown(&mine.map(|mine| (mine.unread, mine.last_message, mine.notify))));
    }
    reads
}

/// The same again, and another content under the same key, are answered by both rooms alike.
async fn retries_are_answered_alike(store: &dyn Store, room: RoomId, copy: RoomId, entries: &[Entry]) {
    for entry in entries {
        let other = Entry { fingerprint: crate::append::Fingerprint(7), ..entry.clone() };
        for retry in [entry.clone(), other] {
            let answers = [append_one(store, room, retry.clone()).await, append_one(store, copy, retry).await];
            let [one, other] = answers.map(|answer| match answer.clone() {
                AppendOutcome::Replay(event) => Ok(event.seq),
                AppendOutcome::Refused(error) => Err(error),
                // What was pruned has lost its key, and is stored anew, or refused for what it names.
                AppendOutcome::New { event, .. } => Ok(event.seq),
                AppendOutcome::Unchanged { .. }
                | AppendOutcome::Marked(_)
                | AppendOutcome::Pruned(_)
                | AppendOutcome::Invited(_)
                | AppendOutcome::PutOff(_) => {
                    panic!("{answer:?}")
                }
            });
            assert_eq!(one, other, "{entry:?}");
        }
    }
    let whole = store.room(room).await.unwrap().unwrap().first_seq == Seq(1);
    if whole {
        let entry = &entries[0];
        let retry = append_one(store, copy, Entry { fingerprint: crate::append::Fingerprint(7), ..entry.clone() });
        let retry = retry.await;
        let is_known = matches!(retry, AppendOutcome::Replay(_) | AppendOutcome::Refused(Error::IdempotencyMismatch));
        assert!(is_known, "{retry:?}");
    }
}
