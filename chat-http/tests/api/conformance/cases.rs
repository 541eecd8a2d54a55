//! The cases that hold over every transport. Each is run once for each transport.

use std::time::Duration;

use chat_core::{Actor, Body, RoomChange, RoomId};

use super::{
    client::{Client, Entered, Entry, Heard, Stage, Stored, next_event, until},
    rust_api::RustApi,
};

const NEW: fn(u64) -> Stored = |seq| Stored { seq, replayed: false };
const AN_HOUR: Duration = Duration::from_secs(3_600);

pub(crate) async fn what_is_sent_is_heard_by_all_and_the_sender<C: Client>() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    let text = "Grüße \u{1F44B}\nand \"more\" \u{2028} \\n";
    assert_eq!(alice.send(text, None).await, Ok(NEW(1)));
    assert_eq!(bob.send("Hi", Some("k")).await, Ok(NEW(2)));
    for client in [&mut alice, &mut bob] {
        assert_eq!(next_event(client).await, Heard::message(1, "Alice", text));
        let key = Some("k".to_owned());
        let hi = Heard::Message { seq: 2, user: "Bob".to_owned(), body: Body::text("Hi"), key };
        assert_eq!(next_event(client).await, hi);
    }
}

pub(crate) async fn everyone_hears_one_order<C: Client>() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    for _ in 0..20 {
        let (one, other) = tokio::join!(alice.send("a", None), bob.send("b", None));
        assert_ne!(one.unwrap().seq, other.unwrap().seq);
    }
    for seq in 1..=40 {
        let heard = next_event(&mut alice).await;
        assert!(matches!(&heard, Heard::Message { seq: heard, .. } if *heard == seq), "{heard:?}");
        assert_eq!(next_event(&mut bob).await, heard);
    }
}

pub(crate) async fn the_answer_stands_before_the_own_message<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    for seq in 1..=20 {
        assert_eq!(alice.send("x", None).await, Ok(NEW(seq)));
        assert!(!alice.heard_before_answer().iter().any(Heard::is_event));
        assert_eq!(next_event(&mut alice).await, Heard::message(seq, "Alice", "x"));
    }
}

pub(crate) async fn a_retry_gets_the_first_answer<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    assert_eq!(alice.send("once", Some("k")).await, Ok(NEW(1)));
    for _ in 0..3 {
        assert_eq!(alice.send("once", Some("k")).await, Ok(Stored { seq: 1, replayed: true }));
    }
    // A retry may come after a reconnect, or over another client of the same user.
    let mut again = stage.enter::<C>("Alice").await;
    assert_eq!(again.send("once", Some("k")).await, Ok(Stored { seq: 1, replayed: true }));
    assert_eq!(alice.send("other", None).await, Ok(NEW(2)));
    assert!(matches!(next_event(&mut alice).await, Heard::Message { seq: 1, .. }));
    assert_eq!(next_event(&mut alice).await, Heard::message(2, "Alice", "other"), "it is heard once");
}

pub(crate) async fn a_key_with_other_content_is_refused<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    assert_eq!(alice.send("one", Some("k")).await, Ok(NEW(1)));
    assert_eq!(alice.send("two", Some("k")).await, Err("idempotency_mismatch".to_owned()));
    assert_eq!(alice.send("three", None).await, Ok(NEW(2)), "the log is unchanged");
}

pub(crate) async fn what_is_no_message_is_refused<C: Client>() {
    let stage = Stage::with(|limits| limits.message_chars = 5).await;
    let mut alice = stage.enter::<C>("Alice").await;
    for (text, key, code) in [
        ("", None, "empty_message"),
        (" \u{200b}\n", None, "empty_message"),
        ("123456", None, "too_long"),
        ("x", Some("a b"), "invalid_field"),
    ] {
        assert_eq!(alice.send(text, key).await, Err(code.to_owned()), "{text:?}");
    }
    assert_eq!(alice.send("12345", None).await, Ok(NEW(1)));
    assert_eq!(next_event(&mut alice).await, Heard::message(1, "Alice", "12345"), "what is refused is never seen");
}

pub(crate) async fn a_gap_is_filled_in_order_and_then_live<C: Client>() {
    let stage = Stage::new().await;
    for number in 1..=5 {
        stage.say(&number.to_string()).await;
    }
    let entry = Entry { after: Some((None, 2)), presence: true };
    let (mut alice, entered) = C::enter(&stage, "Alice", entry).await.unwrap();
    let Entered::Attached { head: 5, missed, epoch } = entered else { panic!("{entered:?}") };
    let expected: Vec<_> = (3..=5).map(|seq| Heard::message(seq, "Host", &seq.to_string())).collect();
    assert_eq!(missed, expected);
    assert_eq!(alice.next().await, Heard::UserList(vec!["Alice".to_owned()]));
    stage.say("6").await;
    assert_eq!(next_event(&mut alice).await, Heard::message(6, "Host", "6"));
    let (_bob, entered) = C::enter(&stage, "Bob", Entry::after(&epoch, 6)).await.unwrap();
    assert_eq!(entered, Entered::Attached { epoch, head: 6, missed: vec![] });
}

pub(crate) async fn who_was_cut_off_resumes_without_a_hole<C: Client>() {
    let stage = Stage::new().await;
    let (mut alice, entered) = C::enter(&stage, "Alice", Entry::NOW).await.unwrap();
    let Entered::Attached { epoch, mut head, .. } = entered else { panic!("{entered:?}") };
    for round in 0..3 {
        let live = stage.say("live").await;
        assert_eq!(next_event(&mut alice).await, Heard::message(live, "Host", "live"));
        alice.lose().await;
        let away = [stage.say("away").await, stage.say("away").await];
        let (back, entered) = C::enter(&stage, "Alice", Entry::after(&epoch, live)).await.unwrap();
        let missed = away.map(|seq| Heard::message(seq, "Host", "away")).to_vec();
        head += 3;
        assert_eq!(entered, Entered::Attached { epoch: epoch.clone(), head, missed }, "{round}");
        alice = back;
    }
}

pub(crate) async fn too_far_back_is_a_resync<C: Client>() {
    let stage = Stage::with(|limits| limits.recent_events = 3).await;
    for number in 1..=5 {
        stage.say(&number.to_string()).await;
    }
    is_resync::<C>(&stage, Entry { after: Some((None, 1)), presence: true }).await;
}

pub(crate) async fn ahead_of_the_log_is_a_resync<C: Client>() {
    let stage = Stage::new().await;
    stage.say("1").await;
    is_resync::<C>(&stage, Entry { after: Some((None, 2)), presence: true }).await;
}

pub(crate) async fn another_history_is_a_resync<C: Client>() {
    let stage = Stage::new().await;
    stage.say("1").await;
    is_resync::<C>(&stage, Entry::after("another", 1)).await;
}

/// The client gets the head, and then live events.
async fn is_resync<C: Client>(stage: &Stage, entry: Entry) {
    let (mut alice, entered) = C::enter(stage, "Alice", entry).await.unwrap();
    let Entered::Resync { epoch, head } = entered else { panic!("{entered:?}") };
    let seq = stage.say("next").await;
    assert_eq!(seq, head + 1);
    assert_eq!(next_event(&mut alice).await, Heard::message(seq, "Host", "next"));
    let (_, entered) = C::enter(stage, "Alice", Entry::after(&epoch, head)).await.unwrap();
    assert!(matches!(&entered, Entered::Attached { missed, .. } if missed.len() == 1), "{entered:?}");
}

pub(crate) async fn people_are_heard_to_come<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    // She sees both names and no join of her own: the list comes next, as `enter` has checked.
    let mut bob = stage.enter::<C>("Bob").await;
    assert_eq!(alice.next().await, Heard::Join("Bob".to_owned()));
    until(&mut alice, &Heard::UserList(vec!["Alice".to_owned(), "Bob".to_owned()])).await;
    let _second = stage.enter::<C>("Bob").await;
    stage.say("x").await;
    for client in [&mut alice, &mut bob] {
        loop {
            match client.next().await {
                Heard::Message { .. } => break,
                heard => assert!(matches!(heard, Heard::UserList(_)), "a second session is no news: {heard:?}"),
            }
        }
    }
}

pub(crate) async fn who_leaves_with_a_word_is_gone_at_once<C: Client>() {
    let stage = Stage::with(|limits| limits.presence_grace = AN_HOUR).await;
    let (mut alice, bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    bob.leave().await;
    until(&mut alice, &Heard::Leave("Bob".to_owned())).await;
    until(&mut alice, &Heard::UserList(vec!["Alice".to_owned()])).await;
}

pub(crate) async fn who_is_lost_is_gone_after_the_grace<C: Client>() {
    let stage = Stage::with(|limits| limits.presence_grace = Duration::from_millis(50)).await;
    let (mut alice, bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    bob.lose().await;
    until(&mut alice, &Heard::Leave("Bob".to_owned())).await;
}

pub(crate) async fn who_is_back_within_the_grace_was_never_away<C: Client>() {
    let stage = Stage::with(|limits| limits.presence_grace = AN_HOUR).await;
    let (mut alice, bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    until(&mut alice, &Heard::Join("Bob".to_owned())).await;
    bob.lose().await;
    stage.until_sessions(1).await;
    stage.say("away").await;
    let _bob = stage.enter::<C>("Bob").await;
    stage.say("back").await;
    for text in ["away", "back"] {
        loop {
            match alice.next().await {
                Heard::Message { body, .. } => break assert_eq!(body.content, text),
                heard => assert!(matches!(heard, Heard::UserList(_)), "{heard:?}"),
            }
        }
    }
}

pub(crate) async fn an_observer_hears_and_is_not_shown<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    let entry = Entry { after: None, presence: false };
    let (mut ghost, _) = C::enter(&stage, "Ghost", entry).await.unwrap();
    assert_eq!(ghost.next().await, Heard::UserList(vec!["Alice".to_owned()]));
    stage.say("x").await;
    assert_eq!(next_event(&mut ghost).await, Heard::message(1, "Host", "x"));
    assert_eq!(alice.next().await, Heard::message(1, "Host", "x"), "nothing was heard of the ghost");
    assert_eq!(stage.server.engine.presence(Actor::System, stage.room).await.unwrap().count, 1);
}

pub(crate) async fn typing_is_heard_until_the_message<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    let mut bob = stage.enter::<RustApi>("Bob").await;
    bob.type_something().await;
    until(&mut alice, &Heard::Typing(vec!["Bob".to_owned()])).await;
    let (mut late, _) = C::enter(&stage, "Late", Entry::NOW).await.unwrap();
    assert!(matches!(late.next().await, Heard::UserList(_)));
    assert_eq!(late.next().await, Heard::Typing(vec!["Bob".to_owned()]), "who comes later is told");
    bob.send("done", None).await.unwrap();
    until(&mut alice, &Heard::message(1, "Bob", "done")).await;
    until(&mut alice, &Heard::Typing(vec![])).await;
}

pub(crate) async fn typing_is_shown_to_others<C: Client>() {
    let stage = Stage::new().await;
    let (mut alice, mut bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    bob.type_something().await;
    until(&mut alice, &Heard::Typing(vec!["Bob".to_owned()])).await;
}

pub(crate) async fn a_changed_room_is_heard<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    let change = RoomChange::default().name("other");
    stage.server.engine.update_room(Actor::System, stage.room, change).await.unwrap();
    assert_eq!(next_event(&mut alice).await, Heard::Updated { seq: 1, name: "other".to_owned() });
    let (_, entered) = C::enter(&stage, "Bob", Entry { after: Some((None, 0)), presence: true }).await.unwrap();
    assert!(
        matches!(&entered, Entered::Attached { missed, .. } if matches!(missed[..], [Heard::Updated { .. }])),
        "it is part of a gap, too: {entered:?}"
    );
}

pub(crate) async fn a_deleted_room_is_the_last_that_is_heard<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    let _bob = stage.enter::<C>("Bob").await;
    stage.say("x").await;
    stage.server.engine.delete_room(Actor::System, stage.room).await.unwrap();
    until(&mut alice, &Heard::Deleted { seq: 2 }).await;
    assert_eq!(alice.next().await, Heard::End, "no leaves follow");
    let refused = C::enter(&stage, "Alice", Entry::NOW).await.err();
    assert_eq!(refused.as_deref(), Some("room_not_found"));
}

pub(crate) async fn nothing_is_heard_after_a_detach<C: Client>() {
    let stage = Stage::with(|limits| limits.presence_grace = AN_HOUR).await;
    let (mut alice, mut bob) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    bob.detach().await;
    until(&mut alice, &Heard::Leave("Bob".to_owned())).await;
    stage.say("unheard").await;
    // Sending needs no attachment, and its answer comes after everything that was received before.
    let before = bob.heard_before_answer().len();
    assert_eq!(bob.send("still sends", None).await, Ok(NEW(2)));
    assert_eq!(bob.heard_before_answer().len(), before);
    assert_eq!(next_event(&mut alice).await, Heard::message(1, "Host", "unheard"));
}

pub(crate) async fn a_missing_room_is_refused<C: Client>() {
    let mut stage = Stage::new().await;
    stage.room = RoomId(999);
    let refused = C::enter(&stage, "Alice", Entry::NOW).await.err();
    assert_eq!(refused.as_deref(), Some("room_not_found"));
}
