//! What holds for reading messages as they are: everywhere, exactly what the log adds up to.

use super::{Opener, append, append_one, delete, entry, log, make_room, message, messages, update, user};
use crate::{
    Body, Deleted, Edit, Edited, Event, HistoryFrom, HistoryPage, HistoryQuery, Identity, MessageState, Reaction,
    ReactionCount, RoomId, Seq, UserId,
    append::{Entry, Op},
    store::{Found, Store},
    testing::{Timeline, world::Rng},
};

/// A page shows edits, reactions, pins, threads and tombstones; thread messages are not in it.
pub async fn a_page_shows_what_became_of_its_messages(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2", "3"])).await;
    let thread = |root| Op::Message(Body { thread: Some(Seq(root)), ..Body::text("in a thread") });
    let react = |reaction: &str, added| Op::React(Seq(1), Reaction::new(reaction).unwrap(), added);
    let ops = [
        (&alice, Op::Edit(Seq(1), Edit::text("one"))),
        (&alice, Op::Edit(Seq(1), Edit::text("One"))),
        (&alice, react("👍", true)),
        (&bob, react("🎉", true)),
        (&bob, react("👍", true)),
        (&alice, react("👍", false)),
        (&bob, Op::Pin(Seq(1), true)),
        (&bob, thread(3)),
        (&alice, thread(3)),
        (&bob, Op::Delete(Seq(11), None)),
        (&alice, Op::Edit(Seq(2), Edit::text("two"))),
        (&alice, Op::Delete(Seq(2), None)),
    ];
    let at = |key: String, actor: &Identity, op: Op| entry(actor, &key, op);
    let entries = ops.into_iter().enumerate().map(|(index, (actor, op))| at(format!("op {index}"), actor, op));
    append(store, room, entries.collect()).await;
    let page = store.history(room, HistoryQuery::newest(), Some(&bob.id)).await.unwrap().unwrap();
    assert_eq!((page.head, page.has_before, page.has_after), (Seq(15), false, false));
    let [one, two, three] = page.messages.try_into().unwrap();
    let stamp = entry(&alice, "", thread(3)).at;
    assert_eq!(one.message.body, Body::text("One"));
    assert_eq!(one.edited, Some(Edited { seq: Seq(5), at: stamp, count: 2 }));
    let reaction = |text: &str| ReactionCount { reaction: Reaction::new(text).unwrap(), count: 1, mine: true };
    assert_eq!(one.reactions, [reaction("👍"), reaction("🎉")]);
    assert!(one.pinned && !two.pinned && !three.pinned);
    assert_eq!((one.thread_count, one.thread_last), (0, None));
    assert_eq!((two.message.body, two.message.erased), (Body::default(), true));
    assert_eq!(two.edited, Some(Edited { seq: Seq(14), at: stamp, count: 1 }), "a tombstone keeps it");
    assert_eq!(two.deleted, Some(Deleted { seq: Seq(15), at: stamp, actor: Some(alice.clone()) }));
    assert_eq!((three.thread_count, three.thread_last), (1, Some(Seq(12))));
    assert_eq!(
        three,
        MessageState { thread_count: 1, thread_last: Some(Seq(12)), ..first_state(store, room, 3).await }
    );
}

/// Whatever has happened: the log up to the head adds up to what is read, page by page, of the room and of each thread, and of each
/// message by itself.
pub async fn reads_are_what_the_log_adds_up_to(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (room, mut rng) = (make_room(store, "general").await, Rng::new(7));
    // Another room, of the same numbers.
    let other = make_room(store, "other").await;
    let mut head = 0;
    for round in 0..40 {
        let entries: Vec<_> = (0..rng.between(1, 8)).map(|_| random_entry(&mut rng, head)).collect();
        append(store, other, entries.iter().take(3).cloned().collect()).await;
        append(store, room, entries).await;
        if round % 10 == 5 {
            update(store, room, None, Some(&format!("topic {round}"))).await;
        }
        head = store.room(room).await.unwrap().unwrap().head.0;
        if round % 13 == 0 {
            check(store, room, &mut rng).await;
        }
    }
    check(store, room, &mut rng).await;
    check(store, other, &mut rng).await;
}

/// A page of a thread lies where one of a room's history would, whatever number it is divided at.
pub async fn pages_of_threads_reach_every_message(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["root", "other root"])).await;
    let in_thread = |root, key: &str| {
        let body = Body { thread: Some(Seq(root)), ..Body::text("in a thread") };
        entry(&alice, key, Op::Message(body))
    };
    for seq in 3..=20 {
        let key = seq.to_string();
        let next = match seq % 3 {
            0 => message(&alice, "in the room", &key),
            1 => in_thread(1, &key),
            _ => in_thread(2, &key),
        };
        append_one(store, room, next).await;
    }
    append_one(store, room, entry(&alice, "deleted", Op::Delete(Seq(7), None))).await;
    let numbers = [4, 7, 10, 13, 16, 19];
    for limit in [1, 2, 4, 100] {
        for seq in (0..=22).chain([u64::MAX]) {
            let seq = Seq(seq);
            for query in
                [HistoryQuery::newest(), HistoryQuery::before(seq), HistoryQuery::after(seq), HistoryQuery::around(seq)]
            {
                thread_page_is_right(store, room, &numbers, query.limit(limit)).await;
            }
        }
    }
    let none = store.reader().thread(room, Seq(3), HistoryQuery::newest(), None).await.unwrap();
    assert!(none.found().unwrap().messages.is_empty());
}

/// A message that is not there is told from a room that is not there.
pub async fn what_is_not_there_is_not_read(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (room, gone) = (make_room(store, "general").await, make_room(store, "gone").await);
    for room in [room, gone] {
        append(store, room, messages(&alice, &["1"])).await;
        append_one(store, room, entry(&alice, "pin", Op::Pin(Seq(1), true))).await;
    }
    delete(store, gone).await;
    let reader = store.reader();
    for seq in [0, 2, 3, u64::MAX].map(Seq) {
        assert_eq!(reader.message(room, seq, None).await.unwrap(), Found::NoMessage, "{seq:?}");
        assert_eq!(reader.versions(room, seq).await.unwrap(), Found::NoMessage);
        assert_eq!(reader.reactors(room, seq, None, 1).await.unwrap(), Found::NoMessage);
        assert_eq!(reader.thread(room, seq, HistoryQuery::newest(), None).await.unwrap(), Found::NoMessage);
        assert!(reader.thread_users(room, seq, 9).await.unwrap().is_empty());
    }
    for room in [gone, RoomId(gone.0 + 1)] {
        assert_eq!(reader.message(room, Seq(1), None).await.unwrap(), Found::NoRoom);
        assert_eq!(reader.versions(room, Seq(1)).await.unwrap(), Found::NoRoom);
        assert_eq!(reader.reactors(room, Seq(1), None, 1).await.unwrap(), Found::NoRoom);
        assert_eq!(reader.thread(room, Seq(1), HistoryQuery::newest(), None).await.unwrap(), Found::NoRoom);
        assert_eq!(reader.pins(room, None).await.unwrap(), None);
        assert!(reader.thread_users(room, Seq(1), 9).await.unwrap().is_empty());
    }
}

/// All reads of a room against what its log adds up to.
pub(super) async fn check(store: &dyn Store, room: RoomId, rng: &mut Rng) {
    let log = log(store, room).await;
    let timeline = Timeline::of(log.iter().map(|stored| &*stored.event));
    let viewer = rng.percent(80).then(|| person(rng).id);
    let viewer = viewer.as_ref();
    assert_eq!(history(store, room, None, rng.between(1, 9), viewer).await, timeline.history(viewer));
    let reader = store.reader();
    let pins = reader.pins(room, viewer).await.unwrap().unwrap();
    assert_eq!((pins.messages, pins.head), (timeline.pins(viewer), timeline.head()));
    for seq in log.iter().map(|stored| stored.event.seq) {
        let found = reader.message(room, seq, viewer).await.unwrap();
        let expected = timeline.message(seq, viewer).map(|state| (state, timeline.head()));
        assert_eq!(found, expected.clone().map_or(Found::NoMessage, Found::Here), "{seq:?}");
        let Some((state, _)) = expected else { continue };
        let versions = reader.versions(room, seq).await.unwrap();
        assert_eq!(versions, Found::Here(timeline.versions(seq).unwrap()), "{seq:?}");
        if !state.reactions.is_empty() {
            reactors_are_right(store, room, seq, &timeline, rng.between(1, 4)).await;
        }
        if state.thread_last.is_some() {
            let thread = history(store, room, Some(seq), rng.between(1, 5), viewer).await;
            assert_eq!(thread, timeline.thread(seq, viewer), "{seq:?}");
            let users = reader.thread_users(room, seq, 100).await.unwrap();
            assert!(users.into_iter().eq(timeline.thread_users(seq)), "{seq:?}");
        }
    }
}

/// Who reacted, in pages.
async fn reactors_are_right(store: &dyn Store, room: RoomId, seq: Seq, timeline: &Timeline, limit: u64) {
    let limit = usize::try_from(limit).unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.reader().reactors(room, seq, after, limit).await.unwrap().found().unwrap();
        assert!(page.reactors.len() <= limit);
        found.extend(page.reactors);
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(found, timeline.reactors(seq).unwrap());
}

/// A room's history or a thread, page by page from the newest.
async fn history(
    store: &dyn Store,
    room: RoomId,
    root: Option<Seq>,
    limit: u64,
    viewer: Option<&UserId>,
) -> Vec<MessageState> {
    let (mut pages, mut from) = (Vec::new(), HistoryFrom::Newest);
    loop {
        let query = HistoryQuery { from, limit: usize::try_from(limit).unwrap() };
        let page = page(store, room, root, query, viewer).await;
        let first = page.messages.first().map(|message| message.seq);
        pages.push(page.messages);
        match first.filter(|_| page.has_before) {
            Some(first) => from = HistoryFrom::Before(first),
            None => return pages.into_iter().rev().flatten().collect(),
        }
    }
}

async fn page(
    store: &dyn Store,
    room: RoomId,
    root: Option<Seq>,
    query: HistoryQuery,
    viewer: Option<&UserId>,
) -> HistoryPage {
    match root {
        Some(root) => store.reader().thread(room, root, query, viewer).await.unwrap().found().unwrap(),
        None => store.history(room, query, viewer).await.unwrap().unwrap(),
    }
}

async fn thread_page_is_right(store: &dyn Store, room: RoomId, numbers: &[u64], query: HistoryQuery) {
    let (limit, all) = (query.limit, numbers.len());
    let below = |seq: Seq| numbers.partition_point(|number| *number < seq.0);
    let (edge, before, after) = match query.from {
        HistoryFrom::Newest => (all, limit, 0),
        HistoryFrom::Before(seq) => (below(seq), limit, 0),
        HistoryFrom::After(seq) => (numbers.partition_point(|number| *number <= seq.0), 0, limit),
        HistoryFrom::Around(seq) => (below(seq), limit / 2, limit - limit / 2),
    };
    let (from, to) = (edge.saturating_sub(before), all.min(edge + after));
    let page = page(store, room, Some(Seq(1)), query, None).await;
    let found: Vec<u64> = page.messages.iter().map(|message| message.seq.0).collect();
    assert_eq!(found, numbers[from..to], "{query:?}");
    assert_eq!((page.has_before, page.has_after, page.head), (from > 0, to < all, Seq(21)), "{query:?}");
}

/// A message as it was sent.
async fn first_state(store: &dyn Store, room: RoomId, seq: u64) -> MessageState {
    let events = log(store, room).await;
    let event = events.iter().find(|stored| stored.event.seq == Seq(seq)).unwrap();
    MessageState::of(Event::clone(&event.event)).unwrap()
}

fn person(rng: &mut Rng) -> Identity {
    user(rng.pick(&["alice", "bob", "carol", "dave"]).unwrap())
}

/// Something that anybody does with any message: much of it is refused.
pub(super) fn random_entry(rng: &mut Rng, head: u64) -> Entry {
    let target = Seq(rng.between(1, head.max(1)));
    let text = rng.next().to_string();
    let says = Body {
        mentions: if rng.percent(30) { vec![person(rng).id] } else { Vec::new() },
        mentions_room: rng.percent(10),
        meta: rng.percent(20).then(|| format!("{{\"n\":{text}}}")),
        reply_to: rng.percent(20).then_some(target),
        ..Body::text(text.clone())
    };
    let op = match rng.below(12) {
        0..4 => Op::Message(says),
        4..6 => Op::Message(Body { thread: Some(target), reply_to: None, ..says }),
        6 => Op::Delete(target, None),
        7 => {
            let (mentions, mentions_room) = (rng.percent(40).then(Vec::new), rng.percent(40).then_some(true));
            Op::Edit(target, Edit { mentions, mentions_room, ..Edit::text(text) })
        }
        8 => Op::Pin(target, rng.percent(70)),
        _ => {
            let reaction = Reaction::new(rng.pick(&["👍", "🎉", "a", "A"]).unwrap()).unwrap();
            Op::React(target, reaction, rng.percent(70))
        }
    };
    let by_system = rng.percent(50);
    Entry { by_system, ..entry(&person(rng), &rng.next().to_string(), op) }
}
