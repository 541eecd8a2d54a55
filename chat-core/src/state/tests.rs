//! What a room decides, input by input. Interleavings are the simulator's business (`testing::World`).

use std::{sync::Arc, time::Duration};

use crate::{
    Attached, Body, Changed, Delivery, Epoch, Event, EventKind, Gap, Identity, Item, Limits, Message, Now, Position,
    RoomId, Seq, SessionId, SignalKind, Since, Timestamp,
    append::{AppendFailure, AppendOutcome, EventKey, Op, Recovered, RoomUpdate, StoredEvent},
    error::Error,
    state::{Answered, Completion, Departure, Effect, Input, ReplyId, Request, RoomState},
};

/// A room under test: time that is set, and effects as short words.
pub(super) struct Room {
    pub(super) state: RoomState,
    pub(super) now: Duration,
    last: Vec<Effect>,
}

fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

pub(super) fn message(seq: u64, name: &str, content: &str) -> StoredEvent {
    let kind =
        EventKind::Message(Message { body: Body::text(content), ordinal: seq, thread_ordinal: None, erased: false });
    let event = Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(0), actor: Some(user(name)), key: None, kind };
    let key = EventKey::generated(content);
    StoredEvent {
        event: Arc::new(event),
        key,
        fingerprint: Op::Message(Body::text(content)).fingerprint(),
        ordinal: seq,
    }
}

fn new(event: Arc<Event>) -> AppendOutcome {
    AppendOutcome::New { event, mentioned: vec![], standing: Default::default(), heir: None }
}

impl Room {
    pub(super) fn with_head(head: u64) -> Self {
        let limits = Limits { recent_events: 4, ..Limits::default() };
        let state = RoomState::new(RoomId(1), Epoch::new("e"), (Seq(1), Seq(head)), Arc::new(limits));
        Self { state, now: Duration::from_secs(100), last: vec![] }
    }

    fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = Duration::from_secs(seconds);
        self
    }

    pub(super) fn give(&mut self, input: impl Into<Input>) -> Vec<String> {
        self.last.clear();
        self.state.handle(input.into(), Now { wall: Timestamp(7), mono: self.now }, &mut self.last);
        self.last.iter().map(describe).collect()
    }

    pub(super) fn attach(&mut self, session: u64, name: &str, since: Since) -> Vec<String> {
        let (session, reply) = (SessionId(session), ReplyId(session));
        self.give(Request::Attach { session, user: user(name), since, presence: true, reply })
    }

    pub(super) fn send(&mut self, reply: u64, name: &str, content: &str) -> Vec<String> {
        self.give(send(None, reply, name, content))
    }

    pub(super) fn appended(&mut self, events: &[StoredEvent]) -> Vec<String> {
        self.give(Completion::Appended(Ok(events.iter().map(|stored| new(Arc::clone(&stored.event))).collect())))
    }

    fn hint(&mut self, head: Option<u64>) -> Vec<String> {
        self.give(Input::Hint { head: head.map(Seq) })
    }

    fn loaded(&mut self, seqs: &[u64]) -> Vec<String> {
        self.give(Completion::Loaded(Ok(seqs.iter().map(|seq| message(*seq, "Bob", "b")).collect())))
    }

    fn typing(&mut self, session: u64, is_typing: bool) -> Vec<String> {
        self.give(typing(session, is_typing))
    }
}

fn typing(session: u64, is_typing: bool) -> Request {
    let user = user(&format!("user {session}"));
    Request::Typing { session: SessionId(session), user, is_typing, reply: ReplyId(0) }
}

/// A message on its way into the log.
fn send(session: Option<SessionId>, reply: u64, name: &str, content: &str) -> Request {
    let (actor, key) = (Some(user(name)), EventKey::generated(content));
    Request::Append {
        session,
        by_system: false,
        actor,
        key,
        op: Op::Message(Body::text(content)),
        reply: ReplyId(reply),
    }
}

/// What a recovery comes back with.
fn found(head: u64, found: Vec<StoredEvent>) -> Recovered {
    Recovered { head: Seq(head), is_deleted: false, found }
}

fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Append(entries) => {
            let texts = entries
                .iter()
                .map(|entry| if let Op::Message(body) = &entry.op { body.content.as_str() } else { entry.op.name() });
            format!("append {}", texts.collect::<Vec<_>>().join("+"))
        }
        Effect::Recover { keys } => format!("recover {} keys", keys.len()),
        Effect::Load { after, limit } => format!("load {limit} after {after}"),
        Effect::Answer(answered) => format!("answer {}: {}", answered.reply().0, answer(answered)),
        Effect::Join(session) => format!("in {session}"),
        Effect::LookUp { .. } | Effect::NotifyAdded { .. } => format!("{effect:?}"),
        Effect::Leave(session, _) => format!("out {session}"),
        Effect::Publish(delivery) => format!("all: {}", item(delivery)),
        Effect::SendTo(session, delivery) => format!("to {session}: {}", item(delivery)),
        Effect::Notify { user, notice, .. } => format!("notify {user}: {notice:?}"),
        Effect::NotifyThread { root, seq, .. } => format!("notify thread {root} of {seq}"),
        Effect::ImpossiblePosition { seq, .. } => format!("warn {seq}"),
    }
}

fn answer(answered: &Answered) -> String {
    match answered {
        Answered::Attach(_, Ok(Attached { head, gap: Gap::Events(gap), .. })) => {
            let gap: Vec<_> = gap.iter().map(item).collect();
            format!("attached at {} [{}]", head.seq, gap.join(" "))
        }
        Answered::Attach(_, Ok(Attached { head, gap: Gap::Resync, .. })) => format!("resync at {}", head.seq),
        Answered::Detach(_) => "detached".to_owned(),
        Answered::Typing(_, Ok(())) => "typing".to_owned(),
        Answered::Send(_, Ok(sent)) => stored(sent.seq, sent.replayed),
        Answered::Change(_, Ok(Changed::Stored { event, replayed })) => stored(event.seq, *replayed),
        Answered::Prune(_, Ok(first)) => format!("begins at {first}"),
        Answered::Mark(_, Ok(marked)) => format!("marked {}", marked.unread.seq),
        Answered::Change(_, Ok(Changed::Unchanged { .. })) | Answered::Invite(_, Ok(_)) => "unchanged".to_owned(),
        Answered::Attach(_, Err(error))
        | Answered::Typing(_, Err(error))
        | Answered::Send(_, Err(error))
        | Answered::Mark(_, Err(error))
        | Answered::Prune(_, Err(error))
        | Answered::Invite(_, Err(error))
        | Answered::Change(_, Err(error)) => error.code().to_owned(),
    }
}

fn stored(seq: Seq, replayed: bool) -> String {
    format!("stored {seq}{}", if replayed { " again" } else { "" })
}

fn item(delivery: &Delivery) -> String {
    let names = |users: &[Identity]| users.iter().map(|user| user.name.to_string()).collect::<Vec<_>>().join(",");
    match delivery.item() {
        Item::Event(event) => format!("#{}", event.seq),
        Item::Signal(signal) => match &signal.kind {
            SignalKind::Join(user) => format!("join {}", user.name),
            SignalKind::Leave(user) => format!("leave {}", user.name),
            SignalKind::UserList(list) => format!("list {}", names(&list.online)),
            SignalKind::Read(marks) => format!("marks {}", marks.len()),
            SignalKind::Typing(typing) => format!("typing {}", names(&typing.identities)),
        },
    }
}

fn since(seq: u64) -> Since {
    Since::Position(Position { epoch: Epoch::new("e"), seq: Seq(seq) })
}

#[test]
fn a_message_is_appended_then_answered_then_published() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    assert_eq!(room.send(5, "Ann", "a"), ["append a"]);
    assert_eq!(room.send(6, "Bob", "b"), [""; 0], "one append at a time");
    assert_eq!(room.send(7, "Bob", "c"), [""; 0]);
    assert_eq!(room.appended(&[message(1, "Ann", "a")]), ["answer 5: stored 1", "all: #1", "append b+c"]);
}

#[test]
fn a_refused_append_is_answered_and_not_published() {
    let mut room = Room::with_head(0);
    room.send(5, "Ann", "a");
    let result = Err(AppendFailure::NotStored(Error::StorageFull));
    assert_eq!(room.give(Completion::Appended(result)), ["answer 5: storage_full"]);
    assert!(room.state.is_idle());
}

#[test]
fn a_change_may_be_answered_without_an_event_but_a_message_never_is() {
    let mut room = Room::with_head(0);
    let unchanged = || Completion::Appended(Ok(vec![AppendOutcome::Unchanged { count: None }]));
    let (key, op) = (EventKey::generated("u"), Op::UpdateRoom(RoomUpdate::default()));
    room.give(Request::Append { session: None, by_system: false, actor: None, key, op, reply: ReplyId(5) });
    assert_eq!(room.give(unchanged()), ["answer 5: unchanged"]);
    room.send(6, "Ann", "a");
    assert_eq!(room.give(unchanged()), ["answer 6: internal"], "the store is wrong");
}

#[test]
fn who_attaches_is_answered_then_told_who_is_there_and_the_others_hear_of_it() {
    let mut room = Room::with_head(3);
    let first = room.attach(1, "Ann", Since::Now);
    assert_eq!(first, ["all: join Ann", "answer 1: attached at 3 []", "in 1", "to 1: list Ann"]);
    let second = room.attach(2, "Bob", Since::Now);
    let expected = ["all: join Bob", "all: list Ann,Bob", "answer 2: attached at 3 []", "in 2", "to 2: list Ann,Bob"];
    assert_eq!(second, expected);
    let third = room.attach(3, "Cid", Since::Now);
    assert_eq!(third[..2], ["all: join Cid", "answer 3: attached at 3 []"], "one list a second");
    assert_eq!(room.at(101).give(Input::Timeout), ["all: list Ann,Bob,Cid"]);
    assert_eq!(room.attach(2, "Bob", Since::Now), ["answer 2: already_attached"]);
}

#[test]
fn a_gap_at_hand_is_answered_in_one_step() {
    let mut room = Room::with_head(0);
    room.send(5, "Ann", "a");
    room.appended(&[message(1, "Ann", "a")]);
    room.send(5, "Ann", "b");
    room.appended(&[message(2, "Ann", "b")]);
    assert_eq!(room.attach(1, "Ann", since(0))[1], "answer 1: attached at 2 [#1 #2]");
    assert_eq!(room.attach(2, "Ann", since(1))[0], "answer 2: attached at 2 [#2]");
    assert_eq!(room.attach(3, "Ann", since(2))[0], "answer 3: attached at 2 []");
}

#[test]
fn a_cold_room_loads_once_for_all_who_wait_and_live_events_do_not_overtake() {
    let mut room = Room::with_head(10);
    assert_eq!(room.attach(1, "Ann", since(8)), ["load 4 after 6"]);
    assert_eq!(room.attach(2, "Bob", since(9)), [""; 0]);
    room.send(5, "Cid", "x");
    assert_eq!(room.appended(&[message(11, "Cid", "x")]), ["answer 5: stored 11", "all: #11"]);
    let loaded = (7..=11).map(|seq| message(seq, "Cid", "x")).collect();
    let effects = room.give(Completion::Loaded(Ok(loaded)));
    assert!(effects.contains(&"answer 1: attached at 11 [#9 #10 #11]".to_owned()), "{effects:?}");
    assert!(effects.contains(&"answer 2: attached at 11 [#10 #11]".to_owned()), "{effects:?}");
}

#[test]
fn too_far_back_is_a_resync_and_so_are_other_epochs_and_numbers_ahead() {
    let mut room = Room::with_head(10);
    room.attach(1, "Ann", since(2));
    let loaded = (7..=10).map(|seq| message(seq, "Cid", "x")).collect();
    assert_eq!(room.give(Completion::Loaded(Ok(loaded)))[1], "answer 1: resync at 10");
    let other = Since::Position(Position { epoch: Epoch::new("other"), seq: Seq(9) });
    assert_eq!(room.attach(2, "Ann", other)[..2], ["warn 9", "answer 2: resync at 10"]);
    assert_eq!(room.attach(3, "Ann", since(12)), ["load 64 after 10"], "another writer may have been here");
    assert_eq!(room.give(Completion::Loaded(Ok(vec![])))[..2], ["warn 12", "answer 3: resync at 10"]);
    room.attach(4, "Ann", since(11));
    let effects = room.give(Completion::Loaded(Ok(vec![message(11, "Cid", "x")])));
    assert_eq!(effects, ["all: #11", "load 64 after 11"]);
    assert_eq!(room.give(Completion::Loaded(Ok(vec![])))[0], "answer 4: attached at 11 []");
}

#[test]
fn a_load_that_fails_refuses_the_attach() {
    let mut room = Room::with_head(10);
    room.attach(1, "Ann", since(8));
    assert_eq!(room.give(Completion::Loaded(Err(Error::Unavailable))), ["answer 1: unavailable"]);
}

#[test]
fn commands_wait_behind_the_sessions_attach_and_a_detach_ends_it() {
    let mut room = Room::with_head(10);
    room.attach(1, "Ann", since(8));
    assert_eq!(room.typing(1, true), [""; 0]);
    assert_eq!(room.give(send(Some(SessionId(1)), 7, "Ann", "a")), [""; 0]);
    let detach = Request::Detach { session: SessionId(1), reply: ReplyId(8) };
    let effects = room.give(detach);
    assert_eq!(effects, ["answer 1: not_attached", "answer 0: not_attached", "answer 8: detached", "append a"]);
    assert_eq!(room.give(Completion::Loaded(Ok(vec![]))), [""; 0], "the late load is dropped");
}

#[test]
fn a_detach_also_ends_the_attach_behind_the_attach() {
    let mut room = Room::with_head(10);
    room.attach(1, "Ann", since(8));
    room.attach(1, "Ann", since(9));
    let effects = room.give(Request::Detach { session: SessionId(1), reply: ReplyId(8) });
    assert_eq!(effects, ["answer 1: not_attached", "answer 1: not_attached", "answer 8: detached"]);
    room.give(Completion::Loaded(Ok(vec![message(9, "Cid", "x"), message(10, "Cid", "x")])));
    assert!(room.state.is_idle());
}

#[test]
fn a_session_that_is_gone_does_not_attach_with_the_attach_behind_the_attach() {
    let mut room = Room::with_head(2);
    room.attach(1, "Alice", since(1));
    room.attach(1, "Alice", Since::Now);
    let session = SessionId(1);
    room.give(send(Some(session), 2, "Alice", "hi"));
    let gone = room.give(Input::Depart { session, departure: Departure::Lost });
    assert_eq!(gone, ["answer 1: not_attached", "answer 1: not_attached", "append hi"]);
    assert_eq!(room.state.presence().count, 0);
}

#[test]
fn an_unknown_outcome_is_found_out_before_anything_is_said() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.send(5, "Ann", "a");
    room.send(6, "Ann", "b");
    assert_eq!(room.give(Completion::Appended(Err(AppendFailure::Unknown))), ["recover 1 keys"]);
    assert_eq!(room.give(Completion::Recovered(Err(Error::Unavailable))), [""; 0]);
    room.now += Duration::from_millis(500);
    assert_eq!(room.give(Input::Timeout), ["recover 1 keys"]);
    let effects = room.give(Completion::Recovered(Ok(found(2, vec![message(2, "Ann", "a")]))));
    assert_eq!(effects, ["answer 5: stored 2", "load 64 after 0"]);
    let rows = vec![message(1, "Zoe", "z"), message(2, "Ann", "a")];
    assert_eq!(room.give(Completion::Loaded(Ok(rows))), ["all: #1", "all: #2", "append b"]);
}

#[test]
fn however_much_was_written_meanwhile_it_is_loaded_in_pages() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.send(5, "Ann", "a");
    room.send(6, "Ann", "b");
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    let effects = room.give(Completion::Recovered(Ok(found(151, vec![message(100, "Ann", "a")]))));
    assert_eq!(effects, ["answer 5: stored 100", "load 64 after 0"]);
    let page = |room: &mut Room, rows: std::ops::RangeInclusive<u64>| {
        let published: Vec<_> = rows.clone().map(|seq| format!("all: #{seq}")).collect();
        let mut effects = room.give(Completion::Loaded(Ok(rows.map(|seq| message(seq, "Zoe", "z")).collect())));
        let rest = effects.split_off(published.len());
        assert_eq!(effects, published, "in order, each once");
        rest
    };
    assert_eq!(page(&mut room, 1..=64), ["load 64 after 64"]);
    assert_eq!(room.give(Completion::Loaded(Err(Error::Unavailable))), [""; 0]);
    room.now += Duration::from_millis(500);
    assert_eq!(room.give(Input::Timeout), ["load 64 after 64"]);
    assert_eq!(page(&mut room, 65..=128), ["load 64 after 128"]);
    assert_eq!(page(&mut room, 129..=151), ["append b"], "only now does the log go on");
}

#[test]
fn a_room_that_turns_out_to_be_deleted_ends_as_it_did() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.send(5, "Ann", "a");
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    let gone = Recovered { is_deleted: true, ..found(2, vec![]) };
    assert_eq!(room.give(Completion::Recovered(Ok(gone))), ["answer 5: room_not_found", "load 64 after 0"]);
    let end = StoredEvent {
        event: Arc::new(Event { kind: EventKind::RoomDeleted, ..Event::clone(&message(2, "Zoe", "").event) }),
        ..message(2, "Zoe", "")
    };
    let effects = room.give(Completion::Loaded(Ok(vec![message(1, "Zoe", "z"), end])));
    assert_eq!(effects, ["all: #1", "all: #2", "out 1"]);
}

#[test]
fn what_is_not_found_after_an_unknown_outcome_was_not_stored() {
    let mut room = Room::with_head(0);
    room.send(5, "Ann", "a");
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    assert_eq!(room.give(Completion::Recovered(Ok(found(0, vec![])))), ["answer 5: unavailable"]);
    room.send(6, "Ann", "a");
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    let earlier = found(0, vec![message(0, "Ann", "a")]);
    assert_eq!(room.give(Completion::Recovered(Ok(earlier))), ["answer 6: stored 0 again"]);
}

#[test]
fn nobody_waits_longer_than_ten_seconds_for_an_unknown_outcome() {
    let mut room = Room::with_head(0);
    room.send(5, "Ann", "a");
    room.send(6, "Ann", "b");
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    room.attach(1, "Bob", since(3));
    assert_eq!(room.at(109).give(Input::Timeout), [""; 0]);
    let effects = room.at(110).give(Input::Timeout);
    assert_eq!(effects, ["answer 5: outcome_unknown", "answer 6: unavailable", "answer 1: unavailable"]);
    assert_eq!(room.send(7, "Ann", "c"), ["answer 7: unavailable"]);
    room.attach(2, "Bob", Since::Now);
    assert_eq!(room.give(Completion::Recovered(Ok(found(1, vec![message(1, "Ann", "a")])))), ["all: #1"]);
    assert_eq!(room.send(8, "Ann", "d"), ["append d"]);
}

#[test]
fn another_writers_events_are_loaded_and_published_first() {
    let mut room = Room::with_head(0);
    room.send(5, "Ann", "a");
    assert_eq!(room.appended(&[message(3, "Ann", "a")]), ["answer 5: stored 3", "load 64 after 0"]);
    assert_eq!(room.send(6, "Ann", "b"), [""; 0], "the next append waits");
    let rows = (1..=3).map(|seq| message(seq, "Zoe", "z")).collect();
    assert_eq!(room.give(Completion::Loaded(Ok(rows))), ["all: #1", "all: #2", "all: #3", "append b"]);
}

#[test]
fn an_attach_that_the_tail_was_enough_for_is_answered_even_if_the_next_load_fails() {
    let mut room = Room::with_head(2);
    assert_eq!(room.attach(1, "Ann", since(3)), ["load 64 after 2"]);
    room.give(Completion::Loaded(Ok(vec![message(3, "Cid", "x")])));
    room.give(Completion::Loaded(Err(Error::Unavailable)));
    assert_eq!(room.state.presence().count, 1);
}

#[test]
fn a_load_that_was_under_way_does_not_show_that_a_position_is_ahead() {
    let mut room = Room::with_head(2);
    assert_eq!(room.attach(1, "Ann", since(3)), ["load 64 after 2"]);
    assert_eq!(room.attach(2, "Ben", since(3)), [""; 0]);
    let effects = room.give(Completion::Loaded(Ok(vec![])));
    assert_eq!(effects[0], "warn 3");
    assert_eq!(effects.last().unwrap(), "load 64 after 2", "asked again for the second");
    let effects = room.give(Completion::Loaded(Ok(vec![message(3, "Cid", "x")])));
    assert!(!effects.contains(&"warn 3".to_owned()), "{effects:?}");
    let effects = room.give(Completion::Loaded(Ok(vec![])));
    assert!(effects.contains(&"answer 2: attached at 3 []".to_owned()), "{effects:?}");
}

#[test]
fn claims_to_be_ahead_do_not_keep_messages_waiting() {
    let mut room = Room::with_head(2);
    room.attach(1, "Ann", since(9));
    room.send(7, "Bob", "hi");
    room.attach(2, "Ben", since(9));
    let effects = room.give(Completion::Loaded(Ok(vec![])));
    assert_eq!(effects.last().unwrap(), "append hi");
    room.appended(&[message(3, "Bob", "hi")]);
    assert_eq!(room.give(Completion::Loaded(Ok(vec![])))[0], "warn 9");
}

#[test]
fn a_room_deleted_by_another_writer_ends_here_too() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.send(5, "Ann", "a");
    let gone = Completion::Appended(Err(AppendFailure::NotStored(Error::RoomNotFound)));
    assert_eq!(room.give(gone), ["answer 5: room_not_found", "load 64 after 0"]);
    let end = Event { kind: EventKind::RoomDeleted, ..(*message(1, "Zoe", "").event).clone() };
    let end = StoredEvent { event: Arc::new(end), ..message(1, "Zoe", "") };
    assert_eq!(room.give(Completion::Loaded(Ok(vec![end]))), ["all: #1", "out 1"]);
    assert!(room.state.is_deleted() && room.state.is_idle());
    assert_eq!(room.send(6, "Ann", "b"), ["answer 6: room_not_found"]);
}

#[test]
fn a_hint_above_the_head_loads_what_another_writer_stored() {
    let mut room = Room::with_head(3);
    room.attach(1, "Ann", Since::Now);
    for head in [0, 1, 3] {
        assert_eq!(room.hint(Some(head)), [""; 0], "{head} is known");
    }
    assert_eq!(room.hint(Some(5)), ["load 64 after 3"]);
    assert_eq!(room.hint(Some(5)), [""; 0], "one load at a time");
    assert_eq!(room.loaded(&[4, 5]), ["all: #4", "all: #5", "load 64 after 5"]);
    assert_eq!(room.loaded(&[]), [""; 0]);
    assert!(room.state.poll_timeout().is_none() && room.hint(Some(5)).is_empty());
}

#[test]
fn a_hint_that_comes_while_something_is_under_way_is_looked_at_afterwards() {
    let mut room = Room::with_head(3);
    room.attach(1, "Ann", Since::Now);
    room.send(5, "Ann", "a");
    assert_eq!(room.hint(Some(5)), [""; 0]);
    room.send(6, "Ann", "b");
    assert_eq!(room.appended(&[message(4, "Ann", "a")]), ["answer 5: stored 4", "all: #4", "load 64 after 4"]);
    // The load reads the log as it was before the hint.
    room.hint(Some(6));
    assert_eq!(room.loaded(&[]), ["append b"], "who sends does not wait for ever for hints");
    let filled = room.appended(&[message(7, "Ann", "b")]);
    assert_eq!(filled, ["answer 6: stored 7", "load 64 after 4"], "never a hole");
    assert_eq!(room.loaded(&[5, 6]), ["all: #5", "all: #6", "all: #7"]);
    assert!(room.hint(Some(7)).is_empty(), "what was hinted is known now");
}

#[test]
fn a_hint_that_is_wrong_costs_one_load_and_one_that_could_not_be_looked_at_is_tried_again() {
    let mut room = Room::with_head(3);
    room.attach(1, "Ann", Since::Now);
    assert_eq!(room.hint(Some(99)), ["load 64 after 3"]);
    assert_eq!(room.loaded(&[]), [""; 0]);
    assert_eq!(room.hint(Some(4)), ["load 64 after 3"]);
    assert_eq!(room.give(Completion::Loaded(Err(Error::Unavailable))), [""; 0]);
    assert_eq!(room.state.poll_timeout(), Some(Duration::from_millis(100_500)));
    assert_eq!(room.send(5, "Ann", "a"), ["append a"], "nobody waits for it");
    assert_eq!(room.at(101).give(Input::Timeout), [""; 0], "an append is under way");
    let filled = room.appended(&[message(5, "Ann", "a")]);
    assert_eq!(filled, ["answer 5: stored 5", "load 64 after 3"]);
    assert_eq!(room.loaded(&[4]), ["all: #4", "all: #5"]);
    assert!(room.state.poll_timeout().is_none());
    assert_eq!(room.hint(Some(6)), ["load 64 after 5"]);
    room.give(Completion::Loaded(Err(Error::Unavailable)));
    assert_eq!(room.at(102).give(Input::Timeout), ["load 64 after 5"]);
}

#[test]
fn a_room_that_is_said_to_be_gone_ends_as_its_log_does() {
    let mut room = Room::with_head(3);
    room.attach(1, "Ann", Since::Now);
    assert_eq!(room.hint(None), ["load 64 after 3"]);
    let mut end = message(4, "Bob", "");
    Arc::make_mut(&mut end.event).kind = EventKind::RoomDeleted;
    assert_eq!(room.give(Completion::Loaded(Ok(vec![end]))), ["all: #4", "out 1"]);
    assert!(room.hint(Some(9)).is_empty() && room.state.is_deleted());

    let mut purged = Room::with_head(3);
    purged.attach(1, "Ann", Since::Now);
    purged.hint(None);
    assert_eq!(purged.loaded(&[]), ["out 1"], "nothing is left of it");
    assert!(purged.state.is_deleted());
}

#[test]
fn a_lost_user_leaves_after_the_grace_and_a_closed_one_at_once() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.attach(2, "Bob", Since::Now);
    let lost = Input::Depart { session: SessionId(2), departure: Departure::Lost };
    assert_eq!(room.at(105).give(lost), ["out 2"]);
    assert_eq!(room.at(114).give(Input::Timeout), [""; 0]);
    assert_eq!(room.at(115).give(Input::Timeout), ["all: leave Bob", "all: list Ann"]);
    let closed = Input::Depart { session: SessionId(1), departure: Departure::Closed };
    assert_eq!(room.give(closed), ["out 1", "all: leave Ann"]);
    assert!(room.state.is_idle());
}

#[test]
fn typing_shows_expires_and_stops_with_a_message() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.attach(2, "Bob", Since::Now);
    room.at(101).give(Input::Timeout);
    assert_eq!(room.typing(2, true), ["answer 0: typing", "all: typing Bob"]);
    assert_eq!(room.attach(3, "Cid", Since::Now).last().unwrap(), "to 3: typing Bob");
    room.at(106).give(Input::Timeout);
    assert_eq!(room.at(107).give(Input::Timeout), ["all: typing "]);
    room.at(109).typing(2, true);
    room.send(5, "Bob", "b");
    room.appended(&[message(1, "Bob", "b")]);
    assert_eq!(room.at(110).give(Input::Timeout), ["all: typing "]);
    assert_eq!(room.typing(9, true), ["answer 0: not_attached"]);
}

/// What a typing command costs on average in a room where so many type.
#[expect(clippy::disallowed_methods, reason = "it is measured")]
fn cost_of_typing(typists: u64) -> Duration {
    let mut room = Room::with_head(0);
    for number in 1..=typists {
        room.attach(number, &format!("user {number}"), Since::Now);
        room.typing(number, true);
    }
    let mut effects = vec![];
    let now = Now { wall: Timestamp(7), mono: room.now };
    // The best of some rounds: whatever else the machine does is not to be measured.
    let rounds = (0..20_u64).map(|round| {
        let began = std::time::Instant::now();
        for number in round * 100..(round + 1) * 100 {
            room.state.handle(typing(1 + number % typists, number % 3 != 0).into(), now, &mut effects);
            effects.clear();
        }
        began.elapsed() / 100
    });
    rounds.min().unwrap_or_default()
}

#[test]
fn a_typing_command_costs_the_same_however_many_type() {
    let (few, many) = (cost_of_typing(10), cost_of_typing(3_000));
    // It was 100 times as much when each command looked at everybody.
    assert!(many < few * 10, "{few:?} among 10, {many:?} among 3,000");
}

#[test]
fn an_update_and_a_deletion_have_appends_of_their_own() {
    let mut room = Room::with_head(0);
    room.attach(1, "Ann", Since::Now);
    room.send(5, "Ann", "a");
    room.send(6, "Ann", "b");
    let (key, op, reply) = (EventKey::generated("k"), Op::DeleteRoom, ReplyId(7));
    room.give(Request::Append { session: None, by_system: false, actor: None, key, op, reply });
    room.send(8, "Ann", "c");
    assert_eq!(room.appended(&[message(1, "Ann", "a")]).last().unwrap(), "append b");
    assert_eq!(room.appended(&[message(2, "Ann", "b")]).last().unwrap(), "append delete_room");
    let end = Event { kind: EventKind::RoomDeleted, ..(*message(3, "Ann", "").event).clone() };
    let effects = room.give(Completion::Appended(Ok(vec![new(Arc::new(end))])));
    assert_eq!(effects, ["answer 7: stored 3", "all: #3", "out 1", "answer 8: room_not_found"]);
}

#[test]
fn a_queue_that_is_full_says_so_at_once() {
    let mut room = Room::with_head(0);
    for reply in 0..=1_024 {
        room.send(reply, "Ann", "a");
    }
    assert_eq!(room.send(2_000, "Ann", "b"), ["answer 2000: overloaded"]);
}
