//! What holds for rooms.

use super::{
    Opener, append, change, delete, log, make_room, message, messages, new_seq, seqs, try_append, try_delete, update,
    user,
};
use crate::{
    EventKind, HistoryQuery, RoomId, RoomName, RoomQuery, Seq, Timestamp, Topic,
    append::{AppendOutcome, Entry, RoomBatch, RoomRecord},
    error::Error,
    fold::{fold, name_key},
    store::Store,
};

/// `General`, `general` and `GENERAL` are one name, in whatever width; a trailing space was trimmed; an accent makes another.
pub async fn names_are_unique_without_case(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let general = make_room(store, "General").await;
    for taken in ["general", "GENERAL", " General ", "ｇeneral"] {
        let holder = store.create_room(&row(taken)).await.unwrap().unwrap_err();
        assert_eq!((holder.id, holder.name.as_str()), (general, "General"));
    }
    for free in ["Général", "Generál", "General 2", "😀", "😁", "a%"] {
        assert!(store.create_room(&row(free)).await.unwrap().is_ok(), "{free}");
    }
    let found = store.room_by_name(&name_key("  gENERAL")).await.unwrap().unwrap();
    assert_eq!(found.id, general);
    assert_eq!(store.room_by_name("generá").await.unwrap(), None);
}

/// Rooms with a key of the host's share their names, and are found by it.
pub async fn a_room_is_found_by_the_hosts_key(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let with_key = |name: &str, key: &str| RoomRecord { external: Some(key.to_owned()), ..row(name) };
    let (plain, longest) = (make_room(store, "General").await, "é".repeat(128));
    let (one, two) = (with_key("General", "project-42"), with_key("general", &longest));
    let (one, two) =
        (store.create_room(&one).await.unwrap().unwrap().id, store.create_room(&two).await.unwrap().unwrap().id);
    let holder = store.create_room(&with_key("Another", "project-42")).await.unwrap().unwrap_err();
    assert_eq!((holder.id, holder.external.as_deref()), (one, Some("project-42")));
    assert!(
        store.create_room(&with_key("Another", "Project-42")).await.unwrap().is_ok(),
        "another key in another case"
    );
    let by_key = async |key: &str| store.room_by_external(key).await.unwrap().map(|room| room.id);
    assert_eq!(
        (by_key("project-42").await, by_key(&longest).await, by_key("General").await),
        (Some(one), Some(two), None)
    );
    assert_eq!(store.room_by_name("general").await.unwrap().map(|room| room.id), Some(plain));
    assert_eq!(found(store, "gener", 2).await, [plain, one, two], "searches find them all");
    // Their names are nobody's: neither refused, nor in anybody's way.
    for name in ["Renamed", "General"] {
        assert!(matches!(update(store, one, Some(name), None).await, AppendOutcome::New { .. }));
        assert!(found(store, name, 9).await.contains(&one));
    }
    delete(store, one).await;
    assert_eq!(by_key("project-42").await, None);
    assert_eq!(store.room_by_name("general").await.unwrap().map(|room| room.id), Some(plain));
    assert!(store.create_room(&with_key("General", "project-42")).await.unwrap().is_ok(), "the key is free again");
}

/// STRASSE cannot be made beside Straße, nor by renaming: case is folded fully.
pub async fn words_that_read_alike_are_one_name(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    for (name, alike) in [
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ﬁsh", "FISH"),
        ("Kelvin", "\u{212a}ELVIN"),
        ("İs", "i\u{307}S"),
    ] {
        let holder = make_room(store, name).await;
        let taken = store.create_room(&row(alike)).await.unwrap().unwrap_err();
        assert_eq!((taken.id, taken.name.as_str()), (holder, name), "{alike}");
        let other = make_room(store, &format!("{name} 2")).await;
        let AppendOutcome::Refused(Error::NameTaken { room: Some(room) }) =
            update(store, other, Some(alike), None).await
        else {
            panic!("{alike} is taken")
        };
        assert_eq!(room.id, holder);
        assert!(
            matches!(update(store, holder, Some(alike), None).await, AppendOutcome::New { .. }),
            "its own name in another case"
        );
    }
}

/// Of many who want one name at once, one gets it and the others are told who.
pub async fn one_of_many_gets_a_name(opener: &impl Opener) {
    let (one, two) = (opener.open().await, opener.open().await);
    let tries = (0..8).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        let name = if number % 3 == 0 { "Wanted" } else { "wanted" };
        tokio::spawn(async move { store.create_room(&row(name)).await.unwrap() })
    });
    let mut made = Vec::new();
    let mut told = Vec::new();
    for tried in tries.collect::<Vec<_>>() {
        match tried.await.unwrap() {
            Ok(room) => made.push(room.id),
            Err(room) => told.push(room.id),
        }
    }
    assert_eq!((made.len(), told.len()), (1, 7));
    assert!(told.iter().all(|room| *room == made[0]));
}

/// A name and a topic at once are one event with both; what changes nothing is none; a name may change its case.
pub async fn a_change_is_one_event(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    append(store, room, messages(&user("alice"), &["a"])).await;
    let placed = update(store, room, Some("Lounge 😀"), Some("about\nall")).await;
    let AppendOutcome::New { event, .. } = &placed else { panic!("{placed:?}") };
    let kind = EventKind::RoomUpdated {
        name: RoomName::new("Lounge 😀").unwrap(),
        topic: Topic::new("about\nall").unwrap(),
        kind: crate::RoomKind::Public,
        invites: crate::InvitedBy::Members,
    };
    assert_eq!((event.seq, &event.kind, event.actor.as_ref()), (Seq(2), &kind, Some(&user("editor"))));
    assert_eq!(update(store, room, Some("Lounge 😀"), None).await, AppendOutcome::Unchanged { count: None });
    assert_eq!(update(store, room, None, Some("about\nall")).await, AppendOutcome::Unchanged { count: None });
    assert_eq!(new_seq(&update(store, room, Some("LOUNGE 😀"), None).await), Seq(3));
    assert_eq!(new_seq(&update(store, room, None, Some("")).await), Seq(4));
    let now = store.room(room).await.unwrap().unwrap();
    assert_eq!((now.name.as_str(), now.topic.as_str(), now.head), ("LOUNGE 😀", "", Seq(4)));
    assert_eq!(now.last_message_at, Some(Timestamp(1_700_000_000_000_000)));
    let events = log(store, room).await;
    assert_eq!(seqs(&events), [1, 2, 3, 4]);
    assert_eq!(events[1].event, *event);
    assert_eq!(store.room_by_name("general").await.unwrap(), None);
    assert!(store.create_room(&row("general")).await.unwrap().is_ok(), "the old name is free");
}

/// A name that another room has, whatever its case: refused with that room, and nothing of the change is stored.
pub async fn a_taken_name_is_refused(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (mine, other) = (make_room(store, "mine").await, make_room(store, "Other").await);
    let AppendOutcome::Refused(Error::NameTaken { room: Some(room) }) =
        update(store, mine, Some("oTHER"), Some("t")).await
    else {
        panic!("the name is taken")
    };
    assert_eq!((room.id, room.name.as_str()), (other, "Other"));
    let unchanged = store.room(mine).await.unwrap().unwrap();
    assert_eq!((unchanged.name.as_str(), unchanged.topic.as_str(), unchanged.head), ("mine", "", Seq(0)));
    let never = RoomId(other.0 + 1_000);
    assert_eq!(try_append(store, never, vec![change(Some("x"), None)]).await, None);
}

/// Two rooms that want one name at once: one gets it.
pub async fn one_of_two_renames_wins(opener: &impl Opener) {
    let (one, two) = (opener.open().await, opener.open().await);
    let (a, b) = (make_room(&*one, "a").await, make_room(&*one, "b").await);
    let rename = |store: std::sync::Arc<dyn Store>, room| {
        tokio::spawn(async move { update(&*store, room, Some("wanted"), None).await })
    };
    let (first, second) = tokio::join!(rename(one.clone(), a), rename(two, b));
    let placed = [first.unwrap(), second.unwrap()];
    let won = placed.iter().filter(|placed| matches!(placed, AppendOutcome::New { .. })).count();
    let refused =
        placed.iter().filter(|placed| matches!(placed, AppendOutcome::Refused(Error::NameTaken { .. }))).count();
    assert_eq!((won, refused), (1, 1), "{placed:?}");
    let holder = one.room_by_name("wanted").await.unwrap().unwrap();
    assert_eq!(holder.head, Seq(1));
}

/// Its end is its last event; then every call answers that it is gone, its name is free, its id is not given again.
pub async fn a_deleted_room_is_gone(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    append(store, room, messages(&user("alice"), &["a"])).await;
    let placed = delete(store, room).await;
    let AppendOutcome::New { event, .. } = &placed else { panic!("{placed:?}") };
    assert_eq!((event.seq, &event.kind, &event.actor), (Seq(2), &EventKind::RoomDeleted, &None));

    assert_eq!(store.room(room).await.unwrap(), None);
    assert_eq!(store.room_by_name("general").await.unwrap(), None);
    assert!(store.rooms(&RoomQuery::default(), &crate::store::Viewer::Host).await.unwrap().rooms.is_empty());
    assert_eq!(store.history(room, HistoryQuery::newest(), None).await.unwrap(), None);
    assert_eq!(try_delete(store, room).await, None);
    assert_eq!(try_append(store, room, vec![change(Some("x"), None)]).await, None);
    assert_eq!(seqs(&log(store, room).await), [1, 2], "whoever was there can still read up to its end");

    let again = make_room(store, "General").await;
    assert_ne!(again, room);
    assert!(log(store, again).await.is_empty());
}

/// A room tells its newest message: neither a change of the room nor a retry is one, alone or beside new messages.
pub async fn the_newest_message_is_known(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (room, other) = (make_room(store, "general").await, make_room(store, "other").await);
    let say = |content: &str, at: i64| Entry { at: Timestamp(at), ..message(&alice, content, content) };
    let newest = async |room| {
        let room = store.room(room).await.unwrap().unwrap();
        (room.last_message_seq.map(|seq| seq.0), room.last_message_at.map(|at| at.0))
    };
    assert_eq!(newest(room).await, (None, None));
    append(store, room, vec![say("one", 30), say("two", 20)]).await;
    assert_eq!(newest(room).await, (Some(2), Some(20)), "the newest is the last, whatever the clock did");
    update(store, room, None, Some("a topic")).await;
    append(store, room, vec![say("two", 99)]).await;
    assert_eq!(newest(room).await, (Some(2), Some(20)));
    append(store, room, vec![say("three", 40), say("one", 99)]).await;
    assert_eq!(newest(room).await, (Some(4), Some(40)));
    append(store, room, vec![say("one", 99), say("four", 50), say("four", 98)]).await;
    assert_eq!(newest(room).await, (Some(5), Some(50)));
    let batch = [(room, say("four", 99)), (other, say("one", 60))];
    let batch = batch.map(|(room, new)| RoomBatch { room, entries: vec![new] });
    store.append(&batch).await.unwrap();
    assert_eq!((newest(room).await, newest(other).await), ((Some(5), Some(50)), (Some(1), Some(60))));
    let listed = store.rooms(&RoomQuery::default(), &crate::store::Viewer::Host).await.unwrap().rooms;
    for room in listed {
        assert_eq!(
            (room.last_message_seq.map(|seq| seq.0), room.last_message_at.map(|at| at.0)),
            newest(room.id).await
        );
    }
}

/// So many at a time, of deleted rooms only.
pub async fn purging_takes_what_was_deleted(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let (kept, one, two) = (make_room(store, "kept").await, make_room(store, "1").await, make_room(store, "2").await);
    for room in [kept, one, two] {
        append(store, room, messages(&alice, &["a", "b", "c"])).await;
    }
    assert_eq!(store.purge(100).await.unwrap(), 0);
    for room in [one, two] {
        delete(store, room).await;
    }
    assert_eq!(store.purge(3).await.unwrap(), 3);
    assert_eq!(log(store, one).await.len() + log(store, two).await.len(), 5);
    let rest = store.purge(100).await.unwrap();
    assert!((5 + 2..100).contains(&rest), "events, what else is kept of them, and the rooms themselves: {rest}");
    assert_eq!(store.purge(100).await.unwrap(), 0);
    assert_eq!(log(store, kept).await.len(), 3);
    assert_eq!(store.room(one).await.unwrap(), None);
    assert_eq!(try_delete(store, one).await, None);
}

/// Also when nothing is left of the newest room.
pub async fn no_id_is_given_twice(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let mut last = make_room(store, "general").await;
    for _ in 0..3 {
        delete(store, last).await;
        assert_eq!(store.purge(100).await.unwrap(), 2, "its only event and the room");
        assert_eq!(store.purge(100).await.unwrap(), 0);
        let next = make_room(store, "general").await;
        assert!(next > last, "{next:?} after {last:?}");
        assert!(log(store, next).await.is_empty());
        last = next;
    }
}

/// By id, page after page, without a skip when rooms come and go.
pub async fn rooms_are_listed_by_id(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let mut rooms = Vec::new();
    for number in 0..5 {
        rooms.push(make_room(store, &format!("room {number}")).await);
    }
    append(store, rooms[4], messages(&user("alice"), &["a"])).await;
    let query = |after| RoomQuery { limit: 2, after, ..RoomQuery::default() };
    let first = store.rooms(&query(None), &crate::store::Viewer::Host).await.unwrap();
    assert_eq!(ids(&first.rooms), rooms[..2]);
    assert_eq!(first.next, Some(rooms[1]));
    delete(store, rooms[1]).await;
    let second = store.rooms(&query(first.next), &crate::store::Viewer::Host).await.unwrap();
    assert_eq!((ids(&second.rooms), second.next), (rooms[2..4].to_vec(), Some(rooms[3])));
    let third = store.rooms(&query(second.next), &crate::store::Viewer::Host).await.unwrap();
    assert_eq!((ids(&third.rooms), third.next), (vec![rooms[4]], None));
    assert_eq!((third.rooms[0].head, third.rooms[0].last_message_at.is_some()), (Seq(1), true));
    assert_eq!(third.rooms[0], store.room(rooms[4]).await.unwrap().unwrap());
    let exactly =
        store.rooms(&RoomQuery { limit: 4, ..RoomQuery::default() }, &crate::store::Viewer::Host).await.unwrap();
    assert_eq!((exactly.rooms.len(), exactly.next), (4, None));
}

/// A part of a name finds it, of whatever length and however common, page after page.
pub async fn any_part_of_a_name_finds_it(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let mut rooms = Vec::new();
    for number in 0..300 {
        rooms.push(
            make_room(store, &format!("room {number:03} {}", if number % 100 == 7 { "Seven" } else { "" })).await,
        );
    }
    for (part, expected) in [
        ("r", 300),
        ("om", 300),
        ("m 00", 10),
        ("room 123", 1),
        ("EVEN", 3),
        ("7 seven", 3),
        ("z", 0),
        ("zz", 0),
        ("room 300", 0),
        ("mor", 0),
        ("r\n", 300),
        ("0\nroom", 0),
    ] {
        assert_eq!(found(store, part, 7).await.len(), expected, "{part:?}");
    }
    assert_eq!(found(store, "room", 100).await, rooms);
    assert_eq!(found(store, "seven", 1).await, [rooms[7], rooms[107], rooms[207]]);
}

/// As soon as it has the name, and only as long.
pub async fn a_search_knows_the_names_of_now(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (room, other) = (make_room(store, "ΣΊΣΥΦΟΣ").await, make_room(store, "Straße").await);
    assert_eq!(found(store, "ΣΊΣ", 10).await, [room]);
    assert_eq!(found(store, "ίσυφος", 10).await, [room]);
    assert_eq!(found(store, "RASS", 10).await, [other]);
    update(store, room, Some("Tantalus"), None).await;
    assert!(found(store, "ΣΊΣ", 10).await.is_empty());
    assert_eq!(found(store, "talu", 10).await, [room]);
    update(store, room, None, Some("a topic")).await;
    assert_eq!(found(store, "t", 10).await, [room, other]);
    delete(store, room).await;
    assert!(found(store, "talu", 10).await.is_empty());
    assert_eq!(found(store, "t", 10).await, [other]);
    let again = make_room(store, "tantalus").await;
    assert_eq!(found(store, "TALU", 10).await, [again]);
}

/// Rooms that are made, renamed and deleted at once, by two who write to the same database.
pub async fn names_written_at_once_are_all_found(opener: &impl Opener) {
    let (one, two) = (opener.open().await, opener.open().await);
    let tries = (0..24).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let room = make_room(&*store, &format!("first {number}")).await;
            if number % 3 == 0 {
                delete(&*store, room).await;
            } else {
                update(&*store, room, Some(&format!("second {number}")), None).await;
            }
        })
    });
    for tried in tries.collect::<Vec<_>>() {
        tried.await.unwrap();
    }
    assert!(found(&*one, "first", 10).await.is_empty());
    assert_eq!(found(&*one, "second", 10).await.len(), 16);
}

/// `%`, `_` and `\` are themselves; case does not count, accents do.
pub async fn names_are_searched_literally(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    for name in ["100% Sure", "100 Sure", "snake_case", "snakeXcase", "back\\slash", "Café", "Cafe", "it's 😀"] {
        make_room(store, name).await;
    }
    for (part, expected) in [
        ("%", vec!["100% Sure"]),
        ("0% s", vec!["100% Sure"]),
        ("SURE", vec!["100% Sure", "100 Sure"]),
        ("_", vec!["snake_case"]),
        ("\\", vec!["back\\slash"]),
        ("CAFÉ", vec!["Café"]),
        ("cafe", vec!["Cafe"]),
        ("'s 😀", vec!["it's 😀"]),
        ("%%", vec![]),
    ] {
        let query = RoomQuery { name_contains: Some(fold(part)), ..RoomQuery::default() };
        let found = store.rooms(&query, &crate::store::Viewer::Host).await.unwrap();
        let names: Vec<&str> = found.rooms.iter().map(|room| room.name.as_str()).collect();
        assert_eq!(names, expected, "{part}");
    }
}

/// Names and topics with case, accents, other scripts and emoji, and the longest ones.
pub async fn shown_names_come_back_as_written(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let longest = "𝒳".repeat(100);
    for (name, topic) in
        [("Zoë's Ünïted", " trailing  "), ("日本語 😀", "İstanbul\r\n\tß"), (longest.as_str(), &"😀".repeat(1_024))]
    {
        let new = RoomRecord { topic: Topic::new(topic).unwrap(), ..row(name) };
        let made = store.create_room(&new).await.unwrap().unwrap();
        assert_eq!((made.name.as_str(), made.topic.as_str(), made.created_at), (name, topic, new.created_at));
        assert_eq!((made.head, made.last_message_at, made.online), (Seq(0), None, 0));
        assert_eq!(store.room(made.id).await.unwrap(), Some(made));
    }
}

fn row(name: &str) -> RoomRecord {
    RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), Timestamp(1))
}

/// All rooms whose names have this part, by pages of so many.
async fn found(store: &dyn Store, part: &str, limit: usize) -> Vec<RoomId> {
    let mut query = RoomQuery { limit, name_contains: Some(fold(part)), ..RoomQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = store.rooms(&query, &crate::store::Viewer::Host).await.unwrap();
        assert!(page.rooms.len() <= limit);
        all.extend(ids(&page.rooms));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

fn ids(rooms: &[crate::Room]) -> Vec<RoomId> {
    rooms.iter().map(|room| room.id).collect()
}
