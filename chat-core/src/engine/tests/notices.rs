//! Notices that come of what happens in rooms: mentions, threads and read marks.

use super::*;
use crate::{
    Change, ChangeKind, Edit, MarkTo, Notice, Seq, Since, Unread, UserId,
    testing::{Fault, StoreCall},
};

/// Two devices of a user, of which the second is attached to the room.
struct Devices {
    handles: [SessionHandle; 2],
    updates: [Updates; 2],
}

impl Devices {
    async fn of(engine: &ChatEngine, name: &str, room: RoomId) -> Self {
        let ((one, ones), (other, others)) = (connect(engine, name), connect(engine, name));
        other.attach(room, Since::Now).await.unwrap();
        Self { handles: [one, other], updates: [ones, others] }
    }

    /// The notices that wait at each.
    async fn notices(&mut self) -> [Vec<Notice>; 2] {
        settle().await;
        self.updates.each_mut().map(|updates| {
            let waiting = std::iter::from_fn(|| updates.try_next());
            waiting.filter_map(|update| if let Update::Notice(notice) = update { Some(notice) } else { None }).collect()
        })
    }
}

fn ids(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| user(name).id).collect()
}

fn mentioning(names: &[&str]) -> Draft {
    let mut draft = text("hello");
    draft.body.mentions = ids(names);
    draft
}

fn in_thread(root: Seq) -> Draft {
    let mut draft = text("in a thread");
    draft.body.thread = Some(root);
    draft
}

async fn edit(engine: &ChatEngine, room: RoomId, target: Seq, edit: Edit) {
    let change = Change { target, kind: ChangeKind::Edit(edit), key: None };
    engine.change(&user("alice"), room, change).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_is_mentioned_hears_so_on_each_device_attached_or_not() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let mut alice = Devices::of(&engine, "alice", room).await;
    let (mut bob, mut carol) = (Devices::of(&engine, "bob", room).await, Devices::of(&engine, "carol", room).await);
    // Twice the same, and oneself.
    alice.handles[0].send(room, mentioning(&["bob", "bob", "alice", "nobody"])).await.unwrap();
    let mention = vec![Notice::Mention { room, seq: Seq(1), author: user("alice") }];
    assert_eq!(bob.notices().await, [mention.clone(), mention]);
    assert_eq!(carol.notices().await, [vec![], vec![]]);
    assert_eq!(alice.notices().await, [vec![], vec![]], "never for one's own");

    let mut everyone = text("all of you");
    everyone.body.mentions_room = true;
    alice.handles[0].send(room, everyone).await.unwrap();
    assert_eq!(bob.notices().await, [vec![], vec![]], "a mention of the room names no single user");
}

#[tokio::test(start_paused = true)]
async fn a_retry_mentions_nobody_again() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let mut bob = Devices::of(&engine, "bob", room).await;
    for replayed in [false, true] {
        let sent = engine.send(&user("alice"), room, mentioning(&["bob"]).key("k")).await.unwrap();
        assert_eq!(sent.replayed, replayed);
        assert_eq!(bob.notices().await[0].len(), usize::from(!replayed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mention_is_told_also_when_the_commit_of_its_message_was_not_answered() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let mut bob = Devices::of(&engine, "bob", room).await;
    store.fail_next(StoreCall::Append, Fault::LoseAnswer);
    engine.send(&user("alice"), room, mentioning(&["bob", "alice", "bob"])).await.unwrap();
    let mention = vec![Notice::Mention { room, seq: Seq(1), author: user("alice") }];
    assert_eq!(bob.notices().await, [mention.clone(), mention]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_tells_only_whom_it_newly_mentions() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (mut alice, mut bob, mut carol) = (
        Devices::of(&engine, "alice", room).await,
        Devices::of(&engine, "bob", room).await,
        Devices::of(&engine, "carol", room).await,
    );
    let seq = engine.send(&user("alice"), room, mentioning(&["bob"])).await.unwrap().seq;
    bob.notices().await;
    let both = Edit { mentions: Some(ids(&["alice", "bob", "carol"])), ..Edit::text("hello both") };
    edit(&engine, room, seq, both).await;
    let mention = vec![Notice::Mention { room, seq, author: user("alice") }];
    assert_eq!(carol.notices().await, [mention.clone(), mention], "the message that mentions them, not the edit");
    assert_eq!(bob.notices().await, [vec![], vec![]]);
    assert_eq!(alice.notices().await, [vec![], vec![]]);
    edit(&engine, room, seq, Edit::text("the mentions stay")).await;
    assert_eq!((bob.notices().await, carol.notices().await), (Default::default(), Default::default()));
}

#[tokio::test(start_paused = true)]
async fn a_message_in_a_thread_is_told_to_who_began_it_and_wrote_in_it() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (mut alice, mut bob, mut carol) = (
        Devices::of(&engine, "alice", room).await,
        Devices::of(&engine, "bob", room).await,
        Devices::of(&engine, "carol", room).await,
    );
    let root = alice.handles[0].send(room, text("root")).await.unwrap().seq;
    let told = |seq| vec![Notice::Thread { room, root, seq: Seq(seq) }];
    bob.handles[1].send(room, in_thread(root)).await.unwrap();
    assert_eq!(alice.notices().await, [told(2), told(2)]);
    assert_eq!(bob.notices().await, [vec![], vec![]], "not to who sends it");
    assert_eq!(carol.notices().await, [vec![], vec![]]);
    carol.handles[0].send(room, in_thread(root)).await.unwrap();
    assert_eq!((alice.notices().await, bob.notices().await), ([told(3), told(3)], [told(3), told(3)]));
    assert_eq!(carol.notices().await, [vec![], vec![]]);
    alice.handles[0].send(room, in_thread(root)).await.unwrap();
    assert_eq!(alice.notices().await, [vec![], vec![]], "not even who began it");
    alice.handles[0].send(room, text("outside")).await.unwrap();
    assert_eq!(bob.notices().await[0], told(4), "and nothing of what is outside");
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_told_to_the_users_other_sessions() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (mut bob, mut carol) = (Devices::of(&engine, "bob", room).await, Devices::of(&engine, "carol", room).await);
    for _ in 0..3 {
        engine.send(&user("alice"), room, mentioning(&["bob"])).await.unwrap();
    }
    bob.notices().await;
    let read =
        |seq, unread| Notice::Read { room, unread: Unread { seq: Seq(seq), unread, mentions: unread, ordinal: 3 } };
    bob.handles[0].mark(room, MarkTo::seq(Seq(1))).await.unwrap();
    assert_eq!(bob.notices().await, [vec![], vec![read(1, 2)]], "not to the one that marked");
    bob.handles[1].mark(room, MarkTo::seq(Seq(1))).await.unwrap();
    assert_eq!(bob.notices().await, [vec![], vec![]], "nor where nothing has moved");
    bob.handles[1].mark(room, MarkTo::seq(Seq(3))).await.unwrap();
    assert_eq!(bob.notices().await, [vec![read(3, 0)], vec![]]);
    engine.mark(&user("bob"), room, MarkTo::back_to(Seq(2))).await.unwrap();
    assert_eq!(bob.notices().await, [vec![read(2, 1)], vec![read(2, 1)]], "without a session, all of them");
    assert_eq!(carol.notices().await, [vec![], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn mentions_that_nobody_reads_end_no_session_and_are_said_to_be_missed() {
    let engine = engine_on(memory(), Limits { session_queue_bytes: 1_000, ..Limits::default() }).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    for _ in 0..100 {
        engine.send(&user("alice"), room, mentioning(&["bob"])).await.unwrap();
    }
    assert!(!bob.has_ended());
    settle().await;
    let waiting: Vec<_> = std::iter::from_fn(|| updates.try_next()).collect();
    assert!(waiting.len() <= 8, "{} updates wait", waiting.len());
    let missed = waiting.iter().filter(|update| matches!(update, Update::Notice(Notice::Missed)));
    assert_eq!(missed.count(), 1);
}
