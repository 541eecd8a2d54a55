//! What holds for edits, deletions, reactions, pins and threads.

use super::{Opener, append, append_one, entry, log, make_room, message, messages, new_seq, seqs, user};
use crate::{
    Body, Edit, EventKind, Identity, Reaction, Reason, RoomId, Seq, UserId,
    append::{AppendOutcome, Entry, EventKey, Fingerprint, Lookup, Op, RoomBatch},
    error::Error,
    store::Store,
};

const UNCHANGED: AppendOutcome = AppendOutcome::Unchanged { count: None };

/// A room with a message of each of these users: 1, 2, 3 …
async fn room_of(store: &dyn Store, authors: &[&Identity]) -> RoomId {
    let room = make_room(store, "general").await;
    for (index, author) in authors.iter().enumerate() {
        append_one(store, room, message(author, "first", &format!("message {index}"))).await;
    }
    room
}

fn edit(actor: &Identity, target: u64, content: &str) -> Entry {
    entry(actor, &format!("edit {target} {content}"), Op::Edit(Seq(target), Edit::text(content)))
}

fn delete(actor: &Identity, target: u64) -> Entry {
    entry(actor, &format!("delete {target}"), Op::Delete(Seq(target), Some(Reason::new("spam").unwrap())))
}

fn react(actor: &Identity, target: u64, reaction: &str, added: bool, key: &str) -> Entry {
    entry(actor, &format!("react {key}"), Op::React(Seq(target), Reaction::new(reaction).unwrap(), added))
}

fn pin(actor: &Identity, target: u64, pinned: bool, key: &str) -> Entry {
    entry(actor, &format!("pin {key}"), Op::Pin(Seq(target), pinned))
}

fn in_thread(actor: &Identity, root: u64, reply_to: Option<u64>, key: &str) -> Entry {
    let body = Body { thread: Some(Seq(root)), reply_to: reply_to.map(Seq), ..Body::text("in a thread") };
    entry(actor, key, Op::Message(body))
}

fn refused(error: Error) -> AppendOutcome {
    AppendOutcome::Refused(error)
}

fn kind(outcome: &AppendOutcome) -> &EventKind {
    let AppendOutcome::New { event, .. } = outcome else { panic!("not new: {outcome:?}") };
    &event.kind
}

/// How many have a reaction, after it was added or taken back, or was there.
fn count(outcome: &AppendOutcome) -> u64 {
    if let AppendOutcome::Unchanged { count: Some(count) } = outcome {
        return *count;
    }
    let EventKind::Reaction { count, .. } = kind(outcome) else { panic!("no reaction: {outcome:?}") };
    *count
}

/// The row of the message stays as it was sent; each edit is the next one of its message, and the same text again is none.
pub async fn an_edit_is_an_event_and_leaves_the_message_as_sent(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice]).await;
    for (number, text) in ["second", "third", "first"].into_iter().enumerate() {
        let edited = append_one(store, room, edit(&alice, 1, text)).await;
        let EventKind::MessageEdited(edit) = kind(&edited) else { panic!("{edited:?}") };
        assert_eq!((edit.target, edit.count, edit.body.content.as_str()), (Seq(1), number as u64 + 1, text));
    }
    let mut again = edit(&alice, 1, "first");
    again.key = EventKey::from_stored("another key");
    assert_eq!(append_one(store, room, again).await, UNCHANGED);
    let events = log(store, room).await;
    assert_eq!(seqs(&events), [1, 2, 3, 4]);
    assert_eq!(events[0].event.message().unwrap().body, Body::text("first"));
    assert_eq!(events[3].ordinal, 1, "an edit does not count");
    let room = store.room(room).await.unwrap().unwrap();
    assert_eq!((room.head, room.last_message_seq), (Seq(4), Some(Seq(1))));
}

/// Mentions and `meta` stay where an edit does not name them, also over several edits, and go where it clears them.
pub async fn an_edit_keeps_what_it_does_not_name(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    let body = Body {
        mentions: ["bob", "3:x", "é"].map(|id| UserId::new(id).unwrap()).to_vec(),
        mentions_room: true,
        meta: Some("{\"a\": 1}".to_owned()),
        ..Body::text("first")
    };
    append_one(store, room, entry(&alice, "m", Op::Message(body.clone()))).await;
    for text in ["second", "third"] {
        let edited = append_one(store, room, edit(&alice, 1, text)).await;
        let EventKind::MessageEdited(edit) = kind(&edited) else { panic!("{edited:?}") };
        assert_eq!(edit.body, Body { content: text.to_owned(), ..body.clone() });
    }
    let cleared = Edit {
        content: "third".to_owned(),
        mentions: Some(Vec::new()),
        mentions_room: Some(false),
        meta: Some(String::new()),
    };
    append_one(store, room, entry(&alice, "clear", Op::Edit(Seq(1), cleared))).await;
    let edited = append_one(store, room, edit(&alice, 1, "fourth")).await;
    let EventKind::MessageEdited(edit) = kind(&edited) else { panic!("{edited:?}") };
    assert_eq!(edit.body, Body::text("fourth"));
    let events = log(store, room).await;
    assert_eq!(events[0].event.message().unwrap().body, body);
    let EventKind::MessageEdited(edit) = &events[2].event.kind else { panic!("{events:?}") };
    assert_eq!(edit.body, Body { content: "third".to_owned(), ..body });
}

/// No event of the log says any more what a deleted message said, nor what it was compared by; what else is there stays.
pub async fn a_deletion_erases_every_text(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    let body = Body {
        mentions: vec![bob.id.clone()],
        mentions_room: true,
        meta: Some("secret".to_owned()),
        ..Body::text("secret")
    };
    append_one(store, room, entry(&alice, "m", Op::Message(body))).await;
    append_one(store, room, message(&bob, "another", "another")).await;
    append(store, room, vec![edit(&alice, 1, "secret 2"), edit(&bob, 2, "of bob"), edit(&alice, 1, "secret 3")]).await;
    append_one(store, room, react(&bob, 1, "👍", true, "a")).await;
    let deleted = append_one(store, room, delete(&alice, 1)).await;
    let reason = Some(Reason::new("spam").unwrap());
    assert_eq!(kind(&deleted), &EventKind::MessageDeleted { target: Seq(1), reason });
    let events = log(store, room).await;
    assert_eq!(seqs(&events), [1, 2, 3, 4, 5, 6, 7]);
    assert!(events.iter().all(|stored| !format!("{:?}", stored.event).contains("secret")), "{events:?}");
    assert_eq!(events[0].event.message().unwrap().body, Body::default());
    for stored in &events {
        let seq = stored.event.seq.0;
        let is_erased = matches!(&stored.event.kind, EventKind::Message(message) if message.erased)
            || matches!(&stored.event.kind, EventKind::MessageEdited(edit) if edit.erased);
        assert_eq!(is_erased, [1, 3, 5].contains(&seq), "{stored:?}");
        assert_eq!(stored.fingerprint == Fingerprint::ERASED, is_erased, "{stored:?}");
    }
    assert_eq!(events[1].event.message().unwrap().body, Body::text("another"));
    assert!(matches!(&events[5].event.kind, EventKind::Reaction { count: 1, .. }), "{events:?}");
    let mut again = delete(&alice, 1);
    again.key = EventKey::from_stored("another key");
    assert_eq!(append_one(store, room, again).await, UNCHANGED);
    let room = store.room(room).await.unwrap().unwrap();
    assert_eq!((room.head, room.last_message_seq), (Seq(7), Some(Seq(2))));
}

/// A message, its edit and its deletion in one batch: answered as they were, stored without what they said.
pub async fn what_was_sent_and_deleted_at_once_is_not_stored(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    let batch = vec![
        message(&alice, "secret", "m"),
        edit(&alice, 1, "secret 2"),
        react(&alice, 1, "👍", true, "a"),
        pin(&alice, 1, true, "a"),
        in_thread(&alice, 1, None, "t"),
        delete(&alice, 1),
        react(&alice, 1, "🎉", true, "b"),
    ];
    let outcomes = append(store, room, batch).await;
    assert!(outcomes[..6].iter().all(|outcome| matches!(outcome, AppendOutcome::New { .. })), "{outcomes:?}");
    assert_eq!(outcomes[6], refused(Error::MessageDeleted));
    let events = log(store, room).await;
    assert_eq!(seqs(&events), [1, 2, 3, 4, 5, 6]);
    assert!(events.iter().all(|stored| !format!("{:?}", stored.event).contains("secret")), "{events:?}");
    assert_eq!([0, 1].map(|index| events[index].fingerprint), [Fingerprint::ERASED; 2]);
    assert_eq!(append_one(store, room, react(&alice, 1, "👍", true, "c")).await, refused(Error::MessageDeleted));
    let threaded = append_one(store, room, in_thread(&alice, 1, None, "t 2")).await;
    assert!(matches!(kind(&threaded), EventKind::Message(message) if message.thread_ordinal == Some(2)));
}

/// Each user counts once for each reaction, within a batch and over several; what is there already changes nothing.
pub async fn reactions_are_counted(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob, carol) = (&*store, user("alice"), user("bob"), user("carol"));
    let room = room_of(store, &[&alice, &alice]).await;
    let other = make_room(store, "other").await;
    append_one(store, other, message(&alice, "there", "m")).await;
    let first = append_one(store, room, react(&bob, 1, "👍", true, "a")).await;
    assert_eq!((count(&first), new_seq(&first)), (1, Seq(3)));
    let batch = vec![
        react(&carol, 1, "👍", true, "b"),
        react(&bob, 1, "👍", true, "c"),
        react(&bob, 1, "🎉", true, "d"),
        react(&bob, 2, "👍", true, "e"),
        react(&bob, 1, "👍", false, "f"),
        react(&bob, 1, "👍", false, "g"),
        react(&bob, 1, "👍", true, "h"),
    ];
    let outcomes = append(store, room, batch).await;
    assert_eq!(outcomes.iter().map(count).collect::<Vec<_>>(), [2, 2, 1, 1, 1, 1, 2]);
    let is_new = |outcome: &AppendOutcome| matches!(outcome, AppendOutcome::New { .. });
    assert_eq!(outcomes.iter().map(is_new).collect::<Vec<_>>(), [true, false, true, true, true, false, true]);
    assert_eq!(count(&append_one(store, other, react(&bob, 1, "👍", true, "a")).await), 1);
    for (actor, left) in [(&carol, 1), (&bob, 0)] {
        let gone = append_one(store, room, react(actor, 1, "👍", false, &format!("{left}"))).await;
        assert_eq!((is_new(&gone), count(&gone)), (true, left));
        let again = append_one(store, room, react(actor, 1, "👍", false, &format!("{left} again"))).await;
        assert_eq!(again, AppendOutcome::Unchanged { count: Some(left) });
    }
    assert_eq!(count(&append_one(store, room, react(&carol, 1, "👍", true, "anew")).await), 1);
    assert_eq!(store.room(room).await.unwrap().unwrap().last_message_seq, Some(Seq(2)));
}

/// No case, accent or trailing space makes two reactions or two users one.
pub async fn reactions_are_told_apart_by_every_byte(opener: &impl Opener) {
    const ALIKE: [&str; 7] = ["a", "A", "a ", "á", "ａ", "aa", "ª"];
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice]).await;
    let all = || ALIKE.iter().flat_map(|reaction| ALIKE.iter().map(move |user| (*reaction, *user)));
    for expected in [1, 7] {
        let mut counts = std::collections::BTreeMap::new();
        for (index, (reaction, id)) in all().enumerate() {
            let reactor = Identity::new(id, "shown").unwrap();
            let outcome = append_one(store, room, react(&reactor, 1, reaction, true, &index.to_string())).await;
            if expected == 1 {
                let counted = counts.entry(reaction).or_insert(0);
                *counted += 1;
                assert_eq!(count(&outcome), *counted, "{reaction} of {id}");
            } else {
                assert!(matches!(outcome, AppendOutcome::Replay(_)), "{reaction} of {id}: {outcome:?}");
            }
        }
    }
    let dave = user("dave");
    for reaction in ALIKE {
        assert_eq!(count(&append_one(store, room, react(&dave, 1, reaction, true, reaction)).await), 8);
    }
}

/// What has reactions and a pin has neither when it is deleted: there is room for other pins, and both are refused.
pub async fn a_deletion_takes_reactions_and_pins_along(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice, &alice]).await;
    append(store, room, vec![react(&alice, 1, "👍", true, "a"), pin(&alice, 1, true, "a")]).await;
    append_one(store, room, delete(&alice, 1)).await;
    let gone = refused(Error::MessageDeleted);
    for entry in [
        edit(&alice, 1, "second"),
        react(&alice, 1, "👍", true, "b"),
        react(&alice, 1, "👍", false, "c"),
        pin(&alice, 1, true, "b"),
        pin(&alice, 1, false, "c"),
    ] {
        assert_eq!(append_one(store, room, entry).await, gone);
    }
    let reply = Body { reply_to: Some(Seq(1)), ..Body::text("a reply to a tombstone") };
    let outcome = append_one(store, room, entry(&alice, "reply", Op::Message(reply))).await;
    assert!(matches!(outcome, AppendOutcome::New { .. }), "{outcome:?}");
}

/// 100 in a room, each once; one that is unpinned or deleted makes place for another.
pub async fn pins_are_counted(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, (1..=103).map(|number| message(&alice, "x", &number.to_string())).collect()).await;
    let first = append_one(store, room, pin(&alice, 1, true, "first")).await;
    assert_eq!(kind(&first), &EventKind::Pin { target: Seq(1), pinned: true });
    assert_eq!(append_one(store, room, pin(&alice, 1, true, "again")).await, UNCHANGED);
    assert_eq!(append_one(store, room, pin(&alice, 2, false, "not pinned")).await, UNCHANGED);
    let outcomes = append(store, room, (2..=102).map(|seq| pin(&alice, seq, true, &seq.to_string())).collect()).await;
    let too_many = refused(Error::TooMany { what: "pins".into() });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == too_many).count(), 2);
    assert_eq!(outcomes[99..], [too_many.clone(), too_many.clone()]);
    append(store, room, vec![delete(&alice, 1), pin(&alice, 2, false, "no more")]).await;
    let outcomes =
        append(store, room, (101..=103).map(|seq| pin(&alice, seq, true, &format!("later {seq}"))).collect());
    let outcomes = outcomes.await;
    assert!(outcomes[..2].iter().all(|outcome| matches!(outcome, AppendOutcome::New { .. })), "{outcomes:?}");
    assert_eq!(outcomes[2], too_many);
}

/// They count on where messages of the thread were deleted, and do not count in the room.
pub async fn threads_have_numbers_of_their_own(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = room_of(store, &[&alice, &bob]).await;
    let batch = vec![
        in_thread(&bob, 1, None, "a"),
        in_thread(&alice, 2, None, "b"),
        message(&bob, "in the room", "c"),
        in_thread(&alice, 1, Some(3), "d"),
    ];
    append(store, room, batch).await;
    append_one(store, room, delete(&alice, 6)).await;
    append(store, room, vec![in_thread(&bob, 1, Some(1), "e"), in_thread(&bob, 2, None, "f")]).await;
    let events = log(store, room).await;
    let ordinals = events.iter().map(|stored| stored.event.message().and_then(|message| message.thread_ordinal));
    let ordinals: Vec<_> = ordinals.collect();
    assert_eq!(ordinals, [None, None, Some(1), Some(1), None, Some(2), None, Some(3), Some(2)]);
    let counted: Vec<_> = events.iter().map(|stored| stored.ordinal).collect();
    assert_eq!(counted, [1, 2, 2, 2, 3, 3, 3, 3, 3]);
    let last = store.room(room).await.unwrap().unwrap();
    assert_eq!((last.head, last.last_message_seq), (Seq(9), Some(Seq(5))));
    let erased = events[5].event.message().unwrap();
    assert_eq!((erased.body.thread, erased.body.reply_to), (Some(Seq(1)), Some(Seq(3))), "its place stays");
}

/// A thread begins at a message of the room, and a reply in it stays in it.
pub async fn a_thread_has_no_threads(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice, &alice]).await;
    append(store, room, vec![in_thread(&alice, 1, None, "a"), in_thread(&alice, 2, None, "b")]).await;
    let field = |outcome: &AppendOutcome| {
        let AppendOutcome::Refused(Error::InvalidField { field, .. }) = outcome else {
            panic!("not refused: {outcome:?}");
        };
        field.clone()
    };
    assert_eq!(field(&append_one(store, room, in_thread(&alice, 3, None, "c")).await), "thread");
    for (key, elsewhere) in [("d", 2), ("e", 4)] {
        assert_eq!(field(&append_one(store, room, in_thread(&alice, 1, Some(elsewhere), key)).await), "reply_to");
    }
    for (root, reply_to) in [(99, None), (1, Some(99))] {
        let outcome = append_one(store, room, in_thread(&alice, root, reply_to, "f")).await;
        assert_eq!(outcome, refused(Error::MessageNotFound));
    }
}

/// Another's message is `forbidden`, also with the text that it has; another's tombstone is deleted. The host may.
pub async fn only_its_author_changes_a_message(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = room_of(store, &[&alice, &alice]).await;
    for entry in [edit(&bob, 1, "second"), edit(&bob, 1, "first"), delete(&bob, 1)] {
        assert_eq!(append_one(store, room, entry).await, refused(Error::Forbidden));
    }
    let by_host = |entry: Entry| Entry { by_system: true, ..entry };
    for entry in [edit(&bob, 1, "of the host"), delete(&bob, 2)] {
        let outcome = append_one(store, room, by_host(entry)).await;
        assert!(matches!(outcome, AppendOutcome::New { .. }), "{outcome:?}");
    }
    assert_eq!(append_one(store, room, edit(&bob, 2, "second")).await, refused(Error::MessageDeleted));
    let mut again = delete(&bob, 2);
    again.key = EventKey::from_stored("another key");
    assert_eq!(append_one(store, room, again).await, UNCHANGED);
}

/// Numbers of nothing, and of what is no message, are answered alike.
pub async fn what_is_not_there_is_not_changed(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice]).await;
    append_one(store, room, edit(&alice, 1, "second")).await;
    for target in [0, 2, 3, u64::MAX] {
        for entry in [
            edit(&alice, target, "x"),
            delete(&alice, target),
            react(&alice, target, "👍", true, &target.to_string()),
            pin(&alice, target, true, &target.to_string()),
        ] {
            assert_eq!(append_one(store, room, entry).await, refused(Error::MessageNotFound), "{target}");
        }
    }
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(2));
}

/// The 21st kind of reaction and the 201st edit are refused; what is there can still be joined and taken back.
pub async fn there_are_not_too_many_reactions_and_edits(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = room_of(store, &[&alice]).await;
    let kinds: Vec<String> = (1..=21).map(|number| format!("r{number}")).collect();
    let added = append(store, room, kinds.iter().map(|kind| react(&alice, 1, kind, true, kind)).collect()).await;
    let too_many = refused(Error::TooMany { what: "reactions".into() });
    assert_eq!(added[20], too_many);
    assert_eq!(added.iter().filter(|outcome| **outcome == too_many).count(), 1);
    assert_eq!(append_one(store, room, react(&bob, 1, "r21", true, "bob")).await, too_many);
    assert_eq!(count(&append_one(store, room, react(&bob, 1, "r20", true, "joins")).await), 2);
    append_one(store, room, react(&alice, 1, "r1", false, "makes place")).await;
    assert_eq!(count(&append_one(store, room, react(&bob, 1, "r21", true, "bob again")).await), 1);
    let edits: Vec<_> = (1..=201).map(|number| edit(&alice, 1, &number.to_string())).collect();
    let mut edited = Vec::new();
    for some in edits.chunks(150) {
        edited.append(&mut append(store, room, some.to_vec()).await);
    }
    let too_many = refused(Error::TooMany { what: "edits".into() });
    assert_eq!(edited.iter().position(|outcome| *outcome == too_many), Some(200));
}

/// Each operation is answered with its first event, whatever has become of its target; with other fields, another target or
/// another operation a key is a mismatch.
pub async fn retries_change_nothing(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice, &alice]).await;
    let operations = || {
        [
            edit(&alice, 1, "second"),
            react(&alice, 1, "👍", true, "a"),
            react(&alice, 1, "👍", false, "b"),
            pin(&alice, 1, true, "a"),
            pin(&alice, 1, false, "b"),
            in_thread(&alice, 1, None, "t"),
            delete(&alice, 1),
        ]
    };
    let first = append(store, room, operations().to_vec()).await;
    let events = log(store, room).await;
    for retry in [append(store, room, operations().to_vec()).await, append(store, room, operations().to_vec()).await] {
        for (index, outcome) in retry.iter().enumerate() {
            assert_eq!(*outcome, AppendOutcome::Replay(events[index + 2].event.clone()), "{:?}", first[index]);
        }
    }
    assert_eq!(log(store, room).await.len(), 9);
    let with_key = |key: &str, op: Op| entry(&alice, key, op);
    let reaction = || Reaction::new("👍").unwrap();
    let mismatches = vec![
        with_key("react a", Op::React(Seq(2), reaction(), true)),
        with_key("react a", Op::React(Seq(1), reaction(), false)),
        with_key("react a", Op::React(Seq(1), Reaction::new("🎉").unwrap(), true)),
        with_key("pin a", Op::Pin(Seq(2), true)),
        with_key("pin a", Op::Pin(Seq(1), false)),
        with_key("delete 1", Op::Delete(Seq(1), None)),
        with_key("delete 1", Op::Delete(Seq(2), Some(Reason::new("spam").unwrap()))),
        with_key("delete 1", Op::Pin(Seq(1), true)),
        with_key("edit 1 second", Op::Edit(Seq(2), Edit::text("second"))),
        with_key("t", Op::Message(Body::text("in a thread"))),
    ];
    for (index, outcome) in append(store, room, mismatches).await.into_iter().enumerate() {
        assert_eq!(outcome, refused(Error::IdempotencyMismatch), "{index}");
    }
}

/// The text that a key was used with is not known any more: every text is answered with what is left, and another operation or
/// target is a mismatch still.
pub async fn a_retry_of_what_was_erased_is_answered(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice, &alice]).await;
    append(store, room, vec![edit(&alice, 1, "second"), delete(&alice, 1)]).await;
    let events = log(store, room).await;
    let retries = vec![
        message(&alice, "first", "message 0"),
        message(&alice, "another text", "message 0"),
        entry(&alice, "edit 1 second", Op::Edit(Seq(1), Edit::text("another text"))),
    ];
    let outcomes = append(store, room, retries).await;
    let erased = [0, 0, 2].map(|index| AppendOutcome::Replay(events[index].event.clone()));
    assert_eq!(outcomes, erased);
    assert_eq!(events[0].event.message().map(|message| message.erased), Some(true));
    let mismatches = vec![
        entry(&alice, "message 0", Op::Pin(Seq(1), true)),
        entry(&alice, "edit 1 second", Op::Edit(Seq(2), Edit::text("second"))),
    ];
    assert_eq!(append(store, room, mismatches).await, [(); 2].map(|()| refused(Error::IdempotencyMismatch)));
}

/// After a lost answer, each kind of event is found.
pub async fn every_change_is_recovered_by_its_key(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = room_of(store, &[&alice]).await;
    let operations = vec![
        edit(&alice, 1, "second"),
        react(&alice, 1, "👍", true, "a"),
        pin(&alice, 1, true, "a"),
        in_thread(&alice, 1, None, "t"),
        delete(&alice, 1),
    ];
    let keys: Vec<Lookup> = operations.iter().map(Entry::lookup).collect();
    append(store, room, operations).await;
    let found = store.recover(room, &keys).await.unwrap().unwrap();
    assert_eq!(found.found, log(store, room).await[1..]);
    assert_eq!(found.head, Seq(6));
}

/// A batch of everything, in rooms that are there and one that is gone: each is judged by its own room.
pub async fn many_changes_of_many_rooms_at_once(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let mut rooms = Vec::new();
    for index in 0..5 {
        let room = make_room(store, &format!("room {index}")).await;
        append(store, room, messages(&alice, &["1", "2", "3"])).await;
        rooms.push(room);
    }
    super::delete(store, rooms[2]).await;
    let operations = |room: usize| {
        vec![
            react(&alice, 1 + room as u64 % 2, "👍", true, "a"),
            react(&bob, 1, "👍", true, "b"),
            edit(&alice, 2, "second"),
            delete(&alice, 3),
            pin(&bob, 1, true, "a"),
            in_thread(&bob, 1, None, "t"),
        ]
    };
    let batch = rooms.iter().enumerate().map(|(index, room)| RoomBatch { room: *room, entries: operations(index) });
    let outcomes = store.append(&batch.collect::<Vec<_>>()).await.unwrap();
    for (index, (room, outcomes)) in rooms.iter().zip(outcomes).enumerate() {
        let Some(outcomes) = outcomes else {
            assert_eq!(index, 2);
            continue;
        };
        let seqs: Vec<_> = outcomes.iter().map(new_seq).collect();
        assert_eq!(seqs, [4, 5, 6, 7, 8, 9].map(Seq));
        assert_eq!(count(&outcomes[1]), if index % 2 == 0 { 2 } else { 1 });
        let events = log(store, *room).await;
        assert_eq!(events.len(), 9);
        assert!(events[2].event.message().unwrap().erased && !events[0].event.message().unwrap().erased);
    }
}
