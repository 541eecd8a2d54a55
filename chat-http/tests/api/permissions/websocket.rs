//! Sockets for many rooms.

use chat_core::rights::RoomAction;
use serde_json::{Value, json};

use super::{
    Outcome, Scene,
    kind::{Kind, Shown},
    stage::Stage,
};
use crate::common::socket::Socket;

/// Tries an action by each of its frames. Those without one have none. Nobody has a socket without saying who they are.
pub(crate) async fn call(scene: &Scene<'_>, action: RoomAction) -> Vec<Outcome> {
    let kind = scene.person.kind;
    if kind == Kind::Anonymous || kind.is_host() {
        return vec![];
    }
    let frames = frames(scene, action);
    if frames.is_empty() {
        return vec![];
    }
    let mut socket = open(scene.stage, kind).await;
    let mut outcomes = Vec::new();
    for (name, frame) in frames {
        outcomes.push((name, ask(&mut socket, in_room(scene, frame)).await));
    }
    outcomes
}

/// Opens a socket for somebody of this kind. Whoever has a token shows it in the first frame.
async fn open(stage: &Stage, kind: Kind) -> Socket {
    let shown = stage.people.shown(kind);
    let mut socket = stage.server.open(&shown.to("/ws/chat").0).await;
    if let Shown::Token(token) = shown {
        socket.say(json!({"type": "auth", "token": token})).await;
    }
    socket
}

/// The code of what is answered to a ping of somebody of this kind; `ok` if there is no error.
pub(crate) async fn ping(stage: &Stage, kind: Kind) -> String {
    let mut socket = open(stage, kind).await;
    ask(&mut socket, json!({"type": "ping"})).await
}

fn frames(scene: &Scene<'_>, action: RoomAction) -> Vec<(&'static str, Value)> {
    let (own, others) = (scene.own.0, scene.others.0);
    match action {
        RoomAction::Read => {
            vec![("watch", json!({"type": "attach", "events": false})), ("attach", json!({"type": "attach"}))]
        }
        RoomAction::Mark => vec![("read", json!({"type": "read", "seq": others}))],
        RoomAction::Write => vec![
            ("message", json!({"type": "message", "content": "a"})),
            ("message in a thread", json!({"type": "message", "content": "a", "thread": others})),
            ("react", json!({"type": "react", "target": others, "reaction": "+1", "added": true})),
            ("edit", json!({"type": "edit", "target": own, "content": "b"})),
        ],
        RoomAction::DeleteOwn => vec![("delete", json!({"type": "delete", "target": own}))],
        RoomAction::Pin => vec![("pin", json!({"type": "pin", "target": others, "pinned": true}))],
        RoomAction::MentionRoom => {
            vec![("message", json!({"type": "message", "content": "all", "mentions_room": true}))]
        }
        RoomAction::DeleteOthers => vec![("delete", json!({"type": "delete", "target": others}))],
        _ => vec![],
    }
}

fn in_room(scene: &Scene<'_>, mut frame: Value) -> Value {
    frame["room"] = json!(scene.room.0);
    frame
}

/// Sends a frame, and returns the code of its error or `ok`.
async fn ask(socket: &mut Socket, mut frame: Value) -> String {
    frame["ref"] = json!("r");
    socket.say(frame).await;
    loop {
        let answer = socket.next().await;
        if answer["ref"] == "r" {
            return answer["code"].as_str().unwrap_or("ok").to_owned();
        }
    }
}
