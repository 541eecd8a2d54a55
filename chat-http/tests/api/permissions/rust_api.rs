//! The Rust API.

use chat_core::{
    AuditQuery, Change, ChangeMember, Draft, Edit, HistoryQuery, InvitedBy, MarkTo, MemberQuery, NewInvite,
    RestrictionKind, Role, RoomChange, RoomKind, rights::RoomAction, search::SearchQuery,
};

use super::{
    Outcome, Scene,
    stage::{NEWCOMER, OTHER, code, user},
};

/// Tries an action by each of its calls. `RoomAction`s without a call of their own have none.
pub(crate) async fn call(scene: &Scene<'_>, action: RoomAction) -> Vec<Outcome> {
    let (engine, room, actor) = (&scene.stage.engine, scene.room, scene.actor());
    let (own, others) = (scene.own, scene.others);
    let change = async |change| code(&engine.change(&actor, room, change).await);
    let member = async |change| code(&engine.change_member(&actor, room, change).await);
    match action {
        RoomAction::Read => read(scene).await,
        RoomAction::Mark => vec![("mark", code(&engine.mark(&actor, room, MarkTo::seq(others)).await))],
        RoomAction::Write => vec![
            ("send", code(&engine.send(&actor, room, Draft::text("a")).await)),
            ("send in a thread", code(&engine.send(&actor, room, Draft::text("a").in_thread(others)).await)),
            ("react", change(Change::react(others, "+1")).await),
            ("take back a reaction", change(Change::unreact(others, "+1")).await),
            ("edit", change(Change::edit(own, Edit::text("b"))).await),
        ],
        RoomAction::DeleteOwn => vec![("delete", change(Change::delete(own)).await)],
        RoomAction::Pin => {
            vec![("pin", change(Change::pin(others)).await), ("unpin", change(Change::unpin(others)).await)]
        }
        RoomAction::MentionRoom => {
            let mut draft = Draft::text("all");
            draft.body.mentions_room = true;
            vec![("send", code(&engine.send(&actor, room, draft).await))]
        }
        RoomAction::DeleteOthers => vec![("delete", change(Change::delete(others)).await)],
        RoomAction::Update => {
            let topic = RoomChange::default().topic("new");
            vec![("update_room", code(&engine.update_room(&actor, room, topic).await))]
        }
        RoomAction::ChangeKind => {
            let other = if scene.sort.kind() == RoomKind::Public { RoomKind::Private } else { RoomKind::Public };
            let kind = RoomChange::default().kind(other);
            vec![("update_room", code(&engine.update_room(&actor, room, kind).await))]
        }
        RoomAction::ChangeInvites => {
            let invites = RoomChange::default().invites(InvitedBy::Moderators);
            vec![("update_room", code(&engine.update_room(&actor, room, invites).await))]
        }
        RoomAction::Join => vec![("join", code(&engine.join(&actor, room).await))],
        RoomAction::Leave => vec![("leave", code(&engine.leave(&actor, room).await))],
        RoomAction::Add => vec![("add", member(ChangeMember::add(user(NEWCOMER))).await)],
        RoomAction::Invite => {
            vec![("create_invite", code(&engine.create_invite(&actor, room, NewInvite::default()).await))]
        }
        RoomAction::Remove => vec![("remove", member(ChangeMember::remove(user(OTHER))).await)],
        RoomAction::Ban => vec![
            ("ban", member(ChangeMember::ban(user(OTHER), None)).await),
            ("unban", member(ChangeMember::unban(user(OTHER))).await),
        ],
        RoomAction::Mute => vec![
            ("mute", member(ChangeMember::mute(user(OTHER), None)).await),
            ("unmute", member(ChangeMember::unmute(user(OTHER))).await),
        ],
        RoomAction::GiveRoles => vec![("add", member(ChangeMember::add(user(OTHER)).role(Role::Moderator)).await)],
        RoomAction::Audit => {
            let mut outcomes = Vec::new();
            for kind in [RestrictionKind::Ban, RestrictionKind::Mute] {
                outcomes.push(("restrictions", code(&engine.restrictions(&actor, room, kind, None, 10).await)));
            }
            outcomes.push(("audit", code(&engine.audit(&actor, room, AuditQuery::default()).await)));
            outcomes
        }
        RoomAction::Delete => vec![("delete_room", code(&engine.delete_room(&actor, room).await))],
        _ => vec![],
    }
}

async fn read(scene: &Scene<'_>) -> Vec<Outcome> {
    let (engine, room, actor) = (&scene.stage.engine, scene.room, scene.actor());
    let search = SearchQuery { room: Some(room), ..SearchQuery::new("hello").unwrap() };
    vec![
        ("room", code(&engine.room(&actor, room).await)),
        ("history", code(&engine.history(&actor, room, HistoryQuery::newest()).await)),
        ("message", code(&engine.message(&actor, room, scene.others).await)),
        ("versions", code(&engine.versions(&actor, room, scene.others).await)),
        ("reactors", code(&engine.reactors(&actor, room, scene.others, None, 10).await)),
        ("thread", code(&engine.thread(&actor, room, scene.others, HistoryQuery::newest()).await)),
        ("pins", code(&engine.pins(&actor, room).await)),
        ("marks", code(&engine.marks(&actor, room, None, 10).await)),
        ("presence", code(&engine.presence(&actor, room).await)),
        ("members", code(&engine.members(&actor, room, MemberQuery::default()).await)),
        ("search", code(&engine.search(&actor, search).await)),
    ]
}
