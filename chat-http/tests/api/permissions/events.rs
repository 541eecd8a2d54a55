//! Event streams.

use chat_core::rights::RoomAction;

use super::{Outcome, Scene, kind::Kind};
use crate::common::{
    http::{EventSource, request},
    socket::Server,
};

/// Opens the stream of a room, if the action is to read. Nobody has one without saying who they are: it shows its listener to the
/// others.
pub(crate) async fn call(scene: &Scene<'_>, action: RoomAction) -> Vec<Outcome> {
    let kind = scene.person.kind;
    if action != RoomAction::Read || kind == Kind::Anonymous || kind.is_host() {
        return vec![];
    }
    let (server, room) = (&scene.stage.server, scene.room);
    let (path, authorization) = scene.stage.people.shown(kind).to(&format!("/api/chat/rooms/{room}/events"));
    let headers = authorization.map(|it| format!("Authorization: {it}\r\n")).unwrap_or_default();
    vec![("events", open(server, &path, &headers).await)]
}

/// The code of the problem that a stream is refused with; `ok` if it begins.
async fn open(server: &Server, path: &str, headers: &str) -> String {
    let (head, mut stream) = EventSource::open(server.addr, path, headers).await;
    if head.status == 200 {
        stream.next_of("attached").await;
        return "ok".to_owned();
    }
    let (_, problem) = request(server.addr, "GET", path, headers, None).await;
    problem["code"].as_str().unwrap().to_owned()
}
