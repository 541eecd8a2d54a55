//! What holds for invites, and for the audit.

#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else is answered fails the test")]

use super::{
    Opener, append_one, entry,
    members::{by_host, change, changed, made_up, owned_room},
    message, user,
};
use crate::{
    AuditQuery, Erase, EventKind, Invite, InviteCode, InvitedBy, Keep, MemberChange, NewInvite, RoomId, RoomKind, Seq,
    Timestamp, Topic,
    append::{AppendOutcome, Entry, InviteOp, MemberStep, Op, RoomUpdate},
    erasure::Erasure,
    error::Error,
    store::Store,
};

const HOUR: i64 = 3_600_000_000;

/// The time of an entry that says nothing else.
fn now() -> Timestamp {
    entry(&user("alice"), "k", Op::DeleteRoom).at
}

fn later(hours: i64) -> Timestamp {
    Timestamp(now().0 + hours * HOUR)
}

fn about(actor: &str, op: InviteOp) -> Entry {
    Entry { key: made_up(), ..entry(&user(actor), "k", Op::Invite(op)) }
}

fn made(outcome: AppendOutcome) -> Result<Invite, Error> {
    match outcome {
        AppendOutcome::Invited(invite) => Ok(*invite),
        AppendOutcome::Refused(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// Makes an invite with this number as its code.
async fn invite(store: &dyn Store, room: RoomId, by: &str, code: u128, new: NewInvite) -> Result<Invite, Error> {
    let op = InviteOp::Make(InviteCode::from_bits(code), new);
    made(append_one(store, room, about(by, op)).await)
}

async fn revoke(store: &dyn Store, room: RoomId, by: &str, code: u128) -> Result<(), Error> {
    match append_one(store, room, about(by, InviteOp::Revoke(InviteCode::from_bits(code)))).await {
        AppendOutcome::Unchanged { .. } => Ok(()),
        AppendOutcome::Refused(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// That somebody comes in by an invite.
fn accept(who: &str, code: u128) -> Entry {
    change(who, who, MemberStep::Accept(InviteCode::from_bits(code)), "")
}

async fn accepted(store: &dyn Store, room: RoomId, who: &str, code: u128) -> Result<Option<MemberChange>, Error> {
    changed(store, room, accept(who, code)).await
}

/// The codes and uses of the invites that are listed.
async fn listed(store: &dyn Store, room: RoomId, by: Option<&str>, at: Timestamp) -> Vec<(u128, u64)> {
    let by = by.map(|by| user(by).id);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.moderation().invites(room, by.as_ref(), at, after, 2).await.unwrap().unwrap();
        let code = |invite: &Invite| u128::from_str_radix(&invite.code.to_string(), 16).unwrap();
        all.extend(page.invites.iter().map(|invite| (code(invite), invite.uses)));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

const UNLIMITED: NewInvite = NewInvite { lifetime: std::time::Duration::from_secs(7_200), max_uses: None };
const TWICE: NewInvite = NewInvite { max_uses: Some(2), ..UNLIMITED };

/// No more users come in than an invite says, however many try at once. Whoever is counted may use it again.
pub async fn an_invite_is_not_used_once_too_often(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "closed", RoomKind::Private).await;
    let made = invite(store, room, "alice", 7, TWICE).await.unwrap();
    let expected = Invite {
        code: InviteCode::from_bits(7),
        room,
        by: Some(user("alice")),
        created_at: now(),
        expires_at: later(2),
        max_uses: Some(2),
        uses: 0,
    };
    assert_eq!(made, expected);
    assert_eq!(store.moderation().invite(made.code).await.unwrap(), Some(expected));
    let users: Vec<_> = (0..8).map(|number| format!("u{number}")).collect();
    let at_once = futures::future::join_all(users.iter().map(|who| accepted(store, room, who, 7))).await;
    let (inside, outside): (Vec<_>, Vec<_>) = users.iter().zip(&at_once).partition(|(_, outcome)| outcome.is_ok());
    assert_eq!(inside.len(), 2, "{at_once:?}");
    assert!(inside.iter().all(|(_, outcome)| **outcome == Ok(Some(MemberChange::Joined))), "{at_once:?}");
    assert!(outside.iter().all(|(_, outcome)| **outcome == Err(Error::RoomNotFound)), "{at_once:?}");
    assert_eq!(listed(store, room, None, now()).await, [(7, 2)]);
    let (first, other) = (inside[0].0, outside[0].0);
    assert_eq!(accepted(store, room, first, 7).await, Ok(None), "who is in stays in");
    changed(store, room, by_host(first, MemberStep::Remove, "")).await.unwrap();
    assert_eq!(accepted(store, room, first, 7).await, Ok(Some(MemberChange::Joined)), "and comes again");
    assert_eq!(accepted(store, room, other, 7).await, Err(Error::RoomNotFound));
    assert_eq!(listed(store, room, None, now()).await, [(7, 2)]);
    // In one batch, too, and not counted for who is in already.
    invite(store, room, "alice", 8, NewInvite { max_uses: Some(1), ..UNLIMITED }).await.unwrap();
    let batch = ["alice", "x", "y"].map(|who| accept(who, 8)).to_vec();
    let outcomes = super::append(store, room, batch).await;
    assert!(matches!(&outcomes[0], AppendOutcome::Unchanged { .. }), "{outcomes:?}");
    assert!(matches!(&outcomes[1], AppendOutcome::New { .. }), "{outcomes:?}");
    assert_eq!(outcomes[2], AppendOutcome::Refused(Error::RoomNotFound));
    assert_eq!(listed(store, room, None, now()).await, [(7, 2), (8, 1)]);
}

/// It is over at its end, or when it is revoked; and who is banned does not come in.
pub async fn an_invite_ends(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let closed = owned_room(store, "closed", RoomKind::Private).await;
    let open = owned_room(store, "open", RoomKind::Public).await;
    for (room, code) in [(closed, 1), (closed, 2), (open, 3)] {
        invite(store, room, "alice", code, UNLIMITED).await.unwrap();
    }
    assert_eq!(accepted(store, closed, "bob", 9).await, Err(Error::RoomNotFound), "there is no such invite");
    assert_eq!(accepted(store, closed, "bob", 3).await, Err(Error::RoomNotFound), "it leads to another room");
    let at = |hours| Entry { at: later(hours), ..accept("bob", 1) };
    assert_eq!(changed(store, closed, at(2)).await, Err(Error::RoomNotFound), "it is over at its end");
    assert_eq!(changed(store, closed, at(1)).await, Ok(Some(MemberChange::Joined)));
    assert!(listed(store, closed, None, later(2)).await.is_empty());
    assert_eq!(revoke(store, closed, "alice", 2).await, Ok(()));
    assert_eq!(revoke(store, closed, "alice", 2).await, Ok(()), "it is gone already");
    assert_eq!(accepted(store, closed, "carol", 2).await, Err(Error::RoomNotFound));
    assert_eq!(store.moderation().invite(InviteCode::from_bits(2)).await.unwrap(), None);
    for room in [closed, open] {
        changed(store, room, change("alice", "dave", MemberStep::Ban(None), "")).await.unwrap();
    }
    assert_eq!(accepted(store, closed, "dave", 1).await, Err(Error::RoomNotFound));
    assert_eq!(accepted(store, open, "dave", 3).await, Err(Error::Banned { until: None }));
    append_one(store, closed, entry(&user("alice"), "end", Op::DeleteRoom)).await;
    assert_eq!(store.moderation().invite(InviteCode::from_bits(1)).await.unwrap(), None, "the room is gone");
    assert_eq!(store.moderation().invites(closed, None, now(), None, 10).await.unwrap(), None);
    while store.purge(100).await.unwrap() > 0 {}
    invite(store, open, "alice", 1, UNLIMITED).await.unwrap();
}

/// Who may bring others in may invite; who has made an invite and moderators revoke it.
pub async fn who_may_invite_is_judged_in_turn(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "closed", RoomKind::Private).await;
    for who in ["bob", "carol"] {
        changed(store, room, change("alice", who, MemberStep::Add(None), "")).await.unwrap();
    }
    assert_eq!(invite(store, room, "stranger", 1, UNLIMITED).await.unwrap_err(), Error::RoomNotFound);
    invite(store, room, "bob", 1, UNLIMITED).await.unwrap();
    invite(store, room, "carol", 2, UNLIMITED).await.unwrap();
    assert_eq!(listed(store, room, Some("bob"), now()).await, [(1, 0)]);
    assert_eq!(listed(store, room, None, now()).await, [(1, 0), (2, 0)]);
    assert_eq!(revoke(store, room, "bob", 2).await, Err(Error::Forbidden));
    assert_eq!(revoke(store, room, "bob", 1).await, Ok(()));
    assert_eq!(revoke(store, room, "alice", 2).await, Ok(()));
    let moderators = RoomUpdate { invites: Some(InvitedBy::Moderators), ..RoomUpdate::default() };
    append_one(store, room, Entry { key: made_up(), ..entry(&user("alice"), "k", Op::UpdateRoom(moderators)) }).await;
    assert_eq!(invite(store, room, "bob", 1, UNLIMITED).await.unwrap_err(), Error::Forbidden);
    let make = InviteOp::Make(InviteCode::from_bits(5), UNLIMITED);
    let by_host = Entry { actor: None, by_system: true, ..about("host", make) };
    assert_eq!(made(append_one(store, room, by_host).await).unwrap().by, None);
    assert_eq!(revoke(store, room, "bob", 5).await, Err(Error::Forbidden));
}

/// A room has so many invites and no more; those that are over make way.
pub async fn there_are_not_too_many_invites(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "closed", RoomKind::Private).await;
    let make = |code| about("alice", InviteOp::Make(InviteCode::from_bits(code), UNLIMITED));
    let outcomes = super::append(store, room, (0..101).map(make).collect()).await;
    assert!(outcomes[..100].iter().all(|outcome| matches!(outcome, AppendOutcome::Invited(_))), "{outcomes:?}");
    assert_eq!(outcomes[100], AppendOutcome::Refused(Error::TooMany { what: "invites".into() }));
    accepted(store, room, "bob", 3).await.unwrap();
    let made = append_one(store, room, Entry { at: later(2), ..make(200) }).await;
    assert!(matches!(made, AppendOutcome::Invited(_)), "{made:?}");
    assert_eq!(listed(store, room, None, now()).await, [(200, 0)]);
}

/// Who was erased has made no invite, and was let in by none.
pub async fn an_erased_user_is_in_no_invite(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "closed", RoomKind::Private).await;
    changed(store, room, change("alice", "bob", MemberStep::Add(None), "")).await.unwrap();
    invite(store, room, "bob", 1, NewInvite { max_uses: Some(1), ..UNLIMITED }).await.unwrap();
    invite(store, room, "alice", 2, NewInvite { max_uses: Some(1), ..UNLIMITED }).await.unwrap();
    changed(store, room, by_host("bob", MemberStep::Remove, "")).await.unwrap();
    accepted(store, room, "bob", 2).await.unwrap();
    changed(store, room, by_host("bob", MemberStep::Remove, "")).await.unwrap();
    let new_id = crate::UserId::of_erased(7);
    let erasure = Erasure { user: user("bob").id, new_id, mode: Erase::Anonymise, at: now() };
    let erasure = store.eraser().begin(&erasure).await.unwrap();
    while store.eraser().forget_marks(&erasure.user, 100).await.unwrap() > 0 {}
    let found = store.moderation().invite(InviteCode::from_bits(1)).await.unwrap().unwrap();
    assert_eq!(found.by, None);
    assert_eq!(accepted(store, room, "bob", 2).await, Err(Error::RoomNotFound), "it is not known that he used it");
}

/// The audit has what happens with members and the room, and what others delete; newest first, page by page.
pub async fn the_audit_has_what_was_done(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = owned_room(store, "general", RoomKind::Public).await;
    let bob = user("bob");
    append_one(store, room, message(&bob, "one", "1")).await;
    append_one(store, room, message(&bob, "two", "2")).await;
    append_one(store, room, entry(&bob, "3", Op::Delete(Seq(1), None))).await;
    append_one(store, room, entry(&user("alice"), "4", Op::Delete(Seq(2), None))).await;
    changed(store, room, change("alice", "bob", MemberStep::Ban(None), "")).await.unwrap();
    let topic = RoomUpdate { topic: Some(Topic::new("x").unwrap()), ..RoomUpdate::default() };
    append_one(store, room, entry(&user("alice"), "6", Op::UpdateRoom(topic))).await;
    append_one(store, room, message(&user("carol"), "last", "7")).await;
    let page = |limit, before| async move {
        let query = AuditQuery { limit, before };
        let page = store.moderation().audit(room, query).await.unwrap().unwrap();
        (page.events.iter().map(|event| event.seq.0).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(page(10, None).await, (vec![6, 5, 4], None));
    assert_eq!(page(2, None).await, (vec![6, 5], Some(Seq(5))));
    assert_eq!(page(2, Some(Seq(5))).await, (vec![4], None));
    assert_eq!(page(2, Some(Seq(4))).await, (vec![], None));
    let found = store.moderation().audit(room, AuditQuery::default()).await.unwrap().unwrap();
    let EventKind::Member(member) = &found.events[1].kind else { panic!("{found:?}") };
    assert_eq!(
        (member.change, &member.user, &found.events[1].actor),
        (MemberChange::Banned, &bob, &Some(user("alice")))
    );
    let prune =
        Entry { actor: None, by_system: true, key: made_up(), ..entry(&bob, "k", Op::Prune(Keep::From(Seq(5)))) };
    append_one(store, room, prune).await;
    assert_eq!(page(10, None).await, (vec![6, 5], None), "it goes back to where the log begins");
    append_one(store, room, entry(&user("alice"), "end", Op::DeleteRoom)).await;
    assert_eq!(store.moderation().audit(room, AuditQuery::default()).await.unwrap(), None);
}
