//! What a session does and hears.

use super::*;
use crate::{Answer, Command, Departure, Error, Gap, Position, Seq, SessionEnd, Since};

fn send(room: RoomId, content: &str) -> Command {
    Command::Send { room, draft: text(content) }
}

fn attach(room: RoomId, since: Since) -> Command {
    Command::Attach { room, since, presence: true }
}

fn gap(answer: AnswerResult) -> Vec<u64> {
    match answer {
        Ok(Answer::Attached(attached)) => match attached.gap {
            Gap::Events(events) => events.iter().map(|d| event_of(d).unwrap().seq.0).collect(),
            Gap::Resync => panic!("a resync"),
        },
        other => panic!("{other:?}"),
    }
}

async fn room_with(engine: &ChatEngine, name: &str, messages: usize) -> RoomId {
    let room = make_room(engine, name).await;
    for n in 1..=messages {
        engine.send(&user("alice"), room, text(&n.to_string())).await.unwrap();
    }
    room
}

#[tokio::test(start_paused = true)]
async fn the_ok_of_a_send_stands_before_its_event() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (handle, mut updates) = connect(&engine, "alice");
    handle.attach(room, Since::Now).await.unwrap();
    let tickets: Vec<_> = (0..3).map(|n| handle.submit(send(room, &n.to_string())).unwrap()).collect();
    let mut answered = Vec::new();
    for seq in 1..=3 {
        loop {
            let update = next(&mut updates).await.unwrap();
            if let Update::Answer(ticket, Ok(Answer::Sent(sent))) = &update {
                answered.push((*ticket, sent.seq));
            } else if let Some(event) = event(&update) {
                assert_eq!(event.seq, Seq(seq));
                assert!(answered.iter().any(|(_, answered)| *answered == event.seq), "the ok comes first");
                break;
            }
        }
    }
    assert_eq!(answered, tickets.into_iter().zip([Seq(1), Seq(2), Seq(3)]).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn commands_of_a_session_take_effect_in_order() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (handle, mut updates) = connect(&engine, "alice");
    for n in 0..50 {
        handle.submit(send(room, &n.to_string())).unwrap();
    }
    for seq in 1..=50 {
        let (_, answer) = next_answer(&mut updates).await;
        assert!(
            matches!(answer, Ok(Answer::Sent(sent)) if sent.seq == Seq(seq) && content(&sent.event) == (seq - 1).to_string())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_come_in_the_stream_with_their_ticket() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (handle, mut updates) = connect(&engine, "alice");
    for (command, error) in [
        (send(room, " "), Error::EmptyMessage),
        (send(RoomId(99), "a"), Error::RoomNotFound),
        (attach(RoomId(99), Since::Now), Error::RoomNotFound),
        (Command::Typing { room, is_typing: true }, Error::NotAttached),
    ] {
        let ticket = handle.submit(command).unwrap();
        let (answered, result) = next_answer(&mut updates).await;
        assert_eq!((answered, result.unwrap_err()), (ticket, error));
    }
    let ticket = handle.submit(Command::Detach { room }).unwrap();
    assert!(matches!(next_answer(&mut updates).await, (t, Ok(Answer::Detached { .. })) if t == ticket));
    assert_eq!(handle.free_tickets(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_65th_submit_is_refused_and_a_call_waits() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (handle, mut updates) = connect(&engine, "alice");
    for n in 0..64 {
        handle.submit(send(room, &n.to_string())).unwrap();
    }
    assert_eq!(handle.free_tickets(), 0);
    assert_eq!(handle.submit(send(room, "one more")).unwrap_err(), Error::Overloaded);
    let call = tokio::spawn({
        let handle = handle.clone();
        async move { handle.send(room, text("called")).await }
    });
    settle().await;
    // All are stored and answered, but an answer counts until it is taken.
    assert_eq!(handle.free_tickets(), 0);
    assert!(!call.is_finished());
    next_answer(&mut updates).await.1.unwrap();
    assert_eq!(call.await.unwrap().unwrap().seq, Seq(65));
    for _ in 0..63 {
        next_answer(&mut updates).await.1.unwrap();
    }
    assert_eq!(handle.free_tickets(), 64);
}

#[tokio::test(start_paused = true)]
async fn without_a_reader_nothing_is_queued_and_calls_work() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (handle, updates) = connect(&engine, "alice");
    for n in 0..10 {
        handle.submit(send(room, &n.to_string())).unwrap();
    }
    settle().await;
    drop(updates);
    assert_eq!(handle.free_tickets(), 64, "answers nobody will take are forgotten");
    for n in 0..200 {
        handle.submit(send(room, &n.to_string())).unwrap();
        settle().await;
    }
    assert_eq!(handle.send(room, text("a")).await.unwrap().seq, Seq(211));
    handle.attach(room, Since::Seq(Seq(0))).await.unwrap();
    handle.detach(room).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_gap_then_live_without_a_hole() {
    let engine = engine().await;
    let room = room_with(&engine, "general", 5).await;
    let (handle, mut updates) = connect(&engine, "bob");
    let epoch = Epoch::new("test");
    let attached = handle.attach(room, Since::Position(Position { epoch: epoch.clone(), seq: Seq(2) })).await.unwrap();
    assert_eq!(attached.head, Position { epoch, seq: Seq(5) });
    assert_eq!(gap(Ok(Answer::Attached(attached))), [3, 4, 5]);
    engine.send(&user("alice"), room, text("6")).await.unwrap();
    assert_eq!(next_event(&mut updates).await.seq, Seq(6));
    let again = handle.attach(room, Since::Now).await.unwrap_err();
    assert_eq!(again, Error::AlreadyAttached);
    handle.detach(room).await.unwrap();
    while updates.try_next().is_some() {}
    engine.send(&user("alice"), room, text("7")).await.unwrap();
    settle().await;
    assert!(updates.try_next().is_none(), "detached is detached");
}

#[tokio::test(start_paused = true)]
async fn a_position_that_cannot_be_served_is_a_resync() {
    let limits = Limits { recent_events: 3, ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let room = room_with(&engine, "general", 5).await;
    for since in [
        Since::Seq(Seq(1)),
        Since::Seq(Seq(6)),
        Since::Seq(Seq(u64::MAX)),
        Since::Position(Position { epoch: Epoch::new("another"), seq: Seq(4) }),
    ] {
        let (handle, _updates) = connect(&engine, "bob");
        let attached = handle.attach(room, since.clone()).await.unwrap();
        assert!(matches!(attached.gap, Gap::Resync), "{since:?}");
        assert_eq!(attached.head.seq, Seq(5));
    }
}

#[tokio::test(start_paused = true)]
async fn one_gap_is_in_flight_until_it_is_taken() {
    let engine = engine().await;
    let (one, two) = (room_with(&engine, "one", 2).await, room_with(&engine, "two", 2).await);
    let other = make_room(&engine, "other").await;
    let (handle, mut updates) = connect(&engine, "bob");
    let first = handle.submit(attach(one, Since::Seq(Seq(0)))).unwrap();
    let second = handle.submit(attach(two, Since::Seq(Seq(0)))).unwrap();
    let behind = handle.submit(send(two, "behind")).unwrap();
    let free = handle.submit(send(other, "free")).unwrap();
    settle().await;
    assert_eq!(engine.room(&user("bob"), two).await.unwrap().head, Seq(2), "the send waits behind the attach");
    assert_eq!(engine.room(&user("bob"), other).await.unwrap().head, Seq(1), "another room goes on");
    let (ticket, answer) = next_answer(&mut updates).await;
    assert_eq!((ticket, gap(answer)), (first, vec![1, 2]));
    let mut answers =
        vec![next_answer(&mut updates).await, next_answer(&mut updates).await, next_answer(&mut updates).await];
    let last = answers.pop().unwrap();
    assert_eq!((last.0, matches!(last.1, Ok(Answer::Sent(sent)) if sent.seq == Seq(3))), (behind, true));
    let tickets: Vec<_> = answers.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(tickets, [free, second]);
    assert_eq!(gap(answers.pop().unwrap().1), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_gap_or_a_refusal_holds_nothing_up() {
    let engine = engine().await;
    let (one, two) = (room_with(&engine, "one", 2).await, room_with(&engine, "two", 2).await);
    let (handle, mut updates) = connect(&engine, "bob");
    handle.submit(attach(one, Since::Seq(Seq(2)))).unwrap();
    handle.submit(attach(RoomId(99), Since::Seq(Seq(0)))).unwrap();
    handle.submit(attach(two, Since::Seq(Seq(0)))).unwrap();
    settle().await;
    // All three are answered although none was taken.
    assert_eq!(engine.room(&user("bob"), two).await.unwrap().online, 1);
    assert!(gap(next_answer(&mut updates).await.1).is_empty());
    let answers = [next_answer(&mut updates).await.1, next_answer(&mut updates).await.1];
    assert!(answers.iter().any(|answer| matches!(answer, Err(Error::RoomNotFound))));
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_nobody_takes_holds_nothing_up() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (one, two) = (room_with(&engine, "one", 2).await, room_with(&engine, "two", 2).await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    store.hold(crate::testing::StoreCall::Load);
    let (handle, updates) = connect(&engine, "bob");
    // A caller that goes away, and a reader that does.
    let call = tokio::spawn({
        let handle = handle.clone();
        async move { handle.attach(one, Since::Seq(Seq(0))).await }
    });
    settle().await;
    call.abort();
    store.release(crate::testing::StoreCall::Load);
    settle().await;
    handle.submit(attach(two, Since::Seq(Seq(0)))).unwrap();
    settle().await;
    assert_eq!(engine.room(&user("bob"), two).await.unwrap().online, 1);
    drop(updates);
    handle.detach(one).await.unwrap();
    let again = timeout(Duration::from_secs(60), handle.attach(one, Since::Seq(Seq(0)))).await.unwrap();
    assert_eq!(gap(again.map(Answer::Attached)), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_while_its_attach_waits_holds_nothing_up() {
    let engine = engine().await;
    let (one, two) = (room_with(&engine, "one", 2).await, room_with(&engine, "two", 2).await);
    let (handle, mut updates) = connect(&engine, "bob");
    let first = handle.submit(attach(one, Since::Seq(Seq(0)))).unwrap();
    let call = tokio::spawn({
        let handle = handle.clone();
        async move { handle.attach(two, Since::Seq(Seq(0))).await }
    });
    settle().await;
    call.abort();
    settle().await;
    assert_eq!(next_answer(&mut updates).await.0, first);
    settle().await;
    assert_eq!(engine.room(&user("bob"), two).await.unwrap().online, 1, "it attaches all the same");
    handle.detach(one).await.unwrap();
    let again = timeout(Duration::from_secs(60), handle.attach(one, Since::Seq(Seq(0)))).await.unwrap();
    assert_eq!(gap(again.map(Answer::Attached)), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_changes_nothing() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (handle, _updates) = connect(&engine, "alice");
    store.hold(crate::testing::StoreCall::Append);
    let by_session = tokio::spawn(async move { handle.send(room, text("a")).await.map(drop) });
    store.called(crate::testing::StoreCall::Append, 1).await;
    by_session.abort();
    let by_engine = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("bob"), room, text("b")).await.map(drop) }
    });
    settle().await;
    by_engine.abort();
    store.release(crate::testing::StoreCall::Append);
    settle().await;
    assert_eq!(engine.room(&user("bob"), room).await.unwrap().head, Seq(2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_cut_and_nobody_else() {
    let limits = Limits { session_queue_bytes: 1_000, ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let room = make_room(&engine, "general").await;
    let (slow, mut slow_updates) = connect(&engine, "slow");
    let (quick, mut quick_updates) = connect(&engine, "quick");
    slow.attach(room, Since::Now).await.unwrap();
    quick.attach(room, Since::Now).await.unwrap();
    for seq in 1..=20 {
        engine.send(&user("alice"), room, text("hello")).await.unwrap();
        assert_eq!(next_event(&mut quick_updates).await.seq, Seq(seq));
    }
    assert!(matches!(next(&mut slow_updates).await, Some(Update::Closed(CloseReason::Lagged))));
    assert!(next(&mut slow_updates).await.is_none());
    assert_eq!(slow.send(room, text("a")).await.unwrap_err(), Error::Unavailable);
    assert_eq!(engine.presence(&user("alice"), room).await.unwrap().count, 2, "lost, within the grace");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(engine.presence(&user("alice"), room).await.unwrap().count, 1);
    assert_eq!(engine.health().sessions, 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_both_halves_leaves_at_once() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (alice, mut updates) = connect(&engine, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    let (bob, bobs_updates) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    drop(bobs_updates);
    let second = bob.clone();
    drop(bob);
    settle().await;
    assert_eq!(engine.presence(&user("alice"), room).await.unwrap().count, 2, "one half is left");
    drop(second);
    while !matches!(next_signal(&mut updates).await, SignalKind::Leave(who) if who == user("bob")) {}
    assert_eq!(engine.presence(&user("alice"), room).await.unwrap().count, 1);
    drop(alice);
    engine.send(&user("carol"), room, text("still heard")).await.unwrap();
    assert_eq!(content(&*next_event(&mut updates).await), "still heard");
    drop(updates);
    settle().await;
    assert_eq!((engine.health().sessions, engine.presence(&user("alice"), room).await.unwrap().count), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn closed_leaves_at_once_and_lost_has_a_grace() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let online = async || engine.presence(&user("alice"), room).await.unwrap().count;
    let (closed, mut closed_updates) = connect(&engine, "closed");
    let (lost, _lost_updates) = connect(&engine, "lost");
    closed.attach(room, Since::Now).await.unwrap();
    lost.attach(room, Since::Now).await.unwrap();
    closed.close();
    lost.disconnect_lost();
    settle().await;
    assert_eq!(online().await, 1);
    assert_eq!(close_reason(&mut closed_updates).await, None, "the stream ends");
    assert_eq!(closed.submit(attach(room, Since::Now)).unwrap_err(), Error::Unavailable);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(online().await, 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(online().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_has_only_so_many_rooms() {
    let limits = Limits { rooms_per_session: 2, ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let mut rooms = Vec::new();
    for n in 0..3 {
        rooms.push(make_room(&engine, &format!("room {n}")).await);
    }
    let (handle, _updates) = connect(&engine, "bob");
    let too_many = Error::TooMany { what: "rooms".into() };
    handle.attach(rooms[0], Since::Now).await.unwrap();
    assert_eq!(handle.attach(RoomId(99), Since::Now).await.unwrap_err(), Error::RoomNotFound, "it takes no place");
    handle.attach(rooms[1], Since::Now).await.unwrap();
    assert_eq!(handle.attach(rooms[2], Since::Now).await.unwrap_err(), too_many);
    assert_eq!(handle.attach(rooms[1], Since::Now).await.unwrap_err(), Error::AlreadyAttached);
    handle.detach(rooms[0]).await.unwrap();
    handle.attach(rooms[2], Since::Now).await.unwrap();
    engine.delete_room(&user("alice"), rooms[1]).await.unwrap();
    settle().await;
    handle.attach(rooms[0], Since::Now).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_sessions() {
    let limits = Limits { sessions: Some(3), sessions_per_user: Some(2), ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let (first, firsts) = connect(&engine, "bob");
    let (_second, _seconds) = connect(&engine, "bob");
    let (third, mut thirds) = connect(&engine, "bob");
    assert_eq!(close_reason(&mut thirds).await, Some(CloseReason::TooManySessions));
    assert_eq!(third.send(RoomId(1), text("a")).await.unwrap_err(), Error::TooMany { what: "sessions".into() });
    let (_alice, _alices) = connect(&engine, "alice");
    let (_carol, mut carols) = connect(&engine, "carol");
    assert_eq!(close_reason(&mut carols).await, Some(CloseReason::TooManySessions));
    drop((first, firsts));
    let (_again, mut again) = connect(&engine, "bob");
    assert!(again.try_next().is_none());
    assert_eq!(engine.health().sessions, 3);
}

#[tokio::test(start_paused = true)]
async fn a_session_says_how_it_has_ended() {
    let engine = engine().await;
    let [(closed, _c), (lost, _l), (revoked, updates)] = ["alice", "bob", "carol"].map(|name| connect(&engine, name));
    assert_eq!((closed.ended(), updates.ended()), (None, None));
    closed.close();
    closed.disconnect_lost();
    lost.disconnect_lost();
    engine.disconnect(&user("carol").id);
    assert_eq!(
        (closed.ended(), lost.ended()),
        (Some(SessionEnd::Closed), Some(SessionEnd::Lost)),
        "the first end counts"
    );
    let by_engine = Some(SessionEnd::ByEngine(CloseReason::Revoked));
    assert_eq!((revoked.ended(), updates.ended()), (by_engine, by_engine));
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_session_means_is_for_its_host_to_say() {
    for (means, online) in [(Departure::Closed, 0), (Departure::Lost, 1)] {
        for reader_first in [true, false] {
            let engine = engine().await;
            let room = make_room(&engine, "general").await;
            let (session, updates) = engine.connect(user("alice")).on_drop(means).split();
            session.attach(room, Since::Now).await.unwrap();
            let weak = session.downgrade();
            assert_eq!(weak.id(), session.id());
            // What was upgraded holds the session like any other.
            let held = weak.upgrade().unwrap();
            drop(session);
            if reader_first {
                drop(updates);
                drop(held);
            } else {
                drop(held);
                drop(updates);
            }
            assert!(weak.upgrade().is_none());
            settle().await;
            let now = engine.presence(crate::Actor::System, room).await.unwrap().count;
            assert_eq!(now, online, "{means:?}, {reader_first}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_sessions_name_is_shown() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (older, mut updates) = connect(&engine, "alice");
    older.attach(room, Since::Now).await.unwrap();
    assert!(matches!(next_signal(&mut updates).await, SignalKind::UserList(_)));
    let renamed = Identity::new("alice", "Alice the Second").unwrap();
    let (newer, mut own) = engine.connect(renamed.clone()).split();
    newer.attach(room, Since::Now).await.unwrap();
    assert_eq!(engine.presence(crate::Actor::System, room).await.unwrap().online, std::slice::from_ref(&renamed));
    for updates in [&mut own, &mut updates] {
        let SignalKind::UserList(list) = next_signal(updates).await else { panic!("nobody joins or leaves") };
        assert_eq!((list.count, &*list.online), (1, std::slice::from_ref(&renamed)));
    }
}
