//! What is done outside of the rooms that are there already. It depends on how somebody comes, and on nothing else.

use chat_core::{Error, InviteCode, MyRoomQuery, NewInvite, NewRoom, Room, RoomQuery};
use poem::http::Method;
use serde_json::{Value, json};

use super::{
    Outcome,
    kind::{Kind, PASSWORD, register},
    rest::{outcome, request},
    stage::{OTHER, Stage, code, maker, user},
    websocket,
};

/// Something that is done outside of rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    ListRooms,
    FindHidden,
    ListOwn,
    MakePublic,
    MakePrivate,
    OpenDirect,
    AcceptInvite,
    Listen,
    Rename,
    ChangePassword,
    Administer,
}

/// A deed, what it is for people, and what comes of it for each of [`Kind::ALL`]: `ok`, the code of an error, `owned` or `open` for a
/// room that is made, or `hidden` for one that is not found.
type Row = (Deed, &'static str, [&'static str; Kind::ALL.len()]);

const NOBODY: &str = "unauthenticated";
const NO: &str = "forbidden";
/// The field is `owner`: a private room has one, and only the host can name somebody else.
const OWNER: &str = "invalid_field";
/// There is no such call for the host.
pub(crate) const NONE: &str = "–";

pub(crate) const TABLE: [Row; 11] = [
    (Deed::ListRooms, "list public rooms", ["ok"; Kind::ALL.len()]),
    (Deed::FindHidden, "find others' private rooms", ["hidden", "hidden", "hidden", "hidden", "hidden", "ok", "ok"]),
    (Deed::ListOwn, "list one's own rooms", [NOBODY, "ok", "ok", "ok", "ok", NOBODY, "ok"]),
    (Deed::MakePublic, "make a public room", ["open", "open", "owned", "owned", "owned", "open", "open"]),
    (Deed::MakePrivate, "make a private room", [OWNER, NO, "owned", "owned", "owned", OWNER, OWNER]),
    (Deed::OpenDirect, "open a direct room", [NOBODY, NO, "ok", "ok", "ok", NOBODY, "ok"]),
    (Deed::AcceptInvite, "come into a private room by an invite", [NOBODY, "ok", "ok", "ok", "ok", NOBODY, "ok"]),
    (Deed::Listen, "open a socket, get a ticket for one", [NOBODY, "ok", "ok", "ok", "ok", NONE, NONE]),
    (Deed::Rename, "change the name that is shown", [NOBODY, NO, "ok", "ok", "ok", NONE, NONE]),
    (Deed::ChangePassword, "change one's password", [NOBODY, NO, NO, "ok", "ok", NONE, NONE]),
    (Deed::Administer, "list accounts, log others out, close theirs", [NOBODY, NO, NO, NO, "ok", NONE, NONE]),
];

/// Tries all deeds over one way in, by somebody of each kind.
async fn try_all(least: usize, way: impl AsyncFn(&Stage, Kind, Deed) -> Vec<Outcome>) {
    let stage = Stage::new().await;
    let (mut tried, mut wrong) = (0, Vec::new());
    for (deed, _, answers) in TABLE {
        for (kind, expected) in Kind::ALL.into_iter().zip(answers) {
            for (call, outcome) in way(&stage, kind, deed).await {
                tried += 1;
                if outcome != expected {
                    wrong.push(format!("{deed:?} by {kind:?}: {call} is {outcome}, not {expected}"));
                }
            }
        }
    }
    assert!(tried >= least, "only {tried} calls");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_people_do_outside_of_rooms_over_the_rust_api() {
    try_all(45, over_rust).await;
}

#[tokio::test]
async fn what_people_do_outside_of_rooms_over_rest() {
    try_all(60, over_rest).await;
}

#[tokio::test]
async fn what_people_do_outside_of_rooms_over_sockets() {
    let way = async |stage: &Stage, kind: Kind, deed| match deed {
        Deed::Listen if !kind.is_host() => vec![("ping", websocket::ping(stage, kind).await)],
        _ => vec![],
    };
    try_all(5, way).await;
}

async fn over_rust(stage: &Stage, kind: Kind, deed: Deed) -> Vec<Outcome> {
    let (engine, actor) = (&stage.engine, stage.actor(kind));
    let new = NewRoom::named(stage.room_name());
    match deed {
        Deed::ListRooms => vec![("rooms", code(&engine.rooms(&actor, RoomQuery::default()).await))],
        Deed::FindHidden => {
            let name = private(stage).await.name.as_str().to_owned();
            let query = RoomQuery::default().name_contains(name);
            vec![("rooms", found(engine.rooms(&actor, query).await.unwrap().rooms.len()))]
        }
        Deed::ListOwn => vec![("my_rooms", code(&engine.my_rooms(&actor, MyRoomQuery::default()).await))],
        Deed::MakePublic => vec![("create_room", made(&engine.create_room(&actor, new).await))],
        Deed::MakePrivate => vec![("create_room", made(&engine.create_room(&actor, new.private()).await))],
        Deed::OpenDirect => vec![("direct", code(&engine.direct(&actor, user(OTHER), None).await))],
        Deed::AcceptInvite => vec![("accept_invite", code(&engine.accept_invite(&actor, invite(stage).await).await))],
        Deed::Listen | Deed::Rename | Deed::ChangePassword | Deed::Administer => vec![],
    }
}

async fn over_rest(stage: &Stage, kind: Kind, deed: Deed) -> Vec<Outcome> {
    if kind.is_host() {
        return vec![];
    }
    let ask = async |method, path: &str, body| request(stage, kind, method, path, body).await;
    let name = stage.room_name();
    match deed {
        Deed::ListRooms => vec![("rooms", outcome(&ask(Method::GET, "/rooms", None).await))],
        Deed::FindHidden => {
            let hidden = private(stage).await.id;
            let (_, page) = ask(Method::GET, "/rooms", None).await;
            let rooms = page["rooms"].as_array().unwrap();
            assert!(page["next"].is_null(), "all are on one page");
            vec![("rooms", found(rooms.iter().filter(|room| room["id"] == hidden.0).count()))]
        }
        Deed::ListOwn => vec![("me/rooms", outcome(&ask(Method::GET, "/me/rooms", None).await))],
        Deed::MakePublic => {
            vec![("rooms", created(&ask(Method::POST, "/rooms", Some(json!({"name": name}))).await))]
        }
        Deed::MakePrivate => {
            let body = json!({"name": name, "kind": "private"});
            vec![("rooms", created(&ask(Method::POST, "/rooms", Some(body)).await))]
        }
        Deed::OpenDirect => {
            vec![("direct", outcome(&ask(Method::POST, "/direct", Some(json!({"user": OTHER}))).await))]
        }
        Deed::AcceptInvite => {
            let path = format!("/invites/{}", invite(stage).await);
            vec![("invites", outcome(&ask(Method::POST, &path, None).await))]
        }
        Deed::Listen => vec![("ticket", outcome(&ask(Method::POST, "/ticket", None).await))],
        Deed::Rename => vec![("me", outcome(&ask(Method::PATCH, "/me", Some(json!({"username": "New"}))).await))],
        Deed::ChangePassword => {
            let body = json!({"password": PASSWORD, "new_password": PASSWORD});
            vec![("password", outcome(&ask(Method::POST, "/account/password", Some(body)).await))]
        }
        Deed::Administer => {
            let (other, _) = register(&stage.client, &name, None).await;
            let one = format!("/accounts/{other}");
            vec![
                ("accounts", outcome(&ask(Method::GET, "/accounts", None).await)),
                ("logout", outcome(&ask(Method::POST, &format!("{one}/logout"), None).await)),
                ("close", outcome(&ask(Method::DELETE, &one, None).await)),
            ]
        }
    }
}

/// A private room of somebody else's.
async fn private(stage: &Stage) -> Room {
    stage.engine.create_room(&maker(), NewRoom::named(stage.room_name()).private()).await.unwrap()
}

/// An invite to one.
async fn invite(stage: &Stage) -> InviteCode {
    let room = private(stage).await.id;
    stage.engine.create_invite(&maker(), room, NewInvite::default()).await.unwrap().code
}

fn found(rooms: usize) -> String {
    if rooms == 0 { "hidden".to_owned() } else { "ok".to_owned() }
}

fn made(room: &Result<Room, Error>) -> String {
    room.as_ref().map_or_else(Error::code, |room| of_owners(room.owned)).to_owned()
}

fn created(answer: &(u16, Value)) -> String {
    answer.1["owned"].as_bool().map_or_else(|| outcome(answer), |owned| of_owners(owned).to_owned())
}

const fn of_owners(owned: bool) -> &'static str {
    if owned { "owned" } else { "open" }
}
