//! What holds for erasing users: nothing names them, and all else is as it was.

use super::{
    Opener, append, append_one, delete, entry, log, make_room, message, messages, new_seq, states, try_append, user,
    viewer,
};
use crate::{
    Body, Edit, Erase, EventKind, Identity, Keep, MarkTo, MyRoomQuery, Notify, Reaction, Reason, RoomId, Seq,
    Timestamp, UserId, UserName,
    append::{AppendOutcome, Entry, EventKey, Op, StoredEvent},
    erasure::{DELETED_USER, Erasure, LogPart},
    store::Store,
    testing::world::Rng,
};

/// An erasure of this user, not recorded yet.
fn erasure(of: &Identity, mode: Erase) -> Erasure {
    Erasure { user: of.id.clone(), new_id: UserId::of_erased(7), mode, at: Timestamp(1_700_000_000_000_009) }
}

/// Who stands in the user's place.
fn deleted_user(erasure: &Erasure) -> Identity {
    Identity::of(erasure.new_id.clone(), UserName::from_stored(DELETED_USER))
}

/// Records an erasure and does all of it, in parts of so many events; returns in how many events something changed.
async fn erase(store: &dyn Store, erasure: &Erasure, size: u64) -> u64 {
    let eraser = store.eraser();
    let erasure = &eraser.begin(erasure).await.unwrap();
    let mut changed = 0;
    let mut after = None;
    while let Some(log) = eraser.logs(after, 1).await.unwrap().pop() {
        after = Some(log.room);
        let parts = (log.first.0..=log.head.0).step_by(usize::try_from(size).unwrap());
        for first in parts.map(Seq) {
            let part = LogPart { room: log.room, first, last: Seq(first.0 + size - 1) };
            if erasure.mode == Erase::Redact {
                redact(store, erasure, part).await;
            }
            changed += eraser.replace(erasure, part).await.unwrap();
        }
    }
    while eraser.forget_marks(&erasure.user, 2).await.unwrap() > 0 {}
    while store.purge(100).await.unwrap() > 0 {}
    assert!(eraser.finish(erasure).await.unwrap());
    changed
}

async fn redact(store: &dyn Store, erasure: &Erasure, part: LogPart) {
    for seq in store.eraser().messages_of(erasure, part).await.unwrap() {
        let key = EventKey::generated(&format!("redacted {}", seq.0));
        let entry = Entry { by_system: true, ..Entry::new(None, key, erasure.at, Op::Delete(seq, None)) };
        try_append(store, part.room, vec![entry]).await;
    }
}

/// Alice does everything there is, and everything there is is done to her messages. Her neighbours' ids look like hers.
async fn lively_room(store: &dyn Store, name: &str) -> RoomId {
    let (alice, bob, near) = (user("alice"), user("bob"), user("x5:alice"));
    let room = make_room(store, name).await;
    append(store, room, messages(&alice, &["1", "2", "3"])).await;
    let mentioning = |users: &[&Identity]| users.iter().map(|user| user.id.clone()).collect::<Vec<_>>();
    let says = |users: &[&Identity]| Op::Message(Body { mentions: mentioning(users), ..Body::text("look") });
    let react = |target, reaction: &str| Op::React(Seq(target), Reaction::new(reaction).unwrap(), true);
    let edit = Edit { mentions: Some(mentioning(&[&near, &alice])), ..Edit::text("look again") };
    let thread = |root| Op::Message(Body { thread: Some(Seq(root)), ..Body::text("in a thread") });
    let ops = [
        (&bob, says(&[&near, &alice, &bob])),
        (&near, says(&[&near])),
        (&bob, Op::Edit(Seq(5), edit.clone())),
        (&near, Op::Edit(Seq(5), edit)),
        (&alice, says(&[&bob])),
        (&alice, thread(5)),
        (&bob, thread(1)),
        (&alice, react(4, "👍")),
        (&near, react(4, "👍")),
        (&alice, react(1, "x")),
        (&alice, Op::Edit(Seq(2), Edit::text("two"))),
        (&alice, Op::Pin(Seq(4), true)),
        (&alice, Op::Delete(Seq(3), Some(Reason::new("of alice's own").unwrap()))),
        (&alice, Op::Mark(MarkTo::seq(Seq(2)))),
    ];
    let entries = ops.into_iter().enumerate().map(|(index, (actor, op))| entry(actor, &format!("op {index}"), op));
    append(store, room, entries.collect()).await;
    store.reader().set_notify(&alice.id, room, Notify::Mentions).await.unwrap().unwrap();
    store.reader().set_notify(&near.id, room, Notify::None).await.unwrap().unwrap();
    room
}

/// Everything that can be read of a room, piece by piece.
async fn all_of(store: &dyn Store, room: RoomId) -> Vec<String> {
    let reader = store.reader();
    let mut all: Vec<String> = log(store, room).await.iter().map(|stored| format!("{stored:?}")).collect();
    let marks = reader.marks(room, None, None, 100).await.unwrap().unwrap().marks;
    all.extend(marks.iter().map(|mark| format!("{mark:?}")));
    for seq in (1..=20).map(Seq) {
        all.push(format!("{:?}", reader.message(room, seq, None).await.unwrap()));
        all.push(format!("{:?}", reader.reactors(room, seq, None, 100).await.unwrap()));
        let users = reader.thread_users(room, seq, 100).await.unwrap();
        all.extend(users.iter().map(|user| format!("{seq:?}: {user:?}")));
    }
    all
}

/// Whether a piece names a user.
fn names(piece: &str, user: &Identity) -> bool {
    piece.contains(&format!("UserId({:?})", user.id.as_str())) || piece.contains(&format!("{:?}", user.name))
}

/// The pieces without order, and without the one user's id and name.
fn without(pieces: &[String], user: &Identity) -> Vec<String> {
    let (id, name) = (format!("{:?}", user.id), format!("{:?}", user.name));
    let mut pieces: Vec<_> = pieces.iter().map(|piece| piece.replace(&id, "ID").replace(&name, "NAME")).collect();
    pieces.sort_unstable();
    pieces
}

/// What is unread for a user who reads everything again: messages, and mentions.
async fn unread(store: &dyn Store, room: RoomId, reader: &Identity) -> (u64, u64) {
    let mark = entry(reader, " mark", Op::Mark(MarkTo::back_to(Seq(0))));
    let AppendOutcome::Marked(marked) = append_one(store, room, mark).await else { panic!("not marked") };
    (marked.unread.unread, marked.unread.mentions)
}

/// In every room and in every table, another user stands in the place of the one who is erased, and nobody else is touched.
pub async fn another_user_stands_in_their_place(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (alice, near) = (user("alice"), user("x5:alice"));
    let rooms = [lively_room(store, "one").await, lively_room(store, "two").await];
    let erasure = erasure(&alice, Erase::Anonymise);
    let heir = deleted_user(&erasure);
    let mut before = Vec::new();
    for room in rooms {
        // Alice's mark goes; nothing else does.
        let unread = [unread(store, room, &alice).await, unread(store, room, &near).await];
        before.push((all_of(store, room).await, unread));
    }
    let changed = erase(store, &erasure, 4).await;
    assert_eq!(changed, 24, "each room has 10 events of hers and 2 that mention her");
    assert!(store.reader().my_rooms(&viewer(&alice.id), &MyRoomQuery::default()).await.unwrap().rooms.is_empty());
    for (room, (before, [of_alice, of_near])) in rooms.into_iter().zip(before) {
        assert_eq!(unread(store, room, &heir).await, of_alice, "her messages and mentions are the new id's");
        assert_eq!(unread(store, room, &near).await, of_near);
        let after = all_of(store, room).await;
        assert!(before.iter().any(|piece| names(piece, &alice)) && !after.iter().any(|piece| names(piece, &alice)));
        assert_eq!(without(&after, &heir), without(&before, &alice));
    }
}

/// Erasing in the middle of random changes: the log adds up to what is read, before and after and in between.
pub async fn a_log_with_another_user_adds_up(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (room, mut rng) = (make_room(store, "general").await, Rng::new(11));
    let erasure = store.eraser().begin(&erasure(&user("alice"), Erase::Anonymise)).await.unwrap();
    let mut head = 0;
    let others = async |rng: &mut Rng, head: u64| {
        let entries = (0..rng.between(1, 8)).map(|_| states::random_entry(rng, head));
        let entries: Vec<_> = entries.filter(|entry| entry.actor != Some(user("alice"))).collect();
        if !entries.is_empty() {
            append(store, room, entries).await;
        }
    };
    for _ in 0..30 {
        let entries = (0..rng.between(1, 8)).map(|_| states::random_entry(&mut rng, head)).collect();
        append(store, room, entries).await;
        head = store.room(room).await.unwrap().unwrap().head.0;
    }
    for first in (1..=head).step_by(10) {
        let part = LogPart { room, first: Seq(first), last: Seq(head.min(first + 9)) };
        store.eraser().replace(&erasure, part).await.unwrap();
        assert_eq!(store.eraser().replace(&erasure, part).await.unwrap(), 0, "what is done is done");
        others(&mut rng, head).await;
    }
    states::check(store, room, &mut rng).await;
    let log = log(store, room).await;
    let names_her = |stored: &&StoredEvent| names(&format!("{stored:?}"), &user("alice"));
    let late: Vec<_> = log.iter().filter(names_her).map(|stored| stored.event.seq.0).collect();
    assert!(late.iter().all(|seq| *seq > head), "{late:?}");
}

/// With the messages go the reasons that the user gave. What others wrote stays.
pub async fn messages_are_deleted_if_they_shall_be(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let alice = user("alice");
    let room = lively_room(store, "one").await;
    // First they are to stay, and then they are not.
    erase(store, &erasure(&alice, Erase::Anonymise), 100).await;
    let late = entry(&alice, "late", Op::Delete(Seq(2), Some(Reason::new("late").unwrap())));
    append_one(store, room, Entry { by_system: true, ..late }).await;
    let erasure = erasure(&alice, Erase::Redact);
    erase(store, &erasure, 100).await;
    let heir = Some(deleted_user(&erasure));
    for stored in log(store, room).await {
        let is_hers = stored.event.actor == heir;
        match &stored.event.kind {
            EventKind::Message(message) => assert_eq!(message.erased, is_hers, "{stored:?}"),
            EventKind::MessageEdited(edit) => assert_eq!(edit.erased, is_hers, "{stored:?}"),
            EventKind::MessageDeleted { reason, .. } => assert_eq!(reason, &None, "{stored:?}"),
            EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => {}
        }
    }
    states::check(store, room, &mut Rng::new(1)).await;
}

/// What was deleted or pruned is not there any more, or names somebody else.
pub async fn what_is_not_removed_yet_is_erased_too(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let alice = user("alice");
    let (pruned, gone) = (lively_room(store, "pruned").await, lively_room(store, "gone").await);
    let prune = Entry::new(None, EventKey::generated("prune"), Timestamp(1), Op::Prune(Keep::From(Seq(5))));
    append_one(store, pruned, prune).await;
    delete(store, gone).await;
    let rooms: Vec<_> = store.eraser().logs(None, 10).await.unwrap().into_iter().map(|log| log.room).collect();
    assert_eq!(rooms, [pruned, gone]);
    let erasure = erasure(&alice, Erase::Anonymise);
    let part = |room| LogPart { room, first: Seq(1), last: Seq(100) };
    assert!(store.eraser().replace(&erasure, part(gone)).await.unwrap() > 0);
    assert!(!log(store, gone).await.iter().any(|stored| names(&format!("{stored:?}"), &alice)));
    erase(store, &erasure, 5).await;
    assert!(!all_of(store, pruned).await.iter().any(|piece| names(piece, &alice)));
    assert!(log(store, gone).await.is_empty());
}

/// Keys go with the events that they made: they are the new id's, and the old one's no more.
pub async fn keys_belong_to_the_new_id(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let alice = user("alice");
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    let erasure = erasure(&alice, Erase::Anonymise);
    erase(store, &erasure, 100).await;
    let again = append_one(store, room, message(&deleted_user(&erasure), "1", "1")).await;
    assert!(matches!(&again, AppendOutcome::Replay(event) if event.seq == Seq(1)), "{again:?}");
    assert_eq!(new_seq(&append_one(store, room, message(&alice, "1", "1")).await), Seq(3));
}

/// Whoever mentions the new id beside the old one mentions it once.
pub async fn nobody_is_mentioned_twice(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (alice, bob) = (user("alice"), user("bob"));
    let erasure = erasure(&alice, Erase::Anonymise);
    let room = make_room(store, "general").await;
    let mentions = vec![alice.id.clone(), bob.id.clone(), erasure.new_id.clone()];
    append_one(store, room, entry(&bob, "a", Op::Message(Body { mentions, ..Body::text("you two") }))).await;
    assert_eq!(erase(store, &erasure, 100).await, 1);
    let mentioned = log(store, room).await[0].event.message().unwrap().body.mentions.clone();
    assert_eq!(mentioned, [erasure.new_id.clone(), bob.id]);
    assert_eq!(unread(store, room, &deleted_user(&erasure)).await, (1, 1));
}

/// An erasure stays recorded until it is done, whatever becomes of the process, and keeps the id that it was given.
pub async fn an_erasure_is_recorded_until_it_is_done(opener: &impl Opener) {
    let store = opener.open().await;
    let (alice, bob) = (user("alice"), user("bob"));
    let first = erasure(&alice, Erase::Anonymise);
    assert_eq!(store.eraser().begin(&first).await.unwrap(), first);
    let other = Erasure { new_id: UserId::of_erased(8), ..erasure(&bob, Erase::Redact) };
    store.eraser().begin(&other).await.unwrap();
    let more = Erasure { new_id: UserId::of_erased(9), ..erasure(&alice, Erase::Redact) };
    let upgraded = Erasure { mode: Erase::Redact, ..first.clone() };
    assert_eq!(store.eraser().begin(&more).await.unwrap(), upgraded);
    assert_eq!(store.eraser().begin(&first).await.unwrap(), upgraded, "never less");
    store.close().await;
    let store = opener.open().await;
    assert_eq!(store.eraser().unfinished().await.unwrap(), [upgraded.clone(), other.clone()]);
    assert!(!store.eraser().finish(&first).await.unwrap(), "more was asked for meanwhile");
    assert!(store.eraser().finish(&upgraded).await.unwrap());
    assert!(store.eraser().finish(&upgraded).await.unwrap(), "it is done");
    assert_eq!(store.eraser().unfinished().await.unwrap(), [other]);
}
