//! The cases about who is in a room. Each is run once for each transport.

use chat_core::{Actor, ChangeMember, MemberChange, Role, UserId};

use super::client::{Client, Entry, Heard, Stage, Stored, next_event};

/// What the host does with a user in the room.
async fn host(stage: &Stage, change: ChangeMember) {
    stage.server.engine.change_member(Actor::System, stage.room, change).await.unwrap();
}

fn bob() -> UserId {
    UserId::new("Bob").unwrap()
}

pub(crate) async fn who_comes_in_and_goes_is_heard<C: Client>() {
    let stage = Stage::new().await;
    let mut alice = stage.enter::<C>("Alice").await;
    let heard = |seq, change, role| Heard::Member { seq, change, user: "Bob".to_owned(), role };
    let add = || ChangeMember::add(bob()).named("Bob");
    for (seq, change, told, role) in [
        (1, add(), MemberChange::Added, Some(Role::Member)),
        (2, add().role(Role::Moderator), MemberChange::Role, Some(Role::Moderator)),
        (3, ChangeMember::mute(bob(), None), MemberChange::Muted, None),
        (4, ChangeMember::unmute(bob()), MemberChange::Unmuted, None),
        (5, ChangeMember::remove(bob()), MemberChange::Removed, None),
        (6, ChangeMember::ban(bob(), None), MemberChange::Banned, None),
        (7, ChangeMember::unban(bob()), MemberChange::Unbanned, None),
    ] {
        host(&stage, change).await;
        assert_eq!(next_event(&mut alice).await, heard(seq, told, role));
    }
    host(&stage, ChangeMember::unmute(bob())).await;
    assert_eq!(alice.send("nothing was changed", None).await, Ok(Stored { seq: 8, replayed: false }));
}

pub(crate) async fn whoever_is_banned_hears_so_last<C: Client>() {
    let stage = Stage::new().await;
    let (mut alice, mut bobs) = (stage.enter::<C>("Alice").await, stage.enter::<C>("Bob").await);
    stage.say("before").await;
    host(&stage, ChangeMember::ban(bob(), None)).await;
    stage.say("after").await;
    let banned = Heard::Member { seq: 2, change: MemberChange::Banned, user: "Bob".to_owned(), role: None };
    for client in [&mut alice, &mut bobs] {
        assert_eq!(next_event(client).await, Heard::message(1, "Host", "before"));
        assert_eq!(next_event(client).await, banned);
    }
    assert_eq!(next_event(&mut bobs).await, Heard::End);
    assert_eq!(next_event(&mut alice).await, Heard::message(3, "Host", "after"));
    assert_eq!(C::enter(&stage, "Bob", Entry::NOW).await.err().as_deref(), Some("banned"));
}

pub(crate) async fn whoever_was_banned_does_not_resume<C: Client>() {
    let stage = Stage::new().await;
    host(&stage, ChangeMember::ban(bob(), None)).await;
    let epoch = stage.server.engine.epoch().to_string();
    assert_eq!(C::enter(&stage, "Bob", Entry::after(&epoch, 0)).await.err().as_deref(), Some("banned"));
    host(&stage, ChangeMember::unban(bob())).await;
    assert!(C::enter(&stage, "Bob", Entry::after(&epoch, 0)).await.is_ok());
}

pub(crate) async fn whoever_is_muted_hears_and_says_nothing<C: Client>() {
    let stage = Stage::new().await;
    let mut bobs = stage.enter::<C>("Bob").await;
    assert_eq!(bobs.send("said", Some("k")).await, Ok(Stored { seq: 1, replayed: false }));
    host(&stage, ChangeMember::mute(bob(), None)).await;
    assert_eq!(bobs.send("unsaid", None).await, Err("muted".to_owned()));
    assert_eq!(bobs.send("said", Some("k")).await, Ok(Stored { seq: 1, replayed: true }), "it was stored before");
    stage.say("heard").await;
    assert!(matches!(next_event(&mut bobs).await, Heard::Message { seq: 1, .. }));
    let muted = Heard::Member { seq: 2, change: MemberChange::Muted, user: "Bob".to_owned(), role: None };
    assert_eq!(next_event(&mut bobs).await, muted);
    assert_eq!(next_event(&mut bobs).await, Heard::message(3, "Host", "heard"));
}
