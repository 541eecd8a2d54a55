//! Who is in rooms, as sessions see it.

use super::{connect, engine_on, memory, text, user};
use crate::{
    Actor, ChangeMember, Changed, ChatEngine, DetachReason, Erase, Error, EventKind, Identity, Item, Limits,
    MemberChange, MemberQuery, NewRoom, RestrictionKind, Role, RoomChange, RoomId, Since, Timestamp, Update,
};

async fn owned() -> (ChatEngine, RoomId) {
    let engine = engine_on(memory(), Limits::default()).await;
    let room = engine.create_room(&user("alice"), NewRoom::named("general")).await.unwrap();
    assert!(room.owned && room.members == 1);
    (engine, room.id)
}

async fn roles(engine: &ChatEngine, room: RoomId) -> Vec<(String, Role)> {
    let page = engine.members(Actor::System, room, MemberQuery::default()).await.unwrap();
    page.members.into_iter().map(|member| (member.user.id.to_string(), member.role)).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_is_banned_hears_so_as_the_last_of_the_room() {
    let (engine, room) = owned().await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    let ban = ChangeMember::ban(user("bob").id, None).reason("spam");
    engine.change_member(&user("alice"), room, ban).await.unwrap();
    engine.send(&user("alice"), room, text("after")).await.unwrap();
    assert_eq!(bob.send(room, text("still")).await.unwrap_err(), Error::Banned { until: None });
    assert_eq!(bob.attach(room, Since::Now).await.unwrap_err(), Error::Banned { until: None });
    bob.close();
    let mut heard = Vec::new();
    while let Some(update) = updates.next().await {
        match update {
            Update::Delivery(delivery) => {
                if let Item::Event(event) = delivery.item() {
                    let EventKind::Member(member) = &event.kind else { panic!("{event:?}") };
                    assert_eq!(member.reason.as_ref().unwrap().as_str(), "spam");
                    heard.push(format!("{} {}", event.seq, member.change.as_str()));
                }
            }
            Update::Detached(of, reason) => {
                assert_eq!((of, reason), (room, DetachReason::Banned));
                heard.push("detached".to_owned());
            }
            Update::Notice(_) | Update::Answer(..) | Update::Closed(_) => {}
        }
    }
    assert_eq!(heard, ["1 banned", "detached"]);
    let bans = engine.restrictions(&user("alice"), room, RestrictionKind::Ban, None, 10).await.unwrap();
    assert_eq!(bans.restrictions[0].by, Some(user("alice")));
    let refused = engine.restrictions(&user("carol"), room, RestrictionKind::Ban, None, 10).await;
    assert_eq!(refused.unwrap_err(), Error::Forbidden);
}

#[tokio::test]
async fn a_room_that_somebody_owns_is_not_everybodys() {
    let (engine, room) = owned().await;
    let rename = || RoomChange { name: Some("mine".into()), ..RoomChange::default() };
    assert_eq!(engine.update_room(&user("bob"), room, rename()).await.unwrap_err(), Error::Forbidden);
    assert_eq!(engine.update_room(Actor::Anonymous, room, rename()).await.unwrap_err(), Error::Unauthenticated);
    assert_eq!(engine.delete_room(&user("bob"), room).await.unwrap_err(), Error::Forbidden);
    engine.update_room(&user("alice"), room, rename()).await.unwrap();
    let admin = user("root").as_admin();
    engine.update_room(&admin, room, RoomChange { topic: Some("x".into()), ..RoomChange::default() }).await.unwrap();
    // What a guest makes is nobody's, unless it is said whose it is.
    let guest = user("guest").as_guest();
    let open = engine.create_room(&guest, NewRoom::named("open")).await.unwrap();
    assert!(!open.owned);
    engine.delete_room(Actor::Anonymous, open.id).await.unwrap();
    let theirs = engine.create_room(Actor::System, NewRoom::named("theirs").owner(user("bob"))).await.unwrap();
    assert_eq!(roles(&engine, theirs.id).await, [("bob".to_owned(), Role::Owner)]);
}

#[tokio::test]
async fn members_come_and_go_and_get_roles() {
    let (engine, room) = owned().await;
    let (alice, bob) = (user("alice"), user("bob"));
    assert_eq!(engine.join(&bob, room).await.unwrap().members, 2);
    let again = engine.change_member(&bob, room, ChangeMember::join()).await.unwrap();
    assert_eq!(again, Changed::Unchanged { count: None });
    let add = ChangeMember::add(crate::UserId::new("17").unwrap()).named("Carol").role(Role::Moderator).key("k");
    for replayed in [false, true] {
        let changed = engine.change_member(&alice, room, add.clone()).await.unwrap();
        let Changed::Stored { event, replayed: is_replay } = changed else { panic!("{changed:?}") };
        let EventKind::Member(member) = &event.kind else { panic!("{event:?}") };
        assert_eq!((member.change, is_replay), (MemberChange::Added, replayed));
        assert_eq!(member.user, Identity::new("17", "Carol").unwrap());
    }
    let expected = [("alice", Role::Owner), ("17", Role::Moderator), ("bob", Role::Member)];
    assert_eq!(roles(&engine, room).await, expected.map(|(user, role)| (user.to_owned(), role)));
    assert_eq!(engine.leave(&alice, room).await.unwrap_err(), Error::LastOwner);
    engine.leave(&bob, room).await.unwrap();
    engine.leave(&bob, room).await.unwrap();
    let past = ChangeMember::mute(bob.id.clone(), Some(Timestamp(1)));
    let refused = engine.change_member(&alice, room, past).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidField { field, .. } if field == "until"));
    let own = engine.change_member(&alice, room, ChangeMember::ban(alice.id.clone(), None)).await.unwrap_err();
    assert!(matches!(own, Error::InvalidField { field, .. } if field == "user"));
}

#[tokio::test]
async fn whoever_is_erased_is_in_no_room_and_somebody_else_owns_what_they_owned() {
    let (engine, room) = owned().await;
    engine.join(&user("bob"), room).await.unwrap();
    engine.change_member(&user("alice"), room, ChangeMember::mute(user("bob").id, None)).await.unwrap();
    engine.erase_user(&user("alice").id, Erase::Anonymise, |_| {}).await.unwrap();
    assert_eq!(roles(&engine, room).await, [("bob".to_owned(), Role::Owner)]);
    let mutes = engine.restrictions(Actor::System, room, RestrictionKind::Mute, None, 10).await.unwrap();
    assert_eq!(mutes.restrictions[0].by, None);
    let events = engine.inner().services.store.events_after(room, crate::Seq(0), 100).await.unwrap();
    assert!(!format!("{events:?}").contains("alice"), "{events:#?}");
}

#[tokio::test]
async fn whoever_closes_an_account_leaves_every_room_to_the_others() {
    let (engine, room) = owned().await;
    let (bob, mut updates) = connect(&engine, "bob");
    engine.join(&user("bob"), room).await.unwrap();
    let own = engine.create_room(&user("alice"), NewRoom::named("her own")).await.unwrap();
    bob.attach(room, Since::Now).await.unwrap();
    engine.leave_all(&user("alice").id, "closed").await.unwrap();
    assert_eq!(roles(&engine, room).await, [("bob".to_owned(), Role::Owner)]);
    assert_eq!(roles(&engine, own.id).await, [], "a public room stays, also with nobody in it");
    bob.close();
    let mut left = None;
    while let Some(update) = updates.next().await {
        if let Update::Delivery(delivery) = update
            && let Item::Event(event) = delivery.item()
            && let EventKind::Member(member) = &event.kind
            && member.change == MemberChange::Left
        {
            left = Some((event.actor.clone(), member.clone()));
        }
    }
    let (actor, member) = left.unwrap();
    assert_eq!((actor, member.user, member.reason.unwrap().as_str()), (None, user("alice"), "closed"));
    engine.leave_all(&user("alice").id, "closed").await.unwrap();
    assert_eq!(engine.leave_all(&user("alice").id, "\u{1}").await, Ok(()), "there is nothing to leave any more");
}

#[tokio::test]
async fn a_member_who_types_without_attaching_is_told_so_and_a_stranger_that_there_is_no_room() {
    let engine = engine_on(memory(), Limits::default()).await;
    let alice = user("alice");
    let private = engine.create_room(&alice, NewRoom::named("ours").private()).await.unwrap().id;
    let direct = engine.direct(&alice, user("bob").id, None).await.unwrap().room.id;
    for (name, answers) in [
        ("alice", [Error::NotAttached, Error::NotAttached]),
        ("bob", [Error::RoomNotFound, Error::NotAttached]),
        ("carol", [Error::RoomNotFound, Error::RoomNotFound]),
    ] {
        let (session, _updates) = connect(&engine, name);
        for (room, answer) in [private, direct].into_iter().zip(answers) {
            assert_eq!(session.typing(room, true).await, Err(answer.clone()), "{name}");
            assert_eq!(session.typing(room, false).await, Err(answer), "{name}");
        }
    }
}
