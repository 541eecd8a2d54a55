//! What holds for who is in rooms.

#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else is answered fails the test")]

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Opener, append, append_one, entry, log, make_room, message, new_seq, try_append, user};
use crate::{
    Erase, Identity, InvitedBy, Member, MemberChange, MemberPage, MemberQuery, RestrictionKind, Role, RoomId, RoomKind,
    RoomName, RoomTerms, Seq, Timestamp, Topic, UserId,
    append::{AppendOutcome, Entry, EventKey, KnownStanding, MemberOp, MemberStep, Op, RoomRecord, RoomUpdate},
    archive::{Archived, ArchivedEvent},
    erasure::{Erasure, LogPart},
    error::Error,
    rights::Standing,
    store::Store,
};

/// The time of all entries.
const NOW: Timestamp = Timestamp(1_700_000_000_000_003);

/// Makes a room of this kind that Alice owns.
pub(super) async fn owned_room(store: &dyn Store, name: &str, kind: RoomKind) -> RoomId {
    let record = RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), Timestamp(1));
    let record = RoomRecord { kind, owner: Some(user("alice")), ..record };
    store.create_room(&record).await.unwrap().unwrap().id
}

/// What somebody does with somebody.
pub(super) fn change(actor: &str, whom: &str, step: MemberStep, key: &str) -> Entry {
    let op = MemberOp { user: user(whom), step, reason: None, is_alone: false };
    let entry = entry(&user(actor), key, Op::Member(op));
    if key.is_empty() { Entry { key: made_up(), ..entry } } else { entry }
}

/// A key that nothing else has.
pub(super) fn made_up() -> EventKey {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    EventKey::generated(&format!("member-{}", KEYS.fetch_add(1, Ordering::Relaxed)))
}

/// What the host does with somebody.
pub(super) fn by_host(whom: &str, step: MemberStep, key: &str) -> Entry {
    let entry = change("host", whom, step, key);
    Entry { actor: None, by_system: true, ..entry }
}

pub(super) async fn changed(store: &dyn Store, room: RoomId, entry: Entry) -> Result<Option<MemberChange>, Error> {
    match append_one(store, room, entry).await {
        AppendOutcome::New { event, .. } => Ok(event.member().map(|member| member.change)),
        AppendOutcome::Unchanged { .. } => Ok(None),
        AppendOutcome::Refused(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

async fn sent(store: &dyn Store, room: RoomId, author: &str, key: &str) -> Result<Seq, Error> {
    said(append_one(store, room, message(&user(author), "x", key)).await)
}

fn said(outcome: AppendOutcome) -> Result<Seq, Error> {
    match outcome {
        AppendOutcome::New { event, .. } | AppendOutcome::Replay(event) => Ok(event.seq),
        AppendOutcome::Refused(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// The members with their roles, as they are listed.
async fn members(store: &dyn Store, room: RoomId) -> Vec<(String, Role)> {
    let page = store.members().members(room, &MemberQuery::default()).await.unwrap().unwrap();
    page.members.into_iter().map(|member| (member.user.id.to_string(), member.role)).collect()
}

fn listed(all: &[(&str, Role)]) -> Vec<(String, Role)> {
    all.iter().map(|(user, role)| ((*user).to_owned(), *role)).collect()
}

/// Whoever makes a room owns it; others come in, go, and are counted.
pub async fn members_come_and_go(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    assert_eq!(members(store, room).await, listed(&[("alice", Role::Owner)]));
    let step = |actor, whom, step| changed(store, room, change(actor, whom, step, ""));
    assert_eq!(step("bob", "bob", MemberStep::Join).await, Ok(Some(MemberChange::Joined)));
    assert_eq!(step("bob", "bob", MemberStep::Join).await, Ok(None));
    assert_eq!(step("bob", "carol", MemberStep::Add(None)).await, Ok(Some(MemberChange::Added)));
    let role = MemberStep::Add(Some(Role::Moderator));
    assert_eq!(step("bob", "carol", role).await, Err(Error::Forbidden));
    assert_eq!(step("alice", "carol", role).await, Ok(Some(MemberChange::Role)));
    let all = listed(&[("alice", Role::Owner), ("carol", Role::Moderator), ("bob", Role::Member)]);
    assert_eq!(members(store, room).await, all);
    let found = store.room(room).await.unwrap().unwrap();
    assert_eq!((found.members, found.owned, found.rights_seq, found.head), (3, true, Seq(3), Seq(3)));
    assert_eq!(step("carol", "alice", MemberStep::Remove).await, Err(Error::Forbidden));
    assert_eq!(step("carol", "bob", MemberStep::Remove).await, Ok(Some(MemberChange::Removed)));
    assert_eq!(step("carol", "bob", MemberStep::Remove).await, Ok(None));
    assert_eq!(step("carol", "carol", MemberStep::Leave).await, Ok(Some(MemberChange::Left)));
    assert_eq!(members(store, room).await, listed(&[("alice", Role::Owner)]));
    assert_eq!(store.room(room).await.unwrap().unwrap().members, 1);
    let rooms = store.members().rooms_of(&user("alice").id, None, 10).await.unwrap();
    assert_eq!(rooms, [room]);
    assert!(store.members().rooms_of(&user("bob").id, None, 10).await.unwrap().is_empty());
    let events = log(store, room).await;
    assert_eq!(events.len(), 5, "what changed nothing is no event");
    assert_eq!(events[2].event.member().unwrap().role, Some(Role::Moderator));
}

/// Each entry is judged by what those before it have changed, in the same batch, too.
pub async fn rights_are_those_of_the_turn(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "secret", RoomKind::Private).await;
    let bob = || message(&user("bob"), "x", "");
    let key = |entry: Entry, key: &str| Entry { key: EventKey::from_stored(key), ..entry };
    let outcomes = append(
        store,
        room,
        vec![
            key(bob(), "1"),
            change("alice", "bob", MemberStep::Add(None), "2"),
            key(bob(), "3"),
            change("alice", "bob", MemberStep::Mute(None), "4"),
            key(bob(), "5"),
            key(bob(), "3"),
            change("alice", "bob", MemberStep::Remove, "6"),
            key(bob(), "7"),
            key(bob(), "3"),
        ],
    )
    .await;
    let outcomes: Vec<_> = outcomes.into_iter().map(said).collect();
    let hidden = Err(Error::RoomNotFound);
    let muted = Err(Error::Muted { until: None });
    let expected = [hidden.clone(), Ok(1), Ok(2), Ok(3), muted, Ok(2), Ok(4), hidden.clone(), hidden];
    assert_eq!(
        outcomes,
        expected.map(|each| each.map(Seq)),
        "the muted one's retry is a replay, the stranger's is not"
    );
}

/// What is known of whoever acts counts, unless rights were changed since.
pub async fn what_was_known_before_a_change_does_not_count(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "secret", RoomKind::Private).await;
    append_one(store, room, change("alice", "bob", MemberStep::Add(None), "1")).await;
    let as_member = |at, key| {
        let standing = Standing { role: Some(Role::Member), ..Standing::default() };
        let standing = Some(KnownStanding { at: Seq(at), standing });
        Entry { standing, ..message(&user("bob"), "x", key) }
    };
    assert_eq!(said(append_one(store, room, as_member(1, "2")).await), Ok(Seq(2)));
    append_one(store, room, change("alice", "bob", MemberStep::Remove, "3")).await;
    for at in [0, 1, 2] {
        assert_eq!(said(append_one(store, room, as_member(at, "4")).await), Err(Error::RoomNotFound));
    }
    let stranger = Entry {
        standing: Some(KnownStanding { at: Seq(2), standing: Standing::default() }),
        ..message(&user("alice"), "x", "5")
    };
    assert_eq!(said(append_one(store, room, stranger).await), Ok(Seq(4)), "Alice is in, whatever was known");
}

/// A ban or a mute ends at its time, and can be lifted.
pub async fn bans_and_mutes_end(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    let later = Timestamp(NOW.0 + 1_000);
    let at = |entry: Entry, at| Entry { at, ..entry };
    let is_banned = Err(Error::Banned { until: Some(later) });
    assert_eq!(
        changed(store, room, change("bob", "carol", MemberStep::Ban(None), "")).await,
        Err(Error::Forbidden),
        "nobody owns it"
    );
    for until in [NOW, Timestamp(NOW.0 - 1)] {
        let refused = changed(store, room, by_host("bob", MemberStep::Ban(Some(until)), "")).await;
        assert!(matches!(refused, Err(Error::InvalidField { field, .. }) if field == "until"));
    }
    let ban = || by_host("bob", MemberStep::Ban(Some(later)), "");
    assert_eq!(changed(store, room, ban()).await, Ok(Some(MemberChange::Banned)));
    assert_eq!(changed(store, room, ban()).await, Ok(None));
    assert_eq!(sent(store, room, "bob", "1").await, is_banned.clone());
    assert_eq!(
        changed(store, room, change("bob", "bob", MemberStep::Join, "")).await,
        is_banned.clone().map(|_: Seq| None)
    );
    assert_eq!(
        changed(store, room, by_host("bob", MemberStep::Add(None), "")).await,
        is_banned.map(|_: Seq| None),
        "nobody brings in who is banned"
    );
    let after = message(&user("bob"), "x", "2");
    assert_eq!(said(append_one(store, room, at(after, later)).await), Ok(Seq(2)), "it is over");
    let bans = |at| store.members().restrictions(room, RestrictionKind::Ban, at, None, 10);
    assert_eq!(bans(NOW).await.unwrap().unwrap().restrictions.len(), 1);
    assert_eq!(bans(later).await.unwrap().unwrap().restrictions, []);
    let one = |kind, whom| store.members().restriction(room, kind, whom);
    let bob = user("bob").id;
    let found = one(RestrictionKind::Ban, &bob).await.unwrap();
    assert_eq!(found.as_ref(), bans(NOW).await.unwrap().unwrap().restrictions.first());
    assert_eq!(one(RestrictionKind::Mute, &bob).await.unwrap(), None);
    assert_eq!(one(RestrictionKind::Ban, &user("carol").id).await.unwrap(), None);
    assert_eq!(changed(store, room, by_host("bob", MemberStep::Unban, "")).await, Ok(Some(MemberChange::Unbanned)));
    assert_eq!(changed(store, room, by_host("bob", MemberStep::Unban, "")).await, Ok(None));
    assert_eq!(sent(store, room, "bob", "3").await, Ok(Seq(4)));
    assert_eq!(changed(store, room, by_host("bob", MemberStep::Mute(None), "")).await, Ok(Some(MemberChange::Muted)));
    assert_eq!(sent(store, room, "bob", "4").await, Err(Error::Muted { until: None }));
    assert_eq!(sent(store, room, "bob", "3").await, Ok(Seq(4)), "a retry is answered");
    let delete = append_one(store, room, entry(&user("bob"), "5", Op::Delete(Seq(4), None))).await;
    assert_eq!(new_seq(&delete), Seq(6), "the muted delete what they wrote");
    let mutes = store.members().restrictions(room, RestrictionKind::Mute, NOW, None, 10).await.unwrap().unwrap();
    assert_eq!(mutes.restrictions[0].user, user("bob"));
    assert_eq!(changed(store, room, by_host("bob", MemberStep::Unmute, "")).await, Ok(Some(MemberChange::Unmuted)));
    assert_eq!(sent(store, room, "bob", "6").await, Ok(Seq(8)));
}

/// There is an owner as long as others are in: the last one stays, and is succeeded when the host puts them out.
pub async fn a_room_keeps_an_owner(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    for (number, name) in ["dave", "carol", "bob"].into_iter().enumerate() {
        append_one(store, room, change(name, name, MemberStep::Join, &number.to_string())).await;
    }
    append_one(store, room, change("alice", "bob", MemberStep::Add(Some(Role::Moderator)), "m")).await;
    for step in [MemberStep::Leave, MemberStep::Remove, MemberStep::Add(Some(Role::Member))] {
        assert_eq!(changed(store, room, change("alice", "alice", step, "")).await, Err(Error::LastOwner));
    }
    let AppendOutcome::New { event, heir, .. } =
        append_one(store, room, by_host("alice", MemberStep::Remove, "")).await
    else {
        panic!("nobody was put out");
    };
    let heir = heir.unwrap();
    assert_eq!((event.seq, heir.seq, &heir.actor), (Seq(5), Seq(6), &None));
    let member = heir.member().unwrap();
    assert_eq!((&member.user, member.role), (&user("bob"), Some(Role::Owner)), "the moderator before the others");
    assert_eq!(log(store, room).await.len(), 6);
    // In one batch, the next one may go, too.
    let outcomes =
        append(store, room, vec![by_host("bob", MemberStep::Ban(None), "1"), by_host("dave", MemberStep::Remove, "2")])
            .await;
    let heirs: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            AppendOutcome::New { heir, .. } => heir.as_ref().unwrap().member().unwrap().user.id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(heirs, ["dave", "carol"], "who has been in for longer, then the last one");
    assert_eq!(members(store, room).await, listed(&[("carol", Role::Owner)]));
    assert_eq!(store.room(room).await.unwrap().unwrap().members, 1);
    let page = store.members().members(room, &MemberQuery::default()).await.unwrap().unwrap();
    assert_eq!(page.members[0].since, Seq(2), "she came in when she did");
    let steps_down = change("carol", "carol", MemberStep::Add(Some(Role::Member)), "");
    let AppendOutcome::New { heir, .. } = append_one(store, room, steps_down).await else {
        panic!("the last owner may step down where nobody else is in");
    };
    assert_eq!((heir, members(store, room).await), (None, listed(&[("carol", Role::Member)])), "nobody follows");
    let other = owned_room(store, "other", RoomKind::Public).await;
    assert_eq!(
        changed(store, other, change("alice", "alice", MemberStep::Leave, "")).await,
        Ok(Some(MemberChange::Left)),
        "the last owner may leave a public room that nobody else is in"
    );
}

/// When the host takes the last owner's role, the other one of the longest standing owns the room, also within a batch.
pub async fn the_host_takes_the_last_owners_role(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    let takes = |whom, key| by_host(whom, MemberStep::Add(Some(Role::Member)), key);
    let AppendOutcome::New { heir: None, .. } = append_one(store, room, takes("alice", "")).await else {
        panic!("nobody follows whoever is alone");
    };
    append_one(store, room, by_host("alice", MemberStep::Add(Some(Role::Owner)), "")).await;
    for name in ["dave", "carol"] {
        append_one(store, room, change(name, name, MemberStep::Join, "")).await;
    }
    let AppendOutcome::New { event, heir: Some(heir), .. } = append_one(store, room, takes("alice", "")).await else {
        panic!("somebody follows");
    };
    assert_eq!((event.seq, heir.seq, &heir.actor), (Seq(5), Seq(6), &None));
    let member = heir.member().unwrap();
    assert_eq!((&member.user, member.role), (&user("dave"), Some(Role::Owner)), "Alice has been in for longer");
    let all = [("dave", Role::Owner), ("alice", Role::Member), ("carol", Role::Member)];
    assert_eq!(members(store, room).await, listed(&all));
    let batch = vec![takes("dave", "1"), by_host("alice", MemberStep::Remove, "2")];
    append(store, room, batch).await;
    assert_eq!(members(store, room).await, listed(&[("dave", Role::Owner), ("carol", Role::Member)]));
    assert_eq!(log(store, room).await.len(), 10, "each time with who follows");
}

/// When nobody is left in a private room, that is its end, by who left: in a transaction of its own, and what stood behind it
/// keeps its turn.
pub async fn the_last_to_leave_a_private_room_ends_it(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "secret", RoomKind::Private).await;
    let entries = vec![
        message(&user("alice"), "x", "1"),
        change("alice", "alice", MemberStep::Leave, "2"),
        message(&user("alice"), "x", "3"),
    ];
    let outcomes = append(store, room, entries.clone()).await;
    let [AppendOutcome::New { .. }, AppendOutcome::PutOff(leave), AppendOutcome::PutOff(rest)] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert!(leave.op.is_exclusive() && **rest == entries[2]);
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(1));
    let AppendOutcome::New { event, .. } = append_one(store, room, Entry::clone(leave)).await else {
        panic!("the room did not end");
    };
    let end = (&event.kind, &event.actor, event.seq);
    assert_eq!(end, (&crate::EventKind::RoomDeleted, &Some(user("alice")), Seq(2)));
    assert_eq!(store.room(room).await.unwrap(), None);
    assert!(try_append(store, room, vec![Entry::clone(rest)]).await.is_none());
    while store.purge(100).await.unwrap() > 0 {}
    assert!(store.members().rooms_of(&user("alice").id, None, 10).await.unwrap().is_empty());
    // Judged again when somebody else has come in, it is a leave.
    let room = owned_room(store, "other", RoomKind::Private).await;
    let outcome = append_one(store, room, change("alice", "alice", MemberStep::Remove, "4")).await;
    let AppendOutcome::PutOff(leave) = outcome else { panic!("{outcome:?}") };
    append_one(store, room, change("alice", "bob", MemberStep::Add(Some(Role::Owner)), "5")).await;
    assert_eq!(changed(store, room, *leave).await, Ok(Some(MemberChange::Left)));
    assert_eq!(members(store, room).await, listed(&[("bob", Role::Owner)]));
}

/// Members are listed by role, then by id, page by page, and by the beginning of their names.
pub async fn members_are_listed_by_role(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    let id = |number: usize| format!("user-{number:02}");
    let entries = (0..20).map(|number| {
        let name = if number % 2 == 0 { format!("Éva {number}") } else { format!("Zoe {number}") };
        let user = Identity::new(&id(number), &name).unwrap();
        let role = if number >= 18 { Role::Moderator } else { Role::Member };
        let op = MemberOp { user, step: MemberStep::Add(Some(role)), reason: None, is_alone: false };
        entry(&user_of("alice"), &number.to_string(), Op::Member(op))
    });
    append(store, room, entries.collect()).await;
    let read = async |query: MemberQuery| store.members().members(room, &query).await.unwrap().unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = read(MemberQuery { limit: 3, after, ..MemberQuery::default() }).await;
        found.extend(page.members.into_iter().map(|member| member.user.id.to_string()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let expected: Vec<_> = std::iter::once("alice".to_owned()).chain((18..20).chain(0..18).map(id)).collect();
    assert_eq!(found, expected);
    let moderators = read(MemberQuery { role: Some(Role::Moderator), ..MemberQuery::default() }).await.members;
    assert_eq!(moderators.len(), 2);
    let prefix = Some(crate::fold::fold("éVA 1"));
    let evas = read(MemberQuery { name_prefix: prefix, ..MemberQuery::default() }).await.members;
    let evas: Vec<_> = evas.iter().map(|member| member.user.name.as_str()).collect();
    assert_eq!(evas, ["Éva 18", "Éva 10", "Éva 12", "Éva 14", "Éva 16"]);
    assert_eq!(store.members().members(RoomId(999), &MemberQuery::default()).await.unwrap(), None);
    let one = async |room, whom: &str| store.members().member(room, &UserId::new(whom).unwrap()).await.unwrap();
    assert_eq!(one(room, "user-18").await, moderators_first(&read(MemberQuery::default()).await));
    assert_eq!(one(room, "nobody").await, None);
    assert_eq!(one(RoomId(999), "user-18").await, None);
}

fn moderators_first(page: &MemberPage) -> Option<Member> {
    page.members.iter().find(|member| member.role == Role::Moderator).cloned()
}

fn user_of(name: &str) -> Identity {
    user(name)
}

/// What several users are is read at once, with what it is as of.
pub async fn standings_are_read_at_once(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "secret", RoomKind::Private).await;
    append_one(store, room, change("alice", "bob", MemberStep::Add(None), "1")).await;
    append_one(store, room, change("alice", "bob", MemberStep::Mute(None), "2")).await;
    append_one(store, room, change("alice", "carol", MemberStep::Ban(None), "3")).await;
    let users: Vec<UserId> = ["alice", "bob", "carol", "dave"].map(|name| user(name).id).to_vec();
    let found = store.members().standings(room, &users).await.unwrap().unwrap();
    assert_eq!(found.at, Seq(3));
    let of = |name: &str| found.users.get(&user(name).id).copied().unwrap_or_default();
    let good = Some(crate::Until::ForGood);
    assert_eq!(of("alice"), Standing { role: Some(Role::Owner), ..Standing::default() });
    assert_eq!(of("bob"), Standing { role: Some(Role::Member), muted: good, banned: None });
    assert_eq!(of("carol"), Standing { banned: good, ..Standing::default() });
    assert_eq!(of("dave"), Standing::default());
    let terms = RoomTerms { kind: RoomKind::Private, owned: true, invites: InvitedBy::Members };
    assert_eq!(found.terms, terms);
    assert_eq!(store.members().standings(RoomId(999), &users).await.unwrap(), None);
    let end = Entry { by_system: true, ..Entry::new(None, made_up(), NOW, Op::DeleteRoom) };
    append_one(store, room, end).await;
    assert_eq!(
        store.members().standings(room, &users).await.unwrap(),
        None,
        "nobody is anything in a room that is gone"
    );
}

/// Coming in marks the room as read up to there, for who has no mark.
pub async fn whoever_comes_in_has_read_it(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    sent(store, room, "alice", "1").await.unwrap();
    sent(store, room, "dave", "2").await.unwrap();
    sent(store, room, "alice", "3").await.unwrap();
    for (number, name) in ["bob", "dave"].into_iter().enumerate() {
        append_one(store, room, change(name, name, MemberStep::Join, &format!("join {number}"))).await;
    }
    sent(store, room, "alice", "4").await.unwrap();
    let marks = store.reader().marks(room, None, None, 10).await.unwrap().unwrap().marks;
    let marks: Vec<_> = marks.into_iter().map(|mark| (mark.user.id.to_string(), mark.seq.0)).collect();
    assert_eq!(marks, [("alice".to_owned(), 6), ("bob".to_owned(), 4), ("dave".to_owned(), 2)]);
}

/// A private room has no name to itself; one that becomes public wants it.
pub async fn a_private_room_keeps_no_name_from_others(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    let kind =
        |kind| entry(&user("alice"), "", Op::UpdateRoom(RoomUpdate { kind: Some(kind), ..RoomUpdate::default() }));
    let private = append_one(store, room, Entry { key: key("1"), ..kind(RoomKind::Private) }).await;
    assert_eq!(new_seq(&private), Seq(1));
    let found = store.room(room).await.unwrap().unwrap();
    assert_eq!((found.kind, found.rights_seq), (RoomKind::Private, Seq(1)));
    assert_eq!(store.room_by_name("general").await.unwrap(), None);
    let other = make_room(store, "General").await;
    let refused = append_one(store, room, Entry { key: key("2"), ..kind(RoomKind::Public) }).await;
    let AppendOutcome::Refused(Error::NameTaken { room: Some(holder) }) = refused else { panic!("{refused:?}") };
    assert_eq!(holder.id, other);
    super::delete(store, other).await;
    let public = append_one(store, room, Entry { key: key("3"), ..kind(RoomKind::Public) }).await;
    assert_eq!(new_seq(&public), Seq(2));
    assert_eq!(store.room_by_name("general").await.unwrap().unwrap().id, room);
    let invites = RoomUpdate { invites: Some(InvitedBy::Moderators), ..RoomUpdate::default() };
    let invites = append_one(store, room, entry(&user("alice"), "4", Op::UpdateRoom(invites))).await;
    assert_eq!(new_seq(&invites), Seq(3));
    append_one(store, room, change("bob", "bob", MemberStep::Join, "5")).await;
    let refused = changed(store, room, change("bob", "carol", MemberStep::Add(None), "6")).await;
    assert_eq!(refused, Err(Error::Forbidden));
    let open = make_room(store, "open").await;
    assert_eq!(said(append_one(store, open, kind(RoomKind::Private)).await), Err(Error::Forbidden), "for good");
}

fn key(key: &str) -> EventKey {
    EventKey::from_stored(key)
}

/// A room is taken along with who is in it, and who is kept out.
pub async fn members_are_taken_along(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "secret", RoomKind::Private).await;
    append_one(store, room, change("alice", "bob", MemberStep::Add(None), "1")).await;
    append_one(store, room, change("alice", "carol", MemberStep::Ban(None), "2")).await;
    append_one(store, room, change("alice", "bob", MemberStep::Mute(None), "3")).await;
    let head = store.archive().head(room).await.unwrap().unwrap();
    assert_eq!(head.terms, store.room(room).await.unwrap().unwrap().terms());
    let events = log(store, room).await;
    let events = events.iter().map(|stored| Archived::Event(ArchivedEvent::of(stored, Seq(1))));
    let page = store.members().members(room, &MemberQuery::default()).await.unwrap().unwrap();
    let all = page.members.into_iter().map(|member| Archived::Member(Member { muted: None, ..member }));
    let mut items: Vec<_> = events.chain(all).collect();
    for kind in [RestrictionKind::Ban, RestrictionKind::Mute] {
        let page = store.members().restrictions(room, kind, NOW, None, 10).await.unwrap().unwrap();
        items.extend(page.restrictions.into_iter().map(|restriction| Archived::Restriction(kind, restriction)));
    }
    let copy = store.archive().begin_import(&head).await.unwrap();
    assert_eq!(store.archive().import(copy, &items).await.unwrap(), Some(Ok(())));
    let name = RoomName::new("copy").unwrap();
    store.archive().finish_imports(&[(copy, name, None)]).await.unwrap().unwrap().unwrap();
    let found = store.room(copy).await.unwrap().unwrap();
    assert_eq!((found.kind, found.owned, found.members), (RoomKind::Private, true, 2));
    assert_eq!(store.room_by_name("copy").await.unwrap(), None, "a private room has no name to itself");
    assert_eq!(members(store, copy).await, members(store, room).await);
    assert_eq!(sent(store, copy, "bob", "4").await, Err(Error::Muted { until: None }));
    assert_eq!(sent(store, copy, "carol", "5").await, Err(Error::RoomNotFound));
    assert_eq!(sent(store, copy, "alice", "6").await, Ok(Seq(4)));
    assert_eq!(
        changed(store, copy, change("alice", "carol", MemberStep::Add(None), "7")).await,
        Err(Error::Banned { until: None })
    );
}

/// Nothing of who is erased is left in what has happened with members, and in who keeps whom out.
pub async fn an_erased_user_is_nobody_among_members(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    append_one(store, room, change("alice", "mallory", MemberStep::Add(Some(Role::Moderator)), "1")).await;
    let because = MemberOp {
        user: user("eve"),
        step: MemberStep::Ban(None),
        reason: Some(crate::Reason::new("as mallory says").unwrap()),
        is_alone: false,
    };
    append_one(store, room, entry(&user("mallory"), "2", Op::Member(because))).await;
    append_one(store, room, change("alice", "mallory", MemberStep::Mute(None), "3")).await;
    append_one(store, room, by_host("mallory", MemberStep::Remove, "4")).await;
    let new_id = UserId::of_erased(7);
    let erasure = Erasure { user: user("mallory").id, new_id: new_id.clone(), mode: Erase::Redact, at: NOW };
    let erasure = store.eraser().begin(&erasure).await.unwrap();
    let part = LogPart { room, first: Seq(1), last: Seq(4) };
    assert_eq!(store.eraser().replace(&erasure, part).await.unwrap(), 4);
    while store.eraser().forget_marks(&erasure.user, 10).await.unwrap() > 0 {}
    assert!(store.eraser().finish(&erasure).await.unwrap());
    let events = log(store, room).await;
    assert!(!format!("{events:?}").contains("mallory"), "{events:#?}");
    let added = events[0].event.member().unwrap();
    assert_eq!((&added.user.id, added.change, added.role), (&new_id, MemberChange::Added, Some(Role::Moderator)));
    let bans = store.members().restrictions(room, RestrictionKind::Ban, NOW, None, 10).await.unwrap().unwrap();
    let ban = &bans.restrictions[0];
    assert_eq!((&ban.user, &ban.by, &ban.reason), (&user("eve"), &None, &None));
    let mutes = store.members().restrictions(room, RestrictionKind::Mute, NOW, None, 10).await.unwrap().unwrap();
    assert_eq!(mutes.restrictions, []);
    assert_eq!(members(store, room).await, listed(&[("alice", Role::Owner)]));
}
