//! What holds for the rooms of a user, for who has read how far, and for what watchers are shown.

use super::{Opener, append, append_one, delete, entry, make_room, message, messages, update, user, viewer};
use crate::{
    Body, Edit, Identity, LastMessage, MarkTo, MyRoom, MyRoomQuery, Notify, Reaction, RoomId, Seq, Timestamp, Unread,
    append::{Entry, Op},
    store::Store,
};

/// Those in which the user has a mark, by the time of the newest message; a room without one, by that of its creation.
pub async fn rooms_of_a_user_come_by_their_newest_message(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let mut rooms = Vec::new();
    for number in 0..8 {
        rooms.push(make_room(store, &format!("room {number}")).await);
    }
    // Two at the same time, one without a message, one that is gone, and one in which she has no mark.
    for (room, at) in [(0, 5), (1, 9), (2, 5), (3, 7), (5, 8), (6, 6)] {
        let sent = message(&bob, "hello", "hello");
        append_one(store, rooms[room], Entry { at: Timestamp(1_700_000_000_000_000 + at), ..sent }).await;
    }
    for room in [0, 1, 2, 3, 4, 5] {
        append_one(store, rooms[room], entry(&alice, "", Op::Mark(MarkTo::seq(Seq(0))))).await;
    }
    delete(store, rooms[5]).await;
    let expected = [1, 3, 2, 0, 4].map(|room| rooms[room]);
    for limit in 1..=6 {
        let found: Vec<_> = my_rooms(store, &alice, limit).await.iter().map(|mine| mine.room.id).collect();
        assert_eq!(found, expected, "{limit}");
    }
    assert!(my_rooms(store, &user("carol"), 9).await.is_empty());
}

/// What is unread, the newest message as it is now, and what the user wants to be told.
pub async fn rooms_of_a_user_tell_what_is_unread(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1"])).await;
    let mention = Body { mentions: vec![alice.id.clone()], mentions_room: true, ..Body::text("2") };
    let in_thread = Body { thread: Some(Seq(1)), mentions: vec![alice.id.clone()], ..Body::text("in a thread") };
    append_one(store, room, entry(&bob, "2", Op::Message(mention))).await;
    append(store, room, messages(&bob, &["3", "4"])).await;
    append_one(store, room, entry(&bob, "5", Op::Message(in_thread))).await;
    append_one(store, room, entry(&bob, "6", Op::Edit(Seq(4), Edit::text("four")))).await;
    append_one(store, room, entry(&alice, "7", Op::React(Seq(4), Reaction::new("👍").unwrap(), true))).await;
    append_one(store, room, entry(&bob, "8", Op::Delete(Seq(3), None))).await;
    let mine = one(store, &alice).await;
    assert_eq!(mine.unread, Unread { seq: Seq(1), unread: 2, mentions: 2, ordinal: 4 });
    assert_eq!((mine.notify, mine.room.head), (Notify::All, Seq(8)));
    let last = mine.last_message.unwrap();
    assert_eq!((last.seq, last.message.body.content.as_str()), (Seq(4), "four"));
    assert!(last.reactions[0].mine, "{last:?}");
    assert!(!one(store, &bob).await.last_message.unwrap().reactions[0].mine);
    assert_eq!(one(store, &bob).await.unread, Unread { seq: Seq(4), unread: 0, mentions: 0, ordinal: 4 });
    append_one(store, room, entry(&alice, "", Op::Mark(MarkTo::back_to(Seq(0))))).await;
    append_one(store, room, entry(&bob, "9", Op::Delete(Seq(4), None))).await;
    let mine = one(store, &alice).await;
    assert_eq!(mine.unread, Unread { seq: Seq(0), unread: 1, mentions: 2, ordinal: 4 });
    let last = mine.last_message.unwrap();
    assert!(last.seq == Seq(4) && last.deleted.is_some(), "a tombstone keeps the room's place: {last:?}");
    assert_eq!(mine.room.last_message_at, Some(last.at));
}

/// More rooms than fit into one statement's list are as right as few.
pub async fn many_rooms_of_a_user_are_all_right(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let mut rooms = Vec::new();
    for number in 0..70_u64 {
        let room = make_room(store, &format!("room {number}")).await;
        rooms.push(room);
        append(store, room, messages(&alice, &["first"])).await;
        let texts: Vec<String> = (0..number % 7).map(|text| format!("{number} {text}")).collect();
        append(store, room, messages(&bob, &texts.iter().map(String::as_str).collect::<Vec<_>>())).await;
    }
    let mine = my_rooms(store, &alice, 200).await;
    assert_eq!(mine.len(), 70);
    for mine in &mine {
        let number = rooms.iter().position(|room| *room == mine.room.id).unwrap() as u64;
        assert_eq!((mine.unread.unread, mine.unread.ordinal), (number % 7, number % 7 + 1));
        let last = mine.last_message.as_ref().map(|last| last.message.body.content.clone());
        let expected =
            if number.is_multiple_of(7) { "first".to_owned() } else { format!("{number} {}", number % 7 - 1) };
        assert_eq!(last, Some(expected));
    }
    let asked: Vec<RoomId> = rooms.iter().copied().cycle().take(1_200).collect();
    let activity = store.reader().activity(&asked).await.unwrap();
    assert!(activity.iter().zip(&asked).all(|(found, room)| found.as_ref().unwrap().room == *room));
}

/// What is wanted can be wanted otherwise, also before the user has a mark.
pub async fn what_a_user_wants_to_be_told_is_kept(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (room, gone) = (make_room(store, "general").await, make_room(store, "gone").await);
    delete(store, gone).await;
    let set = |room, notify| store.reader().set_notify(&alice.id, room, notify);
    assert_eq!(set(room, Notify::None).await.unwrap(), Some(()));
    append(store, room, messages(&alice, &["1"])).await;
    assert_eq!(one(store, &alice).await.notify, Notify::None);
    for notify in [Notify::Mentions, Notify::Mentions, Notify::All] {
        assert_eq!(set(room, notify).await.unwrap(), Some(()));
        assert_eq!(one(store, &alice).await.notify, notify);
    }
    append(store, room, messages(&user("bob"), &["2"])).await;
    assert_eq!(one(store, &user("bob")).await.notify, Notify::All, "each has their own");
    assert_eq!(set(gone, Notify::All).await.unwrap(), None);
    assert_eq!(set(RoomId(gone.0 + 1), Notify::All).await.unwrap(), None);
}

/// Each mark once, whatever the size of a page: one's own first, then by the bytes of the id.
pub async fn marks_are_told_each_once(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (room, other) = (make_room(store, "general").await, make_room(store, "other").await);
    let names = ["Zoe", "alice", "bob", "émile", "mallory"];
    for (number, name) in names.iter().enumerate() {
        append(store, room, messages(&user(name), &[&number.to_string()])).await;
    }
    append_one(store, other, entry(&user("only there"), "", Op::Mark(MarkTo::seq(Seq(0))))).await;
    let mut by_id: Vec<(String, u64)> = (1..).zip(names).map(|(seq, name)| (user(name).id.to_string(), seq)).collect();
    by_id.sort();
    for me in [None, Some("mallory"), Some("Zoe"), Some("only there")] {
        let me = me.map(user);
        let mut expected = by_id.clone();
        expected.sort_by_key(|(id, _)| me.as_ref().is_none_or(|me| me.id.as_str() != id));
        for limit in 1..=6 {
            assert_eq!(marks(store, room, me.as_ref(), limit).await, expected, "{me:?} {limit}");
        }
    }
    delete(store, room).await;
    assert_eq!(store.reader().marks(room, None, None, 9).await.unwrap(), None);
}

/// The newest message as it is now, cut to 120 characters; nothing of a room that is gone.
pub async fn watchers_see_the_newest_message(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (room, empty, gone) =
        (make_room(store, "general").await, make_room(store, "empty").await, make_room(store, "gone").await);
    delete(store, gone).await;
    update(store, empty, None, Some("no message")).await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    let long = "é".repeat(200);
    append_one(store, room, entry(&alice, "edit", Op::Edit(Seq(2), Edit::text(long.clone())))).await;
    let in_thread = Body { thread: Some(Seq(1)), ..Body::text("in a thread") };
    append_one(store, room, entry(&alice, "thread", Op::Message(in_thread))).await;
    let asked = [gone, room, empty, room, RoomId(gone.0 + 1)];
    let [none, activity, nothing, again, missing] = store.reader().activity(&asked).await.unwrap().try_into().unwrap();
    assert_eq!((none, missing, &again), (None, None, &activity));
    let (activity, nothing) = (activity.unwrap(), nothing.unwrap());
    assert_eq!((activity.room, activity.head, activity.ordinal, activity.mentions_room), (room, Seq(4), 2, false));
    let content = long.chars().take(120).collect();
    assert_eq!(activity.last, Some(LastMessage { seq: Seq(2), author: Some(alice.clone()), content }));
    assert_eq!((nothing.head, nothing.ordinal, nothing.last), (Seq(1), 0, None));
    append_one(store, room, entry(&alice, "delete", Op::Delete(Seq(2), None))).await;
    let activity = store.reader().activity(&[room]).await.unwrap().remove(0).unwrap();
    let last = LastMessage { seq: Seq(2), author: Some(alice), content: String::new() };
    assert_eq!((activity.head, activity.last), (Seq(5), Some(last)));
    assert!(store.reader().activity(&[]).await.unwrap().is_empty());
}

/// All rooms of a user, in pages.
async fn my_rooms(store: &dyn Store, user: &Identity, limit: usize) -> Vec<MyRoom> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.reader().my_rooms(&viewer(&user.id), &MyRoomQuery { limit, after }).await.unwrap();
        assert!(page.rooms.len() <= limit && (page.next.is_none() || page.rooms.len() == limit));
        found.extend(page.rooms);
        let Some(next) = page.next else { return found };
        after = Some(next);
    }
}

/// The only room of a user.
async fn one(store: &dyn Store, user: &Identity) -> MyRoom {
    let [mine] = my_rooms(store, user, 9).await.try_into().unwrap();
    mine
}

/// All marks of a room, in pages.
async fn marks(store: &dyn Store, room: RoomId, me: Option<&Identity>, limit: usize) -> Vec<(String, u64)> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let me = me.map(|me| &me.id);
        let page = store.reader().marks(room, me, after.as_ref(), limit).await.unwrap().unwrap();
        assert!(page.marks.len() <= limit);
        found.extend(page.marks.into_iter().map(|mark| (mark.user.id.to_string(), mark.seq.0)));
        let Some(next) = page.next else { return found };
        after = Some(next);
    }
}
