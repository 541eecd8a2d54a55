//! What holds for who sees which rooms.

#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else is answered fails the test")]

use super::{Opener, append_one, entry, message, user};
use crate::{
    Body, InvitedBy, MemberChange, MyRoomQuery, Role, RoomId, RoomKind, RoomName, RoomQuery, Timestamp, Topic, Until,
    UserId, VisibleRooms,
    append::{AppendOutcome, Entry, KnownStanding, MemberOp, MemberStep, Op, RoomRecord, RoomUpdate},
    direct::Pair,
    rights::{RoomAction, Standing},
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
    Viewer::User(user(name).id, NOW, VisibleRooms::All)
}

async fn listed(store: &dyn Store, viewer: &Viewer, part: Option<&str>) -> Vec<RoomId> {
    let mut query = RoomQuery { limit: 1, name_contains: part.map(str::to_owned), ..RoomQuery::default() };
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

/// Those of the rooms that are asked for which somebody sees, by id and page after page.
pub async fn rooms_are_found_by_their_ids(opener: &dyn Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (open, closed) = (room(store, "open", RoomKind::Public).await, room(store, "closed", RoomKind::Private).await);
    room(store, "another", RoomKind::Public).await;
    let pair = Pair::new(&user("alice"), &user("bob"));
    let direct = store.create_room(&RoomRecord::direct(pair, Timestamp(1))).await.unwrap().unwrap().id;
    let ids = Some(vec![direct, closed, open, open, RoomId(1 << 40)]);
    let found = async |viewer: &Viewer, part: Option<&str>| {
        let mut query =
            RoomQuery { limit: 1, ids: ids.clone(), name_contains: part.map(str::to_owned), ..RoomQuery::default() };
        let mut all = Vec::new();
        loop {
            let page = store.rooms(&query, viewer).await.unwrap();
            all.extend(page.rooms.into_iter().map(|room| room.id));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return all,
            }
        }
    };
    for (viewer, expected) in [
        (Viewer::Host, vec![open, closed, direct]),
        (by("alice"), vec![open, closed, direct]),
        (by("bob"), vec![open, direct]),
        (by("carol"), vec![open]),
        (Viewer::Anonymous(VisibleRooms::All), vec![open]),
        (Viewer::User(user("alice").id, NOW, VisibleRooms::only([closed])), vec![closed]),
    ] {
        assert_eq!(found(&viewer, None).await, expected, "{viewer:?}");
    }
    assert_eq!(found(&by("alice"), Some("lose")).await, [closed]);
    let none = RoomQuery { ids: Some(Vec::new()), ..RoomQuery::default() };
    assert_eq!(store.rooms(&none, &Viewer::Host).await.unwrap().rooms, []);
}

async fn own(store: &dyn Store, viewer: &Viewer) -> Vec<RoomId> {
    let mut query = MyRoomQuery { limit: 1, after: None };
    let mut all = Vec::new();
    loop {
        let page = store.reader().my_rooms(viewer, &query).await.unwrap();
        all.extend(page.rooms.into_iter().map(|mine| mine.room.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    all.sort_unstable();
    all
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
        for viewer in [by("carol"), Viewer::Anonymous(VisibleRooms::All)] {
            assert_eq!(listed(store, &viewer, part).await, [public, last], "{viewer:?} {part:?}");
        }
    }
    assert_eq!(listed(store, &by("bob"), Some("closed")).await, [private]);
    assert!(listed(store, &by("carol"), Some("closed")).await.is_empty());
    assert_eq!(found(store, &by("bob")).await, all);
    assert_eq!(found(store, &by("carol")).await, [public, last]);
    assert_eq!(own(store, &by("bob")).await, [private]);

    change(store, private, "bob", MemberStep::Remove).await;
    change(store, public, "bob", MemberStep::Ban(Some(Timestamp(NOW.0 + 1)))).await;
    assert_eq!(listed(store, &by("bob"), None).await, [last]);
    assert_eq!(listed(store, &by("bob"), Some("hall")).await, [last]);
    assert_eq!(found(store, &by("bob")).await, [last]);
    assert!(own(store, &by("bob")).await.is_empty(), "the mark of one who is out is no room of theirs");
    let later = Viewer::User(user("bob").id, Timestamp(NOW.0 + 1), VisibleRooms::All);
    assert_eq!(listed(store, &later, None).await, [public, last], "a ban that is over hides nothing");
}

/// A policy that names rooms narrows every list and what is found, and widens nothing. What is hidden takes no place on a page.
pub async fn nobody_sees_a_room_that_the_policy_hides(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let mut rooms = Vec::new();
    for (name, kind) in [
        ("first hall", RoomKind::Public),
        ("closed hall", RoomKind::Private),
        ("secret hall", RoomKind::Private),
        ("last hall", RoomKind::Public),
    ] {
        let room = room(store, name, kind).await;
        append_one(store, room, message(&user("alice"), "hello", name)).await;
        rooms.push(room);
    }
    let [first, closed, secret, last] = rooms[..] else { panic!("{rooms:?}") };
    for room in [first, closed, last] {
        change(store, room, "bob", MemberStep::Add(None)).await;
    }
    // As many as may be named, most of them rooms that are not there.
    let many = |named: &[RoomId]| {
        let absent = (0..).map(|number| RoomId(last.0 + 1_000 + number));
        named.iter().copied().chain(absent).take(VisibleRooms::MOST).collect::<Vec<_>>()
    };
    for (shown, to_bob, to_anyone) in [
        (VisibleRooms::All, vec![first, closed, last], vec![first, last]),
        (VisibleRooms::only([]), vec![], vec![]),
        (VisibleRooms::only([last]), vec![last], vec![last]),
        (VisibleRooms::only([closed, secret, last]), vec![closed, last], vec![last]),
        (VisibleRooms::only(many(&[first, secret])), vec![first], vec![first]),
        (VisibleRooms::except([]), vec![first, closed, last], vec![first, last]),
        (VisibleRooms::except([first]), vec![closed, last], vec![last]),
        (VisibleRooms::except(many(&[closed, last])), vec![first], vec![first]),
    ] {
        let (bob, anyone) = (Viewer::User(user("bob").id, NOW, shown.clone()), Viewer::Anonymous(shown.clone()));
        for part in [None, Some("hall")] {
            assert_eq!(listed(store, &bob, part).await, to_bob, "{part:?} {:?}", shown.named());
            assert_eq!(listed(store, &anyone, part).await, to_anyone, "{part:?} {:?}", shown.named());
        }
        assert_eq!(found(store, &bob).await, to_bob, "{:?}", shown.named());
        assert_eq!(found(store, &anyone).await, to_anyone, "{:?}", shown.named());
        assert_eq!(own(store, &bob).await, to_bob, "{:?}", shown.named());
        assert!(own(store, &anyone).await.is_empty(), "nobody's");
    }
}

/// Where the host keeps who is in rooms, its word is all that counts of it: in lists, and of whoever makes an entry.
pub async fn what_the_host_says_counts(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (public, private) = (room(store, "hall", RoomKind::Public).await, room(store, "den", RoomKind::Private).await);
    let record = RoomRecord::open(RoomName::new("yard").unwrap(), Topic::new("").unwrap(), Timestamp(1));
    let everybodys = store.create_room(&record).await.unwrap().unwrap().id;
    let mut key = 0;
    let mut say = async |room, name: &str, standing| {
        key += 1;
        let body = Body { mentions: vec![user("dave").id], ..Body::text("hello") };
        let entry = entry(&user(name), &key.to_string(), Op::Message(body));
        append_one(store, room, Entry { standing: Some(KnownStanding::told(standing)), ..entry }).await
    };
    let member = Standing { role: Some(Role::Member), ..Standing::default() };
    for room in [private, public, everybodys] {
        let AppendOutcome::New { mentioned, .. } = say(room, "carol", member).await else { panic!() };
        assert_eq!(mentioned, [user("dave").id], "the host is asked when he is told");
    }
    assert_eq!(say(private, "alice", Standing::default()).await, AppendOutcome::Refused(crate::Error::RoomNotFound));
    for room in [public, everybodys] {
        let banned = Standing { banned: Some(Until::ForGood), ..Standing::default() };
        let refused = AppendOutcome::Refused(crate::Error::Banned { until: None });
        assert_eq!(say(room, "bob", banned).await, refused);
    }
    let told = |rooms: &[RoomId]| Viewer::Told(Some(user("carol").id), VisibleRooms::only(rooms.iter().copied()));
    for rooms in [&[][..], &[private], &[public, private]] {
        assert_eq!(listed(store, &told(rooms), None).await, rooms);
        assert_eq!(found(store, &told(rooms)).await, rooms);
        assert_eq!(own(store, &told(rooms)).await, rooms);
    }
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
