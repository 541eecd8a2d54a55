//! Watching rooms: what is told, how often, and what it costs.

use std::sync::Arc;

use super::*;
use crate::{
    Action, Activity, Actor, Answer, Body, Change, ChangeKind, Command, DetachReason, Edit, Error, Notice, Policy, Seq,
    Since,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

const SECOND: Duration = Duration::from_secs(1);
const NONE: [u64; 0] = [];

/// The next activity; nothing but activities may come before it.
async fn next_activity(updates: &mut Updates) -> Arc<Activity> {
    let update = next(updates).await.expect("an open stream");
    let Update::Notice(Notice::Activity(activity)) = update else { panic!("{update:?}") };
    activity
}

/// What waits in a stream, without time passing.
async fn waiting(updates: &mut Updates) -> Vec<Update> {
    settle().await;
    std::iter::from_fn(|| updates.try_next()).collect()
}

/// The heads of the activities that come within a while; nothing else may come.
async fn heads_within(updates: &mut Updates, while_: Duration) -> Vec<u64> {
    tokio::time::sleep(while_).await;
    let head = |update: &Update| {
        let Update::Notice(Notice::Activity(activity)) = update else { panic!("{update:?}") };
        activity.head.0
    };
    waiting(updates).await.iter().map(head).collect()
}

/// An engine, a room, and a session of bob's that watches it.
async fn watched() -> (ChatEngine, FaultyStore, RoomId, SessionHandle, Updates) {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (bob, updates) = connect(&engine, "bob");
    bob.watch(room).await.unwrap();
    (engine, store, room, bob, updates)
}

async fn say(engine: &ChatEngine, room: RoomId, content: &str) -> Seq {
    engine.send(&user("alice"), room, text(content)).await.unwrap().seq
}

async fn change(engine: &ChatEngine, room: RoomId, target: Seq, kind: ChangeKind) {
    engine.change(&user("alice"), room, Change { target, kind, key: None }).await.unwrap();
}

fn in_thread(root: Seq) -> Draft {
    let mut draft = text("in a thread");
    draft.body.thread = Some(root);
    draft
}

#[tokio::test(start_paused = true)]
async fn a_watcher_hears_that_something_was_said_and_nothing_else() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    say(&engine, room, "before").await;
    let (bob, mut updates) = connect(&engine, "bob");
    let head = bob.watch(room).await.unwrap();
    assert_eq!((head.seq, head.epoch.as_str()), (Seq(1), "test"));

    let (alice, _alices) = connect(&engine, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    alice.typing(room, true).await.unwrap();
    alice.send(room, text(&"é".repeat(200))).await.unwrap();
    let activity = next_activity(&mut updates).await;
    assert_eq!((activity.room, activity.head, activity.ordinal), (room, Seq(2), 2));
    let last = activity.last.as_ref().unwrap();
    assert_eq!((last.seq, last.author.as_ref()), (Seq(2), Some(&user("alice"))));
    assert_eq!(last.content, "é".repeat(120), "the first 120 characters");
    assert!(!activity.mentions_room);
    assert_eq!(engine.presence(&user("bob"), room).await.unwrap().online, [user("alice")], "nobody sees who watches");
    assert_eq!(heads_within(&mut updates, 60 * SECOND).await, NONE, "what was there before is not told again");
    assert_eq!(store.calls(StoreCall::Activity), 1, "for the message");
}

#[tokio::test(start_paused = true)]
async fn activity_is_told_at_once_and_then_once_a_second() {
    let (engine, store, room, _bob, mut updates) = watched().await;
    let began = Instant::now();
    say(&engine, room, "1").await;
    assert_eq!((next_activity(&mut updates).await.head, began.elapsed()), (Seq(1), Duration::ZERO));
    for n in 2..=50 {
        say(&engine, room, &n.to_string()).await;
    }
    assert_eq!((next_activity(&mut updates).await.head, began.elapsed()), (Seq(50), SECOND));
    assert_eq!(heads_within(&mut updates, SECOND / 2).await, NONE);
    say(&engine, room, "51").await;
    assert_eq!((next_activity(&mut updates).await.head, began.elapsed()), (Seq(51), 2 * SECOND));
    tokio::time::sleep(10 * SECOND).await;
    let quiet = Instant::now();
    say(&engine, room, "52").await;
    assert_eq!((next_activity(&mut updates).await.head, quiet.elapsed()), (Seq(52), Duration::ZERO));
    let reads = store.calls(StoreCall::Activity);
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(store.calls(StoreCall::Activity), reads, "while nothing happens, nothing is read");
}

#[tokio::test(start_paused = true)]
async fn only_messages_of_the_room_and_changes_of_the_newest_one_are_activity() {
    let (engine, _store, room, _bob, mut updates) = watched().await;
    let (first, last) = (say(&engine, room, "first").await, say(&engine, room, "last").await);
    assert_eq!(heads_within(&mut updates, 2 * SECOND).await, [1, 2]);
    let thread = engine.send(&user("alice"), room, in_thread(first)).await.unwrap().seq;
    let of_thread = ChangeKind::Edit(Edit::text("in a thread, edited"));
    change(&engine, room, thread, of_thread).await;
    change(&engine, room, first, ChangeKind::Edit(Edit::text("first, edited"))).await;
    change(&engine, room, last, ChangeKind::React { reaction: "👍".to_owned(), added: true }).await;
    change(&engine, room, last, ChangeKind::Pin { pinned: true }).await;
    assert_eq!(heads_within(&mut updates, 2 * SECOND).await, NONE);

    change(&engine, room, last, ChangeKind::Edit(Edit::text("last, edited"))).await;
    let activity = next_activity(&mut updates).await;
    assert_eq!((activity.head, activity.ordinal), (Seq(8), 2));
    assert_eq!(activity.last.as_ref().unwrap().content, "last, edited");
    change(&engine, room, last, ChangeKind::Delete { reason: None }).await;
    let last = next_activity(&mut updates).await.last.clone().unwrap();
    assert_eq!((last.seq, last.content.as_str()), (Seq(2), ""), "a tombstone stays the newest message");
}

#[tokio::test(start_paused = true)]
async fn the_newest_message_of_before_the_watch_is_known_too() {
    let (engine, _store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (first, last) = (say(&engine, room, "first").await, say(&engine, room, "last").await);
    let (bob, mut updates) = connect(&engine, "bob");
    bob.watch(room).await.unwrap();
    change(&engine, room, first, ChangeKind::Edit(Edit::text("first, edited"))).await;
    assert_eq!(heads_within(&mut updates, SECOND).await, NONE);
    change(&engine, room, last, ChangeKind::Edit(Edit::text("last, edited"))).await;
    assert_eq!(heads_within(&mut updates, SECOND).await, [4]);
}

#[tokio::test(start_paused = true)]
async fn a_mention_of_everyone_is_told_with_the_next_activity_and_only_with_that() {
    let (engine, store, room, _bob, mut updates) = watched().await;
    let everyone = || {
        let mut draft = text("all of you");
        draft.body.mentions_room = true;
        draft
    };
    engine.send(&user("alice"), room, everyone()).await.unwrap();
    assert!(next_activity(&mut updates).await.mentions_room);
    engine.send(&user("alice"), room, everyone()).await.unwrap();
    say(&engine, room, "and then").await;
    let activity = next_activity(&mut updates).await;
    assert!(activity.mentions_room && activity.head == Seq(3), "it is not the newest message that has it");
    say(&engine, room, "plain").await;
    assert!(!next_activity(&mut updates).await.mentions_room);

    store.fail_next(StoreCall::Activity, Fault::Refuse(StoreErrorKind::Unavailable));
    tokio::time::sleep(SECOND).await;
    engine.send(&user("alice"), room, everyone()).await.unwrap();
    assert!(next_activity(&mut updates).await.mentions_room, "nor is it lost with a read that fails");
}

#[tokio::test(start_paused = true)]
async fn all_rooms_where_something_happened_are_read_at_once() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (bob, mut updates) = connect(&engine, "bob");
    let mut rooms = Vec::new();
    for n in 0..20 {
        let room = make_room(&engine, &format!("room {n}")).await;
        bob.watch(room).await.unwrap();
        rooms.push(room);
    }
    let (mut told, reads) = (Vec::new(), store.calls(StoreCall::Activity));
    store.hold(StoreCall::Activity);
    say(&engine, rooms[0], "first").await;
    store.called(StoreCall::Activity, reads + 1).await;
    for room in &rooms[1..] {
        say(&engine, *room, "more").await;
    }
    settle().await;
    store.release(StoreCall::Activity);
    for _ in &rooms {
        told.push(next_activity(&mut updates).await.room);
    }
    told.sort_unstable();
    assert_eq!((told, store.calls(StoreCall::Activity)), (rooms, reads + 2));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_or_breaks_is_tried_again_a_second_later() {
    let (engine, store, room, _bob, mut updates) = watched().await;
    for fault in [Fault::Refuse(StoreErrorKind::Unavailable), Fault::Panic] {
        tokio::time::sleep(SECOND).await;
        store.fail_next(StoreCall::Activity, fault);
        let began = Instant::now();
        let seq = say(&engine, room, "a").await;
        assert_eq!((next_activity(&mut updates).await.head, began.elapsed()), (seq, SECOND), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_activity_has_told_already_is_not_told_again() {
    let (engine, store, room, _bob, mut updates) = watched().await;
    store.hold(StoreCall::Activity);
    let reads = store.calls(StoreCall::Activity);
    say(&engine, room, "1").await;
    store.called(StoreCall::Activity, reads + 1).await;
    say(&engine, room, "2").await;
    settle().await;
    store.release(StoreCall::Activity);
    assert_eq!(heads_within(&mut updates, 10 * SECOND).await, [2], "the read has found both");
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_a_watch_begins_is_told_after_its_answer() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let ((bob, mut bobs), (carol, mut carols)) = (connect(&engine, "bob"), connect(&engine, "carol"));
    carol.watch(room).await.unwrap();
    // The answer is of before the message, and comes only after it was told.
    store.take(StoreCall::Seen, SECOND);
    bob.submit(Command::Watch { room }).unwrap();
    settle().await;
    store.take(StoreCall::Seen, Duration::ZERO);
    say(&engine, room, "meanwhile").await;
    assert_eq!(next_activity(&mut carols).await.head, Seq(1));
    assert!(waiting(&mut bobs).await.is_empty());
    // This store reads late, so the answer knows of the message.
    let (_, answer) = next_answer(&mut bobs).await;
    assert!(matches!(&answer, Ok(Answer::Watching { head, .. }) if head.seq == Seq(1)), "{answer:?}");
    assert_eq!(heads_within(&mut bobs, 2 * SECOND).await, NONE, "and it is not told again");
    say(&engine, room, "later").await;
    assert_eq!(next_activity(&mut bobs).await.head, Seq(2));
}

#[tokio::test(start_paused = true)]
async fn watching_makes_no_room_active() {
    let engine = engine_on(memory(), Limits { room_linger: Duration::from_millis(1), ..Limits::default() }).await;
    let (room, other) = (make_room(&engine, "general").await, make_room(&engine, "random").await);
    let (bob, mut updates) = connect(&engine, "bob");
    bob.watch(room).await.unwrap();
    bob.watch(other).await.unwrap();
    bob.detach(other).await.unwrap();
    settle().await;
    assert_eq!(engine.inner().hub.active(), 0);
    say(&engine, room, "1").await;
    say(&engine, other, "1").await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(engine.inner().hub.active(), 0);
    assert_eq!(waiting(&mut updates).await.len(), 1, "of the room that is watched still");
}

#[tokio::test(start_paused = true)]
async fn what_another_engine_stored_is_told_when_it_is_read_here() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Epoch::new("test")).shared());
    let ours = engine_on(Arc::clone(&store), Limits::default()).await;
    let theirs = engine_on(store, Limits::default()).await;
    let room = make_room(&ours, "general").await;
    let ((bob, mut updates), (alice, _alices)) = (connect(&ours, "bob"), connect(&ours, "alice"));
    bob.watch(room).await.unwrap();
    alice.attach(room, Since::Now).await.unwrap();
    say(&theirs, room, "over there").await;
    ours.hint(room, Seq(1));
    assert_eq!(next_activity(&mut updates).await.head, Seq(1));
}

#[tokio::test(start_paused = true)]
async fn a_room_is_watched_or_attached() {
    let (engine, _store, room, bob, mut updates) = watched().await;
    assert_eq!(bob.watch(room).await.unwrap_err(), Error::AlreadyAttached);
    bob.attach(room, Since::Now).await.unwrap();
    assert_eq!(bob.watch(room).await.unwrap_err(), Error::AlreadyAttached);
    say(&engine, room, "a").await;
    assert_eq!(next_event(&mut updates).await.seq, Seq(1));
    tokio::time::sleep(2 * SECOND).await;
    let activities = waiting(&mut updates).await.into_iter().filter(|update| matches!(update, Update::Notice(_)));
    assert_eq!(activities.count(), 0, "the attachment has replaced the watch");

    bob.detach(room).await.unwrap();
    waiting(&mut updates).await;
    say(&engine, room, "b").await;
    tokio::time::sleep(2 * SECOND).await;
    assert!(waiting(&mut updates).await.is_empty(), "and the detach has ended both");
    bob.watch(room).await.unwrap();
    say(&engine, room, "c").await;
    assert_eq!(next_activity(&mut updates).await.head, Seq(3));
}

#[tokio::test(start_paused = true)]
async fn an_attach_that_is_refused_leaves_the_watch() {
    let engine = engine_on(memory(), Limits { rooms_per_session: 1, ..Limits::default() }).await;
    let (room, other) = (make_room(&engine, "general").await, make_room(&engine, "random").await);
    let (bob, mut updates) = connect(&engine, "bob");
    bob.watch(room).await.unwrap();
    bob.attach(other, Since::Now).await.unwrap();
    assert_eq!(bob.attach(room, Since::Now).await.unwrap_err(), Error::TooMany { what: "rooms".into() });
    waiting(&mut updates).await;
    say(&engine, room, "a").await;
    assert!(waiting(&mut updates).await.iter().any(|update| matches!(update, Update::Notice(Notice::Activity(_)))));
}

#[tokio::test(start_paused = true)]
async fn commands_for_a_room_keep_their_order_around_a_watch() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    store.hold(StoreCall::Seen);
    let attach = |since| Command::Attach { room, since, presence: true };
    let submit = |command| bob.submit(command).unwrap();
    let tickets = [
        submit(attach(Since::Now)),
        submit(Command::Watch { room }),
        submit(Command::Detach { room }),
        submit(Command::Watch { room }),
        submit(Command::Send { room, draft: text("a") }),
        submit(Command::Watch { room }),
        submit(attach(Since::Now)),
        submit(Command::Watch { room }),
        submit(Command::Detach { room }),
    ];
    store.called(StoreCall::Seen, 1).await;
    settle().await;
    store.release(StoreCall::Seen);
    let mut answers = Vec::new();
    while answers.len() < tickets.len() {
        let (ticket, answer) = next_answer(&mut updates).await;
        let word = match answer {
            Ok(Answer::Attached(_)) => "attached",
            Ok(Answer::Watching { .. }) => "watching",
            Ok(Answer::Detached { .. }) => "detached",
            Ok(Answer::Sent(_)) => "sent",
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.code(),
        };
        answers.push((ticket, word));
    }
    answers.sort_unstable_by_key(|(ticket, _)| *ticket);
    let expected = [
        "attached",
        "already_attached",
        "detached",
        "watching",
        "sent",
        "already_attached",
        "attached",
        "already_attached",
        "detached",
    ];
    assert_eq!(answers, tickets.into_iter().zip(expected).collect::<Vec<_>>());
    assert_eq!(bob.free_tickets(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_detach_waits_for_its_watch_and_other_rooms_do_not() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (room, other) = (make_room(&engine, "general").await, make_room(&engine, "random").await);
    let (bob, mut updates) = connect(&engine, "bob");
    store.hold(StoreCall::Seen);
    let watch = bob.submit(Command::Watch { room }).unwrap();
    let detach = bob.submit(Command::Detach { room }).unwrap();
    bob.send(other, text("goes on")).await.unwrap();
    assert!(waiting(&mut updates).await.is_empty());
    store.release(StoreCall::Seen);
    assert!(matches!(next_answer(&mut updates).await, (ticket, Ok(Answer::Watching { .. })) if ticket == watch));
    assert!(matches!(next_answer(&mut updates).await, (ticket, Ok(Answer::Detached { .. })) if ticket == detach));
    say(&engine, room, "a").await;
    assert!(waiting(&mut updates).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_watches_as_many_rooms_as_it_may_beside_those_it_attaches() {
    let limits = Limits { rooms_per_session: 1, watched_rooms_per_session: 2, ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let mut rooms = Vec::new();
    for n in 0..4 {
        rooms.push(make_room(&engine, &format!("room {n}")).await);
    }
    let (bob, _updates) = connect(&engine, "bob");
    bob.attach(rooms[0], Since::Now).await.unwrap();
    for room in &rooms[1..3] {
        bob.watch(*room).await.unwrap();
    }
    assert_eq!(bob.watch(rooms[3]).await.unwrap_err(), Error::TooMany { what: "rooms".into() });
    bob.detach(rooms[1]).await.unwrap();
    bob.watch(rooms[3]).await.unwrap();
    assert_eq!(Limits::default().watched_rooms_per_session, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_is_refused_and_leaves_nothing() {
    let (engine, store) = faulty_engine(Limits { watched_rooms_per_session: 1, ..Limits::default() }).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    assert_eq!(bob.watch(RoomId(99)).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(bob.watch(RoomId(0)).await.unwrap_err(), Error::RoomNotFound);
    for (fault, error) in
        [(Fault::Refuse(StoreErrorKind::Unavailable), Error::Unavailable), (Fault::Panic, Error::Internal)]
    {
        store.fail_next(StoreCall::Seen, fault);
        assert_eq!(bob.watch(room).await.unwrap_err(), error);
    }
    say(&engine, room, "a").await;
    assert!(waiting(&mut updates).await.is_empty());
    bob.watch(room).await.unwrap();
    assert_eq!(bob.free_tickets(), 64);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_room_ends_its_watches() {
    let (engine, _store, room, bob, mut updates) = watched().await;
    engine.delete_room(Actor::System, room).await.unwrap();
    let update = next(&mut updates).await;
    assert!(matches!(update, Some(Update::Detached(gone, DetachReason::Deleted)) if gone == room), "{update:?}");
    assert!(waiting(&mut updates).await.is_empty());
    assert_eq!(bob.watch(room).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(engine.inner().watches.rooms(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_another_engine_deleted_ends_its_watches_when_that_is_found() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Epoch::new("test")).shared());
    let ours = engine_on(Arc::clone(&store), Limits::default()).await;
    let theirs = engine_on(store, Limits::default()).await;
    let room = make_room(&ours, "general").await;
    let (bob, mut updates) = connect(&ours, "bob");
    bob.watch(room).await.unwrap();
    theirs.delete_room(Actor::System, room).await.unwrap();
    assert_eq!(ours.send(&user("alice"), room, text("a")).await.unwrap_err(), Error::RoomNotFound);
    assert!(matches!(next(&mut updates).await, Some(Update::Detached(_, DetachReason::Deleted))));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_deleted_while_a_watch_begins_refuses_it() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    store.hold(StoreCall::Seen);
    bob.submit(Command::Watch { room }).unwrap();
    settle().await;
    engine.delete_room(Actor::System, room).await.unwrap();
    store.release(StoreCall::Seen);
    assert_eq!(next_answer(&mut updates).await.1.unwrap_err(), Error::RoomNotFound);
    assert!(waiting(&mut updates).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_session_that_ends() {
    let (engine, _store, room, bob, updates) = watched().await;
    let (carol, mut carols) = connect(&engine, "carol");
    carol.watch(room).await.unwrap();
    bob.close();
    assert_eq!(engine.inner().watches.rooms(), 1, "carol watches it still");
    drop((carol, updates));
    say(&engine, room, "a").await;
    assert_eq!(next_activity(&mut carols).await.head, Seq(1));
    drop(carols);
    assert_eq!(engine.inner().watches.rooms(), 0);
    assert_eq!(bob.watch(room).await.unwrap_err(), Error::Unavailable);
}

/// Lets nobody but alice read, once it is told so.
struct Locked(std::sync::atomic::AtomicBool);

impl Policy for Arc<Locked> {
    fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error> {
        let is_locked = self.0.load(std::sync::atomic::Ordering::Relaxed);
        let is_alice = actor.user().is_some_and(|who| *who == user("alice"));
        if is_locked && !is_alice && matches!(action, Action::ReadRoom(_)) { Err(Error::RoomNotFound) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_read_a_room_neither_watches_it_nor_hears_of_it() {
    let locked = Arc::new(Locked(false.into()));
    let builder = ChatEngine::builder().clock(TokioClock::new()).policy(Arc::clone(&locked));
    let engine = builder.build().await.unwrap();
    let (room, other) = (make_room(&engine, "general").await, make_room(&engine, "random").await);
    let (bob, mut updates) = connect(&engine, "bob");
    bob.watch(room).await.unwrap();
    locked.0.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(bob.watch(other).await.unwrap_err(), Error::RoomNotFound);
    let mut draft = text("hello bob");
    draft.body.mentions = vec![user("bob").id];
    engine.send(&user("alice"), room, draft).await.unwrap();
    assert!(waiting(&mut updates).await.is_empty());
    locked.0.store(false, std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(SECOND).await;
    say(&engine, room, "again").await;
    assert_eq!(next_activity(&mut updates).await.head, Seq(2));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_who_does_not_read_is_told_the_newest_and_is_not_cut() {
    let engine = engine_on(memory(), Limits { session_queue_bytes: 2_000, ..Limits::default() }).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.watch(room).await.unwrap();
    for n in 1..=100 {
        let mut draft = text(&n.to_string());
        draft.body = Body { mentions_room: n == 1, ..draft.body };
        engine.send(&user("alice"), room, draft).await.unwrap();
        tokio::time::sleep(2 * SECOND).await;
    }
    let activities: Vec<_> = waiting(&mut updates).await;
    assert!(activities.len() < 15, "{} wait", activities.len());
    assert!(matches!(activities.last(), Some(Update::Notice(Notice::Activity(last))) if last.head == Seq(100)));
    let mentions = activities
        .iter()
        .filter(|update| matches!(update, Update::Notice(Notice::Activity(activity)) if activity.mentions_room));
    assert_eq!(mentions.count(), 1, "that everyone was mentioned is not lost with an activity that was replaced");
}
