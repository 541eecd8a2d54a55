//! The cases about changing messages and marking them as read. Each is run once for each transport.

use chat_core::{Body, Seq, UserId};

use super::client::{Change, Changed, Client, Entered, Entry, Heard, Marked, Stage, Stored, next_event, until};

const DONE: Changed = Changed { replayed: false, count: None };

/// Alice and Bob in a room with one message of Alice's, which both have heard.
async fn two<C: Client>() -> (Stage, C, C) {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    assert_eq!(alice.send("Hello!", None).await, Ok(Stored { seq: 1, replayed: false }));
    for client in [&mut alice, &mut bob] {
        assert_eq!(next_event(client).await, Heard::message(1, "Alice", "Hello!"));
    }
    (stage, alice, bob)
}

pub(crate) async fn all_that_a_message_has_is_heard<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    let mut body = Body::text("x");
    body.reply_to = Some(Seq(1));
    body.mentions = vec![UserId::new("Alice").unwrap(), UserId::new("nobody/here").unwrap()];
    body.mentions_room = true;
    body.meta = Some(r#"{"a":[1,null]}"#.to_owned());
    bob.send_body(body.clone(), None).await.unwrap();
    for client in [&mut alice, &mut bob] {
        let user = "Bob".to_owned();
        assert_eq!(next_event(client).await, Heard::Message { seq: 2, user, body: body.clone(), key: None });
    }
}

pub(crate) async fn an_edit_is_heard_with_what_the_message_says_now<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    let mut body = Body::text("x");
    body.mentions = vec![UserId::new("Bob").unwrap()];
    alice.send_body(body.clone(), None).await.unwrap();
    next_event(&mut bob).await;
    assert_eq!(alice.change(2, Change::Edit("y"), None).await, Ok(DONE));
    body.content = "y".to_owned();
    assert_eq!(next_event(&mut bob).await, Heard::Edited { seq: 3, target: 2, body }, "what it does not name stays");
}

pub(crate) async fn what_was_deleted_is_heard_later_only_as_erased<C: Client>() {
    let (stage, mut alice, mut bob) = two::<C>().await;
    alice.change(1, Change::Edit("secret"), None).await.unwrap();
    assert_eq!(alice.change(1, Change::Delete, None).await, Ok(DONE));
    assert!(matches!(next_event(&mut bob).await, Heard::Edited { seq: 2, .. }));
    assert_eq!(next_event(&mut bob).await, Heard::Erased { seq: 3, target: 1 });
    let entry = Entry { after: Some((None, 0)), presence: true };
    let (_carol, entered) = C::enter(&stage, "Carol", entry).await.unwrap();
    let Entered::Attached { missed, .. } = entered else { panic!("{entered:?}") };
    let edited = Heard::Edited { seq: 2, target: 1, body: Body::text("") };
    assert_eq!(missed, [Heard::message(1, "Alice", ""), edited, Heard::Erased { seq: 3, target: 1 }]);
}

pub(crate) async fn reactions_and_pins_are_heard<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    for (client, added, count) in [(&mut alice, true, 1), (&mut bob, true, 2)] {
        let changed = client.change(1, Change::React(":-)", added), None).await;
        assert_eq!(changed, Ok(Changed { replayed: false, count: Some(count) }));
    }
    let taken = alice.change(1, Change::React(":-)", false), None).await;
    assert_eq!(taken, Ok(Changed { replayed: false, count: Some(1) }));
    for pinned in [true, false] {
        assert_eq!(bob.change(1, Change::Pin(pinned), None).await, Ok(DONE));
    }
    for client in [&mut alice, &mut bob] {
        for (seq, added, count) in [(2, true, 1), (3, true, 2), (4, false, 1)] {
            let reaction = ":-)".to_owned();
            assert_eq!(next_event(client).await, Heard::Reacted { seq, target: 1, reaction, added, count });
        }
        for (seq, pinned) in [(5, true), (6, false)] {
            assert_eq!(next_event(client).await, Heard::Pinned { seq, target: 1, pinned });
        }
    }
}

pub(crate) async fn a_thread_is_heard_with_the_room<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    let mut body = Body::text("beside");
    body.thread = Some(Seq(1));
    assert_eq!(bob.send_body(body.clone(), None).await, Ok(Stored { seq: 2, replayed: false }));
    let user = "Bob".to_owned();
    assert_eq!(next_event(&mut alice).await, Heard::Message { seq: 2, user, body: body.clone(), key: None });
    body.thread = Some(Seq(2));
    assert_eq!(bob.send_body(body, None).await, Err("invalid_field".to_owned()), "a thread has no threads");
}

pub(crate) async fn a_retried_change_gets_the_first_answer<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    for (key, change, count) in [
        ("e", Change::Edit("y"), None),
        ("r", Change::React("x", true), Some(1)),
        ("p", Change::Pin(true), None),
        ("d", Change::Delete, None),
    ] {
        for replayed in [false, true] {
            assert_eq!(alice.change(1, change, Some(key)).await, Ok(Changed { replayed, count }), "{key}");
        }
    }
    assert_eq!(alice.change(1, Change::Pin(true), Some("e")).await, Err("idempotency_mismatch".to_owned()));
    for seq in 2..=5 {
        let heard = next_event(&mut bob).await;
        let is_next = match heard {
            Heard::Edited { seq: 2, .. } => seq == 2,
            Heard::Reacted { seq: 3, .. } => seq == 3,
            Heard::Pinned { seq: 4, .. } => seq == 4,
            Heard::Erased { seq: 5, .. } => seq == 5,
            _ => false,
        };
        assert!(is_next, "each is heard once: {heard:?}");
    }
}

pub(crate) async fn what_changes_nothing_is_not_heard<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    let nothing = |count| Ok(Changed { replayed: false, count });
    assert_eq!(alice.change(1, Change::Edit("Hello!"), None).await, nothing(None));
    assert_eq!(alice.change(1, Change::React("x", false), None).await, nothing(Some(0)));
    assert_eq!(alice.change(1, Change::Pin(false), None).await, nothing(None));
    alice.change(1, Change::Delete, None).await.unwrap();
    assert_eq!(alice.change(1, Change::Delete, None).await, nothing(None));
    alice.send("next", None).await.unwrap();
    assert_eq!(next_event(&mut bob).await, Heard::Erased { seq: 2, target: 1 });
    assert_eq!(next_event(&mut bob).await, Heard::message(3, "Alice", "next"));
}

pub(crate) async fn a_change_that_may_not_be_is_refused<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(bob.change(1, Change::Edit("mine"), None).await, refused("forbidden"));
    assert_eq!(bob.change(1, Change::Delete, None).await, refused("forbidden"));
    assert_eq!(bob.change(7, Change::Pin(true), None).await, refused("message_not_found"));
    assert_eq!(alice.change(1, Change::Edit(""), None).await, refused("empty_message"));
    alice.change(1, Change::Delete, None).await.unwrap();
    for change in [Change::Edit("x"), Change::React("x", true), Change::React("x", false), Change::Pin(true)] {
        assert_eq!(alice.change(1, change, None).await, refused("message_deleted"), "{change:?}");
    }
    assert_eq!(next_event(&mut bob).await, Heard::Erased { seq: 2, target: 1 }, "what is refused is never seen");
}

pub(crate) async fn a_mark_counts_what_is_unread_and_is_told<C: Client>() {
    let (_stage, mut alice, mut bob) = two::<C>().await;
    let mut body = Body::text("x");
    body.mentions = vec![UserId::new("Bob").unwrap()];
    alice.send_body(body, None).await.unwrap();
    assert_eq!(bob.mark(1).await, Ok(Marked { seq: 1, unread: 1, mentions: 1, ordinal: 2 }));
    until(&mut alice, &Heard::Read(vec![("Bob".to_owned(), 1)])).await;
    assert_eq!(bob.mark(99).await, Ok(Marked { seq: 2, unread: 0, mentions: 0, ordinal: 2 }));
    until(&mut alice, &Heard::Read(vec![("Bob".to_owned(), 2)])).await;
    assert_eq!(
        bob.mark(0).await,
        Ok(Marked { seq: 2, unread: 0, mentions: 0, ordinal: 2 }),
        "it never goes back by itself"
    );
    assert_eq!(alice.mark(0).await, Ok(Marked { seq: 2, unread: 0, mentions: 0, ordinal: 2 }), "one's own are read");
}
