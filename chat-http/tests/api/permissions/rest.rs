//! REST.

use chat_core::{RoomKind, rights::RoomAction};
use poem::http::Method;
use serde_json::{Value, json};

use super::{
    Outcome, Scene,
    kind::Kind,
    stage::{NEWCOMER, OTHER, Stage},
};
use crate::common::read;

/// Tries an action by each of its requests. Those without one have none.
pub(crate) async fn call(scene: &Scene<'_>, action: RoomAction) -> Vec<Outcome> {
    if scene.person.kind.is_host() {
        return vec![];
    }
    let mut outcomes = Vec::new();
    for (method, path, body) in requests(scene, action) {
        let name = path.clone();
        outcomes.push((&*name.leak(), in_room(scene, method, &path, body).await));
    }
    outcomes
}

fn requests(scene: &Scene<'_>, action: RoomAction) -> Vec<(Method, String, Option<Value>)> {
    let message = |seq, rest: &str| format!("/messages/{seq}{rest}");
    let get = |path: &str| (Method::GET, path.to_owned(), None);
    let put = |path: String| (Method::PUT, path, None);
    let delete = |path: String| (Method::DELETE, path, None);
    let post = |path: &str, body: Value| (Method::POST, path.to_owned(), Some(body));
    let (own, others) = (scene.own, scene.others);
    match action {
        RoomAction::Read => {
            let of_message = ["", "/edits", "/reactions", "/thread"].map(|rest| message(others, rest));
            let of_room = ["", "/messages", "/pins", "/reads", "/presence", "/members"];
            of_message.iter().map(String::as_str).chain(of_room).map(get).collect()
        }
        RoomAction::Mark => vec![(Method::PUT, "/read".to_owned(), Some(json!({"seq": others.0})))],
        RoomAction::Write => vec![
            post("/messages", json!({"content": "a"})),
            post("/messages", json!({"content": "a", "thread": others.0})),
            put(message(others, "/reactions/+1")),
            delete(message(others, "/reactions/+1")),
            (Method::PATCH, message(own, ""), Some(json!({"content": "b"}))),
        ],
        RoomAction::DeleteOwn => vec![delete(message(own, ""))],
        RoomAction::Pin => vec![put(message(others, "/pin")), delete(message(others, "/pin"))],
        RoomAction::MentionRoom => vec![post("/messages", json!({"content": "all", "mentions_room": true}))],
        RoomAction::DeleteOthers => vec![delete(message(others, ""))],
        RoomAction::Update => vec![(Method::PATCH, String::new(), Some(json!({"topic": "new"})))],
        RoomAction::ChangeKind => {
            let other = if scene.sort.kind() == RoomKind::Public { "private" } else { "public" };
            vec![(Method::PATCH, String::new(), Some(json!({"kind": other})))]
        }
        RoomAction::ChangeInvites => vec![(Method::PATCH, String::new(), Some(json!({"invites": "moderators"})))],
        RoomAction::Join => vec![(Method::POST, "/join".to_owned(), None)],
        RoomAction::Leave => vec![(Method::POST, "/leave".to_owned(), None)],
        RoomAction::Add => vec![put(format!("/members/{NEWCOMER}"))],
        RoomAction::Invite => vec![post("/invites", json!({}))],
        RoomAction::Remove => vec![delete(format!("/members/{OTHER}"))],
        RoomAction::Ban => vec![put(format!("/bans/{OTHER}")), delete(format!("/bans/{OTHER}"))],
        RoomAction::Mute => vec![put(format!("/mutes/{OTHER}")), delete(format!("/mutes/{OTHER}"))],
        RoomAction::GiveRoles => {
            vec![(Method::PUT, format!("/members/{OTHER}"), Some(json!({"role": "moderator"})))]
        }
        RoomAction::Audit => vec![get("/bans"), get("/mutes"), get("/audit")],
        RoomAction::Delete => vec![delete(String::new())],
        _ => vec![],
    }
}

/// Makes a request below the room, and returns the code of its problem or `ok`.
async fn in_room(scene: &Scene<'_>, method: Method, path: &str, body: Option<Value>) -> String {
    let path = format!("/rooms/{}{path}", scene.room);
    outcome(&request(scene.stage, scene.person.kind, method, &path, body).await)
}

/// Makes a request as somebody of this kind.
pub(crate) async fn request(
    stage: &Stage,
    kind: Kind,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let (url, authorization) = stage.people.shown(kind).to(&format!("/api/chat{path}"));
    let mut request = stage.client.request(method, url);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    if let Some(body) = body {
        request = request.content_type("application/json").body(body.to_string());
    }
    read(request.send().await).await
}

/// The code of a problem, or `ok`.
pub(crate) fn outcome((status, answer): &(u16, Value)) -> String {
    if *status < 400 { "ok".to_owned() } else { answer["code"].as_str().unwrap().to_owned() }
}
