//! Rights as a room knows them: exact at the event that changes them.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at some of the effects")]

use std::{sync::Arc, time::Duration};

use crate::{
    DetachReason, Epoch, Event, EventKind, Identity, InvitedBy, Limits, MemberChange, MemberEvent, Now, Role, RoomId,
    RoomKind, RoomName, Seq, SessionId, Since, Timestamp, Topic, Until,
    append::{
        AppendFailure, AppendOutcome, Entry, EventKey, KnownStanding, Lookup, MemberOp, MemberStep, Op, Recovered,
        StoredEvent,
    },
    error::Error,
    rights::{RoomTerms, Standing, Standings},
    state::{Answered, Completion, Effect, Input, ReplyId, Request, RoomState},
};

struct Room {
    state: RoomState,
}

const PRIVATE: RoomTerms = RoomTerms { kind: RoomKind::Private, owned: true, invites: InvitedBy::Members };
const PUBLIC: RoomTerms = RoomTerms { kind: RoomKind::Public, ..PRIVATE };

fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

fn member() -> Standing {
    Standing { role: Some(Role::Member), ..Standing::default() }
}

fn changed(seq: u64, change: MemberChange, name: &str) -> Arc<Event> {
    let (role, until, reason) = (None, None, None);
    event(seq, EventKind::Member(MemberEvent { change, user: user(name), role, until, reason }))
}

fn event(seq: u64, kind: EventKind) -> Arc<Event> {
    let actor = Some(user("alice"));
    Arc::new(Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(7), actor, key: None, kind })
}

fn stored(event: Arc<Event>) -> StoredEvent {
    StoredEvent { event, key: EventKey::generated("k"), fingerprint: crate::append::Fingerprint(1), ordinal: 0 }
}

fn new(event: &Arc<Event>) -> AppendOutcome {
    new_as(event, Standing { role: Some(Role::Owner), ..Standing::default() })
}

/// A new event of somebody who is this after it.
fn new_as(event: &Arc<Event>, standing: Standing) -> AppendOutcome {
    AppendOutcome::New { event: Arc::clone(event), mentioned: vec![], standing, heir: None }
}

impl Room {
    fn of(terms: RoomTerms) -> Self {
        let limits = Arc::new(Limits::default());
        let state = RoomState::new(RoomId(1), Epoch::new("e"), (Seq(1), Seq(5)), limits);
        Self { state: state.governed_by(terms, Seq(5)) }
    }

    fn give(&mut self, input: impl Into<Input>) -> Vec<Effect> {
        self.give_at(Duration::from_secs(1), input)
    }

    fn give_at(&mut self, mono: Duration, input: impl Into<Input>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.state.handle(input.into(), Now { wall: Timestamp(7), mono }, &mut effects);
        effects
    }

    fn attach(&mut self, session: u64, name: &str) -> Vec<Effect> {
        let (session, reply) = (SessionId(session), ReplyId(session));
        self.give(Request::Attach { session, user: user(name), since: Since::Now, presence: false, reply })
    }

    /// Attaches somebody who is this.
    fn attached(&mut self, session: u64, name: &str, standing: Standing) -> Vec<Effect> {
        assert_eq!(self.attach(session, name), [Effect::LookUp { users: vec![user(name).id] }]);
        self.looked_up(5, &[(name, standing)])
    }

    fn looked_up(&mut self, at: u64, users: &[(&str, Standing)]) -> Vec<Effect> {
        let users = users.iter().map(|(name, standing)| (user(name).id, *standing)).collect();
        self.give(Completion::LookedUp(Ok(Standings { at: Seq(at), users, ..Standings::default() })))
    }

    fn append(&mut self, name: &str, op: Op) -> Vec<Entry> {
        let (actor, key) = (Some(user(name)), EventKey::generated("k"));
        let request = Request::Append { session: None, by_system: false, actor, key, op, reply: ReplyId(99) };
        entries(self.give(request))
    }

    fn send(&mut self, name: &str) -> Vec<Entry> {
        self.append(name, Op::Message(crate::Body::text("x")))
    }

    fn types(&mut self, session: u64, name: &str) -> Vec<Effect> {
        let (session, reply) = (SessionId(session), ReplyId(0));
        self.give(Request::Typing { session, user: user(name), is_typing: true, reply })
    }

    /// What Alice does comes back as these events.
    fn done(&mut self, events: &[Arc<Event>]) -> Vec<Effect> {
        self.send("alice");
        let mut outcomes: Vec<_> = events.iter().map(new).collect();
        outcomes.truncate(1);
        let mut effects = self.give(Completion::Appended(Ok(outcomes)));
        for event in &events[1..] {
            self.send("alice");
            effects.extend(self.give(Completion::Appended(Ok(vec![new(event)]))));
        }
        effects
    }
}

fn entries(effects: Vec<Effect>) -> Vec<Entry> {
    let append = |effect| if let Effect::Append(entries) = effect { Some(entries) } else { None };
    effects.into_iter().filter_map(append).flatten().collect()
}

fn refusals(effects: &[Effect]) -> Vec<Error> {
    let refusal = |effect: &Effect| match effect {
        Effect::Answer(Answered::Attach(_, Err(error)) | Answered::Typing(_, Err(error))) => Some(error.clone()),
        _ => None,
    };
    effects.iter().filter_map(refusal).collect()
}

/// The numbers of events that go out, and the sessions that hear no more, in order.
fn heard(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Publish(delivery) => match delivery.item() {
            crate::Item::Event(event) => Some(event.seq.to_string()),
            crate::Item::Signal(_) => None,
        },
        Effect::Leave(session, reason) => Some(format!("{session} out: {}", reason.map_or("", DetachReason::as_str))),
        _ => None,
    };
    effects.iter().filter_map(word).collect()
}

fn is_in(effects: &[Effect], session: u64) -> bool {
    effects.contains(&Effect::Join(SessionId(session)))
}

#[test]
fn whoever_is_no_member_of_a_private_room_does_not_get_in() {
    let mut room = Room::of(PRIVATE);
    assert_eq!(refusals(&room.attached(1, "bob", Standing::default())), [Error::RoomNotFound]);
    assert!(is_in(&room.attached(2, "carol", member()), 2));
    // What is known is not looked up again.
    assert!(is_in(&room.attach(3, "carol"), 3));
    assert_eq!(refusals(&room.attach(4, "bob")), [Error::RoomNotFound]);
}

#[test]
fn a_room_of_everybody_s_looks_nobody_up() {
    let limits = Arc::new(Limits::default());
    let state = RoomState::new(RoomId(1), Epoch::new("e"), (Seq(1), Seq(5)), limits);
    let mut room = Room { state };
    assert!(is_in(&room.attach(1, "bob"), 1));
    assert_eq!(room.send("bob")[0].standing, None);
    // From the first change on, it knows what those became who are here.
    let mute = changed(6, MemberChange::Muted, "bob");
    room.give(Completion::Appended(Ok(vec![new(&mute)])));
    assert_eq!(refusals(&room.types(1, "bob")), [Error::Muted { until: None }]);
}

#[test]
fn who_was_removed_hears_that_and_nothing_after_it() {
    for (change, word) in
        [(MemberChange::Removed, "removed"), (MemberChange::Left, "left"), (MemberChange::Banned, "banned")]
    {
        let mut room = Room::of(PRIVATE);
        room.attached(1, "bob", member());
        room.attached(2, "carol", member());
        let message = event(7, EventKind::Pin { target: Seq(1), pinned: true });
        // Both in one step, as events of another process come.
        room.give(Input::Hint { head: Some(Seq(7)) });
        let effects = room.give(Completion::Loaded(Ok(vec![stored(changed(6, change, "bob")), stored(message)])));
        assert_eq!(heard(&effects), ["6".to_owned(), format!("1 out: {word}"), "7".to_owned()]);
        assert_eq!(refusals(&room.attach(3, "bob")), [Error::RoomNotFound], "nor comes back");
    }
}

#[test]
fn whoever_leaves_a_public_room_goes_on_hearing_it_unless_banned() {
    let mut room = Room::of(PUBLIC);
    room.attached(1, "bob", member());
    assert_eq!(heard(&room.done(&[changed(6, MemberChange::Left, "bob")])), ["6"]);
    assert_eq!(heard(&room.done(&[changed(7, MemberChange::Banned, "bob")])), ["7", "1 out: banned"]);
    assert_eq!(refusals(&room.attach(2, "bob")), [Error::Banned { until: None }]);
}

#[test]
fn a_room_that_becomes_private_keeps_its_members() {
    let mut room = Room::of(PUBLIC);
    room.attached(1, "bob", member());
    room.attached(2, "carol", Standing::default());
    let (name, topic) = (RoomName::new("x").unwrap(), Topic::new("").unwrap());
    let (kind, invites) = (RoomKind::Private, InvitedBy::Members);
    let private = event(6, EventKind::RoomUpdated { name, topic, kind, invites });
    assert_eq!(heard(&room.done(&[private])), ["6", "2 out: private"]);
    assert_eq!(refusals(&room.attach(3, "carol")), [Error::RoomNotFound]);
}

#[test]
fn what_was_looked_up_before_a_change_is_looked_up_again() {
    let mut room = Room::of(PRIVATE);
    let look_up = Effect::LookUp { users: vec![user("bob").id] };
    assert_eq!(room.attach(1, "bob"), std::slice::from_ref(&look_up));
    let effects = room.done(&[changed(6, MemberChange::Removed, "bob")]);
    assert!(!effects.contains(&look_up), "one at a time");
    // It was read before the removal.
    assert_eq!(room.looked_up(5, &[("bob", member())]), [look_up]);
    assert_eq!(refusals(&room.looked_up(6, &[])), [Error::RoomNotFound]);
}

#[test]
fn a_look_up_that_failed_is_told() {
    let mut room = Room::of(PRIVATE);
    room.attach(1, "bob");
    let failed = room.give(Completion::LookedUp(Err(Error::Unavailable)));
    assert_eq!(refusals(&failed), [Error::Unavailable]);
    assert!(room.state.is_idle());
}

#[test]
fn an_entry_says_what_is_known_of_its_actor_up_to_the_head() {
    let mut room = Room::of(PRIVATE);
    assert_eq!(room.send("alice")[0].standing, None);
    let message = event(6, EventKind::Pin { target: Seq(1), pinned: true });
    room.give(Completion::Appended(Ok(vec![new(&message)])));
    let owner = Standing { role: Some(Role::Owner), ..Standing::default() };
    assert_eq!(room.send("alice")[0].standing, Some(KnownStanding { at: Seq(6), standing: owner }));
    let mute = changed(7, MemberChange::Muted, "alice");
    room.give(Completion::Appended(Ok(vec![new(&mute)])));
    let muted = Standing { muted: Some(Until::ForGood), ..owner };
    // The store said what she was before that event was applied; the event is later than that only by its number.
    let known = room.send("alice")[0].standing.unwrap();
    assert_eq!((known.at, known.standing.role), (Seq(7), muted.role));
}

#[test]
fn what_was_put_off_keeps_its_turn() {
    let mut room = Room::of(PRIVATE);
    let op = MemberOp { user: user("alice"), step: MemberStep::Leave, reason: None, is_alone: false };
    let leave = room.append("alice", Op::Member(op.clone())).remove(0);
    assert_eq!(room.send("bob"), [], "it waits");
    let alone = Entry { op: Op::Member(MemberOp { is_alone: true, ..op }), ..leave };
    let next = room.give(Completion::Appended(Ok(vec![AppendOutcome::PutOff(Box::new(alone.clone()))])));
    let next = entries(next);
    assert_eq!((next.len(), &next[0].op), (1, &alone.op), "alone, and first");
    let end = event(6, EventKind::RoomDeleted);
    let ended = room.give(Completion::Appended(Ok(vec![new(&end)])));
    let refused = Effect::Answer(Answered::Send(ReplyId(99), Err(Error::RoomNotFound)));
    assert!(ended.contains(&refused), "{ended:?}");
}

#[test]
fn only_so_many_are_remembered_who_are_not_here() {
    let mut room = Room::of(PUBLIC);
    room.attached(1, "bob", member());
    for number in 0..3_000_u64 {
        room.send(&format!("user-{number}"));
        let actor = Some(user(&format!("user-{number}")));
        let pin = Event { actor, ..Event::clone(&event(6 + number, EventKind::Pin { target: Seq(1), pinned: true })) };
        room.give(Completion::Appended(Ok(vec![new(&Arc::new(pin))])));
    }
    let known = |room: &mut Room, name: &str| {
        let entry = room.send(name).remove(0);
        room.give(Completion::Appended(Ok(vec![AppendOutcome::Unchanged { count: None }])));
        entry.standing.is_some()
    };
    assert!(known(&mut room, "bob") && known(&mut room, "user-2999"));
    assert!(!known(&mut room, "user-0"));
}

#[test]
fn those_who_are_put_out_together_hear_nothing_of_each_other() {
    let mut room = Room::of(PUBLIC);
    for (session, name) in [(1, "bob"), (2, "carol")] {
        let (session, reply) = (SessionId(session), ReplyId(session));
        room.give(Request::Attach { session, user: user(name), since: Since::Now, presence: true, reply });
        room.looked_up(5, &[]);
    }
    let (name, topic) = (RoomName::new("x").unwrap(), Topic::new("").unwrap());
    let (kind, invites) = (RoomKind::Private, InvitedBy::Members);
    let effects = room.done(&[event(6, EventKind::RoomUpdated { name, topic, kind, invites })]);
    let is_signal = |effect: &Effect| matches!(effect, Effect::Publish(delivery) if matches!(delivery.item(), crate::Item::Signal(_)));
    let signal = effects.iter().position(is_signal).unwrap();
    let last_out = effects.iter().rposition(|effect| matches!(effect, Effect::Leave(..))).unwrap();
    assert_eq!(heard(&effects), ["6", "1 out: private", "2 out: private"]);
    assert!(last_out < signal, "{effects:?}");
}

#[test]
fn who_was_out_for_one_event_is_put_out_with_it() {
    let mut room = Room::of(PRIVATE);
    room.attached(1, "bob", member());
    room.send("alice");
    let queued = [room.send("alice"), room.send("alice"), room.send("bob")];
    assert!(queued.iter().all(Vec::is_empty));
    room.give(Completion::Appended(Ok(vec![AppendOutcome::Unchanged { count: None }])));
    let pin = event(8, EventKind::Pin { target: Seq(1), pinned: true });
    let pin = Arc::new(Event { actor: Some(user("bob")), ..Event::clone(&pin) });
    let (removed, added) = (changed(6, MemberChange::Removed, "bob"), changed(7, MemberChange::Added, "bob"));
    let outcomes = vec![new(&removed), new(&added), new_as(&pin, member())];
    let effects = room.give(Completion::Appended(Ok(outcomes)));
    assert_eq!(heard(&effects), ["6", "1 out: removed", "7", "8"], "though he is in again, and has acted");
    assert!(is_in(&room.attach(2, "bob"), 2));
}

#[test]
fn what_is_looked_up_ahead_of_the_log_waits_for_it() {
    let mut room = Room::of(PRIVATE);
    room.attach(1, "bob");
    let ahead = room.looked_up(7, &[("bob", member())]);
    assert!(ahead.iter().any(|effect| matches!(effect, Effect::Load { after: Seq(5), .. })), "{ahead:?}");
    assert!(!is_in(&ahead, 1));
    let later = [changed(6, MemberChange::Banned, "bob"), changed(7, MemberChange::Added, "bob")];
    room.give(Completion::Loaded(Ok(later.into_iter().map(stored).collect())));
    let again = room.give(Completion::Loaded(Ok(vec![])));
    assert!(again.contains(&Effect::LookUp { users: vec![user("bob").id] }), "{again:?}");
    let effects = room.looked_up(7, &[("bob", member())]);
    assert!(is_in(&effects, 1) && room.state.head() == Seq(7), "{effects:?}");
}

#[test]
fn nobody_waits_for_rights_that_a_lost_outcome_has_changed() {
    let mut room = Room::of(PRIVATE);
    room.send("alice");
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    room.give(Completion::Recovered(Err(Error::Unavailable)));
    assert_eq!(room.attach(1, "bob"), [Effect::LookUp { users: vec![user("bob").id] }]);
    assert_eq!(refusals(&room.looked_up(6, &[("bob", member())])), [], "it may be found soon");
    room.attach(1, "bob");
    let given_up = room.give_at(Duration::from_secs(12), Input::Timeout);
    assert_eq!(refusals(&given_up), [Error::Unavailable, Error::Unavailable], "nor does what stands behind");
    room.attach(2, "carol");
    assert_eq!(refusals(&room.looked_up(6, &[("carol", member())])), [Error::Unavailable]);
}

#[test]
fn a_stranger_cannot_tell_a_private_room_by_typing_or_detaching() {
    assert_eq!(refusals(&Room::of(PUBLIC).types(1, "bob")), [Error::NotAttached], "nobody is looked up");
    let detach = Request::Detach { session: SessionId(1), reply: ReplyId(9) };
    let mut room = Room::of(PRIVATE);
    assert_eq!(room.types(1, "bob"), [Effect::LookUp { users: vec![user("bob").id] }]);
    assert_eq!(room.give(detach.clone()), [], "it waits until the typing may be answered");
    assert_eq!(refusals(&room.looked_up(5, &[])), [Error::RoomNotFound]);
    let mut room = Room::of(PRIVATE);
    room.attach(1, "bob");
    assert_eq!(room.give(detach), [], "it waits until the attach may be answered");
    let effects = room.looked_up(5, &[]);
    assert_eq!(refusals(&effects), [Error::RoomNotFound]);
    assert!(effects.contains(&Effect::Answer(Answered::Detach(ReplyId(9)))));
}

#[test]
fn a_member_who_types_without_being_attached_is_told_so() {
    let mut room = Room::of(PRIVATE);
    let waits = room.types(1, "bob");
    assert_eq!(waits, [Effect::LookUp { users: vec![user("bob").id] }]);
    assert_eq!(room.attach(1, "bob"), [], "what comes behind it waits, too");
    let effects = room.looked_up(5, &[("bob", member())]);
    assert_eq!(refusals(&effects), [Error::NotAttached]);
    assert!(is_in(&effects, 1), "{effects:?}");
    assert_eq!(refusals(&room.types(2, "bob")), [Error::NotAttached], "by what is known");
    assert_eq!(refusals(&room.types(1, "bob")), [], "attached");
    room.types(3, "carol");
    let failed = room.give(Completion::LookedUp(Err(Error::Unavailable)));
    assert_eq!(refusals(&failed), [Error::Unavailable]);
}

#[test]
fn a_message_that_is_found_again_tells_only_those_who_hear_the_room() {
    let mut room = Room::of(PRIVATE);
    room.attached(1, "carol", member());
    let mentions = ["carol", "mallory"].map(|name| user(name).id).to_vec();
    let body = crate::Body { mentions, ..crate::Body::text("x") };
    let entry = room.append("alice", Op::Message(body.clone())).remove(0);
    room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    let message = crate::Message { body, ordinal: 1, thread_ordinal: None, erased: false };
    let event = event(6, EventKind::Message(message));
    let found = vec![StoredEvent { event, key: entry.key, fingerprint: entry.fingerprint, ordinal: 1 }];
    let effects = room.give(Completion::Recovered(Ok(Recovered { head: Seq(6), is_deleted: false, found })));
    let told = |effect: &Effect| if let Effect::Notify { user, .. } = effect { Some(user.clone()) } else { None };
    assert_eq!(effects.iter().filter_map(told).collect::<Vec<_>>(), [user("carol").id]);
}

#[test]
fn the_end_of_a_room_is_found_again_whoever_put_the_last_one_out() {
    let mut room = Room::of(PRIVATE);
    let op = MemberOp { user: user("bob"), step: MemberStep::Remove, reason: None, is_alone: true };
    let (key, op) = (EventKey::generated("k"), Op::Member(op));
    let request = Request::Append { session: None, by_system: true, actor: None, key, op, reply: ReplyId(7) };
    let entry = entries(room.give(request)).remove(0);
    let effects = room.give(Completion::Appended(Err(AppendFailure::Unknown)));
    let by_bob = Lookup { user: Some(user("bob").id), key: entry.key.clone() };
    assert_eq!(effects, [Effect::Recover { keys: vec![entry.lookup(), by_bob] }]);
    let end = Event { actor: Some(user("bob")), ..Event::clone(&event(6, EventKind::RoomDeleted)) };
    let found = vec![StoredEvent { event: Arc::new(end), key: entry.key, fingerprint: entry.fingerprint, ordinal: 0 }];
    let effects = room.give(Completion::Recovered(Ok(Recovered { head: Seq(6), is_deleted: true, found })));
    let is_stored = |effect: &Effect| matches!(effect, Effect::Answer(Answered::Change(ReplyId(7), Ok(_))));
    assert!(effects.iter().any(is_stored), "{effects:?}");
}
