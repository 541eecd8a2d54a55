//! What holds for read marks, and for what is unread beyond them.

use super::{Opener, append, append_one, entry, make_room, message, messages, user};
use crate::{
    Body, Edit, Identity, MarkTo, Marked, RoomId, Seq, Unread, UserId,
    append::{AppendOutcome, Entry, Op},
    store::Store,
};

mod random;

pub use random::unread_is_exact_whatever_happens;

fn mark(user: &Identity, to: MarkTo) -> Entry {
    entry(user, "", Op::Mark(to))
}

fn marked(outcome: &AppendOutcome) -> &Marked {
    let AppendOutcome::Marked(marked) = outcome else { panic!("no mark: {outcome:?}") };
    marked
}

/// Marks a room and tells what is unread: seq, unread, mentions.
async fn read(store: &dyn Store, room: RoomId, user: &Identity, to: MarkTo) -> (u64, u64, u64) {
    let outcome = append_one(store, room, mark(user, to)).await;
    let Unread { seq, unread, mentions, .. } = marked(&outcome).unread;
    (seq.0, unread, mentions)
}

/// The same without going anywhere.
async fn unread(store: &dyn Store, room: RoomId, user: &Identity) -> (u64, u64, u64) {
    read(store, room, user, MarkTo::seq(Seq(0))).await
}

fn back(seq: u64) -> MarkTo {
    MarkTo::back_to(Seq(seq))
}

/// Whoever writes has read what stands before it; the message tells it, and no event does.
pub async fn ones_own_message_is_read(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["a", "b"])).await;
    append(store, room, vec![message(&bob, "c", "c"), message(&alice, "d", "d")]).await;
    assert_eq!(unread(store, room, &alice).await, (4, 0, 0));
    assert_eq!(unread(store, room, &bob).await, (3, 1, 0));
    assert_eq!(unread(store, room, &user("carol")).await, (0, 4, 0));
    // One that was set back goes forward, too.
    assert_eq!(read(store, room, &bob, back(1)).await, (1, 2, 0));
    append(store, room, messages(&bob, &["e"])).await;
    assert_eq!(unread(store, room, &bob).await, (5, 0, 0));
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(5), "a mark makes no event");
}

/// Never back by themselves, and never beyond the head.
pub async fn marks_go_forward(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["a", "b", "c"])).await;
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(2))).await, (2, 1, 0));
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(1))).await, (2, 1, 0));
    let first = append_one(store, room, mark(&bob, MarkTo::seq(Seq(u64::MAX)))).await;
    let again = append_one(store, room, mark(&bob, MarkTo::seq(Seq(3)))).await;
    let unread = Unread { seq: Seq(3), unread: 0, mentions: 0, ordinal: 3 };
    assert_eq!(*marked(&first), Marked { room, unread, moved: true });
    assert_eq!(*marked(&again), Marked { room, unread, moved: false });
    let (empty, nobody) = (make_room(store, "empty").await, user("nobody"));
    let first = append_one(store, empty, mark(&nobody, MarkTo::seq(Seq(0)))).await;
    let again = append_one(store, empty, mark(&nobody, MarkTo::seq(Seq(7)))).await;
    assert_eq!((marked(&first).moved, marked(&again).moved), (true, false), "a mark at 0 is one");
}

/// To exactly where they are asked to, and one's own messages do not count there.
pub async fn marks_go_back_when_asked_to(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    append(store, room, messages(&bob, &["3", "4"])).await;
    append(store, room, messages(&alice, &["5"])).await;
    assert_eq!(unread(store, room, &bob).await, (4, 1, 0));
    assert_eq!(read(store, room, &bob, back(1)).await, (1, 2, 0));
    assert_eq!(read(store, room, &bob, back(0)).await, (0, 3, 0));
    append_one(store, room, entry(&bob, "delete", Op::Delete(Seq(3), None))).await;
    append_one(store, room, entry(&alice, "delete", Op::Delete(Seq(2), None))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 2, 0));
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(3))).await, (3, 1, 0));
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(4))).await, (4, 1, 0));
    assert_eq!(read(store, room, &alice, back(0)).await, (0, 1, 0));
}

/// Neither what changes messages nor what was deleted counts.
pub async fn unread_is_what_others_wrote(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2", "3"])).await;
    append_one(store, room, entry(&alice, "edit", Op::Edit(Seq(1), Edit::text("x")))).await;
    append_one(store, room, entry(&alice, "pin", Op::Pin(Seq(1), true))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 3, 0));
    append_one(store, room, entry(&alice, "delete", Op::Delete(Seq(2), None))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 2, 0));
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(2))).await, (2, 1, 0));
    append_one(store, room, entry(&alice, "delete 1", Op::Delete(Seq(1), None))).await;
    assert_eq!(unread(store, room, &bob).await, (2, 1, 0), "what was read does not count twice");
    let other = make_room(store, "other").await;
    assert_eq!(unread(store, other, &bob).await, (0, 0, 0));
}

/// Of messages beyond the mark that are there and say so now; one message is one, whoever it names.
pub async fn mentions_are_those_of_now(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    let says = |users: &[&Identity], everyone: bool| Body {
        mentions: users.iter().map(|user| user.id.clone()).collect(),
        mentions_room: everyone,
        ..Body::text("hello")
    };
    let bodies = [says(&[], false), says(&[&bob, &bob], false), says(&[&bob], true), says(&[&alice], true)];
    let sent = bodies.into_iter().enumerate().map(|(index, body)| entry(&alice, &index.to_string(), Op::Message(body)));
    append(store, room, sent.collect()).await;
    assert_eq!(unread(store, room, &bob).await, (0, 4, 3));
    assert_eq!(read(store, room, &user("carol"), MarkTo::seq(Seq(3))).await, (3, 1, 1));
    assert_eq!(read(store, room, &alice, back(0)).await, (0, 0, 0), "one's own never count");
    let edit = |target, mentions: Option<Vec<UserId>>, everyone| {
        let edit = Edit { mentions, mentions_room: everyone, ..Edit::text("changed") };
        entry(&alice, &format!("edit {target}"), Op::Edit(Seq(target), edit))
    };
    append_one(store, room, edit(1, Some(vec![bob.id.clone()]), None)).await;
    assert_eq!(unread(store, room, &bob).await, (0, 4, 4));
    append_one(store, room, edit(2, Some(Vec::new()), None)).await;
    append_one(store, room, edit(3, Some(Vec::new()), None)).await;
    assert_eq!(unread(store, room, &bob).await, (0, 4, 3));
    append_one(store, room, edit(4, None, Some(false))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 4, 2));
    append_one(store, room, entry(&alice, "delete", Op::Delete(Seq(3), None))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 3, 1));
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(1))).await, (1, 2, 0));
}

/// What the host writes in a user's name is that user's own, though it raises no mark.
pub async fn the_host_may_write_unread_messages(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&bob, &["1"])).await;
    let by_host = |content: &str| Entry { by_system: true, ..message(&bob, content, content) };
    append(store, room, vec![by_host("2"), message(&alice, "3", "3")]).await;
    assert_eq!(unread(store, room, &bob).await, (1, 1, 0));
    assert_eq!(read(store, room, &bob, MarkTo::seq(Seq(2))).await, (2, 1, 0));
    append(store, room, vec![message(&bob, "4", "4"), by_host("5"), message(&alice, "6", "6")]).await;
    assert_eq!(unread(store, room, &bob).await, (4, 1, 0));
    append(store, room, vec![by_host("7"), message(&bob, "8", "8"), message(&alice, "9", "9")]).await;
    assert_eq!(unread(store, room, &bob).await, (8, 1, 0));
    let nobody = Entry { actor: None, by_system: true, ..message(&bob, "10", "10") };
    append_one(store, room, nobody).await;
    assert_eq!(unread(store, room, &bob).await, (8, 2, 0));
}

/// Messages in threads are not unread; whom they mention is mentioned.
pub async fn a_thread_is_not_unread(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1"])).await;
    let body = Body { thread: Some(Seq(1)), mentions: vec![bob.id.clone()], ..Body::text("in the thread") };
    append_one(store, room, entry(&alice, "t", Op::Message(body))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 1, 1));
    assert_eq!(unread(store, room, &alice).await, (1, 0, 0));
    let own = Body { thread: Some(Seq(1)), ..Body::text("in the thread") };
    append_one(store, room, entry(&bob, "t", Op::Message(own))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 1, 1), "a thread marks nothing");
    append_one(store, room, entry(&alice, "delete", Op::Delete(Seq(2), None))).await;
    assert_eq!(unread(store, room, &bob).await, (0, 1, 0), "nor does its end");
}

/// Whatever stands between them in a batch: each answer shows its mark, and what is unread when all is done.
pub async fn marks_of_one_batch_see_its_end(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    let batch = vec![
        mark(&bob, MarkTo::seq(Seq(1))),
        message(&bob, "3", "3"),
        message(&alice, "4", "4"),
        mark(&bob, MarkTo::seq(Seq(9))),
        message(&alice, "5", "5"),
        mark(&bob, back(2)),
        entry(&alice, "delete", Op::Delete(Seq(5), None)),
    ];
    let outcomes = append(store, room, batch).await;
    let told: Vec<_> = [0, 3, 5].map(|index| marked(&outcomes[index]).unread).to_vec();
    let expected = |seq, unread| Unread { seq: Seq(seq), unread, mentions: 0, ordinal: 5 };
    assert_eq!(told, [expected(1, 2), expected(4, 0), expected(2, 1)]);
    assert_eq!(unread(store, room, &bob).await, (2, 1, 0));
}
