//! What holds for who sees which rooms.

#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else is answered fails the test")]

use super::{Opener, append_one, entry, message, user};
use crate::{
    Body, InvitedBy, MemberChange, MyRoomQuery, RoomId, RoomKind, RoomName, RoomQuery, Timestamp, Topic, UserId,
    append::{AppendOutcome, MemberOp, MemberStep, Op, RoomRecord, RoomUpdate},
    rights::RoomAction,
    search::SearchQuery,
    store::{SeenRoom, Store, Viewer},
};

/// When everybody looks.
const NOW: Timestamp = Timestamp(1_700_000_000_000_003);

async fn room(store: &dyn Store, name: &str, kind: RoomKind) -> RoomId {
    let record = RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), Timestamp(1));
    let record = RoomRecord { kind, owner: Some(user("alice")), ..record };
    store.create_room(&record).await.unwrap().unwrap().id
}

/// Alice does this with somebody.
async fn change(store: &dyn Store, room: RoomId, whom: &str, step: MemberStep) -> MemberChange {
    let op = MemberOp { user: user(whom), step, reason: None, is_alone: false };
    let key = format!("{whom} {step:?}");
    match append_one(store, room, entry(&user("alice"), &key, Op::Member(op))).await {
        AppendOutcome::New { event, .. } => event.member().unwrap().change,
        other => panic!("{other:?}"),
    }
}

fn by(name: &str) -> Viewer {
    Viewer::User(user(name).id, NOW)
}

async fn listed(store: &dyn Store, viewer: &Viewer, part: Option<&str>) -> Vec<RoomId> {
    let mut query = RoomQuery { limit: 1, after: None, name_contains: part.map(str::to_owned) };
    let mut all = Vec::new();
    loop {
        let page = store.rooms(&query, viewer).await.unwrap();
        all.extend(page.rooms.into_iter().map(|room| room.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

async fn own(store: &dyn Store, name: &str) -> Vec<RoomId> {
    let page = store.reader().my_rooms(&user(name).id, NOW, &MyRoomQuery::default()).await.unwrap();
    page.rooms.into_iter().map(|mine| mine.room.id).collect()
}

async fn found(store: &dyn Store, viewer: &Viewer) -> Vec<RoomId> {
    while let Some(unindexed) = store.searcher().unindexed(None, 1).await.unwrap().first().copied() {
        store.searcher().index(unindexed.room).await.unwrap();
    }
    let page = store.searcher().search(&SearchQuery::new("hello").unwrap(), viewer).await.unwrap();
    let mut rooms: Vec<_> = page.messages.into_iter().map(|state| state.room).collect();
    rooms.sort_unstable();
    rooms
}

/// Lists, names, messages and one's own rooms show what one may see then, and no page tells of more.
pub async fn nobody_sees_a_private_room_but_its_members(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let public = room(store, "open hall", RoomKind::Public).await;
    let private = room(store, "closed hall", RoomKind::Private).await;
    let last = room(store, "last hall", RoomKind::Public).await;
    assert_eq!(change(store, private, "bob", MemberStep::Add(None)).await, MemberChange::Added);
    for (room, key) in [(public, "1"), (private, "2"), (last, "3")] {
        append_one(store, room, message(&user("alice"), "hello", key)).await;
    }
    let all = [public, private, last];
    for part in [None, Some("hall")] {
        for viewer in [by("alice"), by("bob"), Viewer::Host] {
            assert_eq!(listed(store, &viewer, part).await, all, "{viewer:?} {part:?}");
        }
        for viewer in [by("carol"), Viewer::Anonymous] {
            assert_eq!(listed(store, &viewer, part).await, [public, last], "{viewer:?} {part:?}");
        }
    }
    assert_eq!(listed(store, &by("bob"), Some("closed")).await, [private]);
    assert!(listed(store, &by("carol"), Some("closed")).await.is_empty());
    assert_eq!(found(store, &by("bob")).await, all);
    assert_eq!(found(store, &by("carol")).await, [public, last]);
    assert_eq!(own(store, "bob").await, [private]);

    change(store, private, "bob", MemberStep::Remove).await;
    change(store, public, "bob", MemberStep::Ban(Some(Timestamp(NOW.0 + 1)))).await;
    assert_eq!(listed(store, &by("bob"), None).await, [last]);
    assert_eq!(listed(store, &by("bob"), Some("hall")).await, [last]);
    assert_eq!(found(store, &by("bob")).await, [last]);
    assert!(own(store, "bob").await.is_empty(), "the mark of one who is out is no room of theirs");
    let later = Viewer::User(user("bob").id, Timestamp(NOW.0 + 1));
    assert_eq!(listed(store, &later, None).await, [public, last], "a ban that is over hides nothing");
}

/// What becomes private or public again is found by those who may find it then.
pub async fn a_room_is_seen_as_what_it_is_now(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = room(store, "the hall", RoomKind::Public).await;
    for (kind, seen) in [(RoomKind::Private, vec![]), (RoomKind::Public, vec![room])] {
        let op = RoomUpdate { kind: Some(kind), invites: Some(InvitedBy::Members), ..RoomUpdate::default() };
        let changed = append_one(store, room, entry(&user("alice"), kind.as_str(), Op::UpdateRoom(op))).await;
        assert!(matches!(changed, AppendOutcome::New { .. }), "{changed:?}");
        for part in [None, Some("hall")] {
            assert_eq!(listed(store, &by("alice"), part).await, [room]);
            assert_eq!(listed(store, &by("carol"), part).await, seen);
        }
    }
    let op = RoomUpdate { name: Some(RoomName::new("another").unwrap()), ..RoomUpdate::default() };
    append_one(store, room, entry(&user("alice"), "renamed", Op::UpdateRoom(op))).await;
    assert!(listed(store, &by("carol"), Some("hall")).await.is_empty());
    assert_eq!(listed(store, &by("carol"), Some("other")).await, [room]);
}

/// A hidden room and a missing one are the same to somebody who asks for them.
pub async fn a_hidden_room_is_as_a_missing_one(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let private = room(store, "closed", RoomKind::Private).await;
    let read = async |room, name: Option<&str>| {
        let user: Option<UserId> = name.map(|name| user(name).id);
        let seen = store.members().seen(room, user.as_ref()).await.unwrap();
        let asker = |standing| crate::rights::Asker::User { standing, admin: false };
        SeenRoom::check(seen, RoomAction::Read, asker, NOW).map(|room| room.id)
    };
    assert_eq!(read(private, Some("alice")).await, Ok(private));
    for name in [Some("carol"), None] {
        assert_eq!(read(private, name).await, Err(crate::Error::RoomNotFound));
        assert_eq!(read(RoomId(private.0 + 1), name).await, Err(crate::Error::RoomNotFound));
    }
}

/// Only those hear of a mention who may see what it says.
pub async fn a_mention_is_told_to_those_who_see_the_room(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    for (kind, name, told) in
        [(RoomKind::Private, "closed", vec!["bob"]), (RoomKind::Public, "open", vec!["bob", "carol"])]
    {
        let room = room(store, name, kind).await;
        change(store, room, "bob", MemberStep::Add(None)).await;
        change(store, room, "dave", MemberStep::Ban(None)).await;
        let mentions = ["bob", "carol", "dave"].map(|name| user(name).id).to_vec();
        let body = Body { mentions, ..Body::text("hello") };
        match append_one(store, room, entry(&user("alice"), "m", Op::Message(body))).await {
            AppendOutcome::New { mentioned, .. } => {
                let names: Vec<_> = mentioned.iter().map(UserId::as_str).collect();
                assert_eq!(names, told, "{kind:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
