//! Members on sockets and event streams: what is heard of them, and when it ends.

use chat_core::{Actor, ChangeMember, ChatEngine, NewRoom, RoomId, Timestamp};
use serde_json::{Value, json};

use super::{Named, id, user};
use crate::common::{
    http::{EventSource, request},
    socket::{Server, Socket},
};

/// A server with a room of Olga's.
async fn server() -> (Server, RoomId) {
    let engine = ChatEngine::builder().build().await.unwrap();
    let room = engine.create_room(&user("olga"), NewRoom::named("general")).await.unwrap().id;
    (Server::start_as(engine, Named).await, room)
}

/// A socket of somebody's, for all rooms or for one.
pub(crate) async fn open(server: &Server, path: &str, name: &str) -> Socket {
    let mut socket = server.open(path).await;
    socket.say(json!({"type": "auth", "token": name})).await;
    assert_eq!(socket.next().await["type"], "ok");
    socket
}

pub(crate) async fn attached(server: &Server, room: RoomId, name: &str) -> Socket {
    let mut socket = open(server, "/ws/chat", name).await;
    socket.say(json!({"type": "attach", "room": room.0, "ref": "a"})).await;
    socket.next_of("attached").await;
    socket
}

pub(crate) async fn listen(server: &Server, room: RoomId, name: &str, last: &str) -> (u16, EventSource) {
    let headers = format!("Authorization: Bearer {name}\r\n{last}");
    let (head, events) = EventSource::open(server.addr, &format!("/api/chat/rooms/{room}/events"), &headers).await;
    (head.status, events)
}

/// A call below the room as Olga.
async fn call(server: &Server, room: RoomId, method: &str, below: &str, body: Option<&Value>) -> Value {
    let path = format!("/api/chat/rooms/{room}{below}");
    let (head, answer) = request(server.addr, method, &path, "Authorization: Bearer olga\r\n", body).await;
    assert!(head.status < 300, "{answer}");
    answer
}

#[tokio::test]
async fn members_are_events_on_every_stream() {
    let (server, room) = server().await;
    let mut many = attached(&server, room, "sam").await;
    let mut one = open(&server, &format!("/ws/chat/{room}"), "sam").await;
    let (_, mut events) = listen(&server, room, "sam", "").await;
    assert_eq!(events.next().await.unwrap().data["type"], "attached");
    assert_eq!(one.next().await["type"], "attached");
    let until = "2099-01-01T00:00:00.000Z";
    call(&server, room, "PUT", "/members/17", Some(&json!({"username": "Nina", "role": "moderator"}))).await;
    call(&server, room, "PUT", "/mutes/17", Some(&json!({"until": until, "reason": "Loud"}))).await;
    call(&server, room, "DELETE", "/members/17?reason=Left", None).await;
    let told = |seq: u64, change: &str, role: Option<&str>, more: Value| {
        let mut frame = json!({"type": "member", "room": room.0, "seq": seq, "change": change, "user": "olga", "username": "olga",
            "member": {"user": "17", "username": "Nina"}});
        if let Some(role) = role {
            frame["member"]["role"] = json!(role);
        }
        more.as_object().unwrap().iter().for_each(|(name, value)| frame[name] = value.clone());
        frame
    };
    for expected in [
        told(1, "added", Some("moderator"), json!({})),
        told(2, "muted", None, json!({"until": until, "reason": "Loud"})),
        told(3, "removed", None, json!({"reason": "Left"})),
    ] {
        let heard = events.next_of("member").await;
        assert!(heard.id.unwrap().ends_with(&format!(":{}", expected["seq"])));
        for mut frame in [many.next_of("member").await, one.next_of("member").await, heard.data] {
            assert!(frame.as_object_mut().unwrap().remove("timestamp").is_some());
            assert_eq!(frame, expected);
        }
    }
}

#[tokio::test]
async fn a_ban_is_the_last_that_the_banned_hear() {
    let (server, room) = server().await;
    let mut many = attached(&server, room, "bea").await;
    let mut one = open(&server, &format!("/ws/chat/{room}"), "bea").await;
    assert_eq!(one.next().await["type"], "attached");
    let (_, mut events) = listen(&server, room, "bea", "").await;
    call(&server, room, "PUT", "/bans/bea", Some(&json!({"until": "2099-01-01T00:00:00Z"}))).await;
    call(&server, room, "POST", "/messages", Some(&json!({"content": "unheard"}))).await;

    assert_eq!(many.next_of("member").await["change"], "banned");
    assert_eq!(next_about_room(&mut many).await, json!({"type": "detached", "room": room.0, "reason": "banned"}));
    assert_eq!(one.next_of("member").await["change"], "banned");
    assert_eq!(one.close().await, (4403, "you are banned from this room".to_owned()));
    let last = events.next_of("member").await.id.unwrap();
    assert_eq!(events.next().await, None, "the stream ends");

    // Coming back is refused, each in the way of the transport.
    let came_back = format!("Last-Event-ID: {last}\r\n");
    assert_eq!(listen(&server, room, "bea", &came_back).await.0, 204);
    assert_eq!(listen(&server, room, "bea", "").await.0, 403);
    let mut again = open(&server, &format!("/ws/chat/{room}"), "bea").await;
    assert_eq!(again.close().await.0, 4403);
    many.say(json!({"type": "attach", "room": room.0, "ref": "b"})).await;
    let refused = many.next_of("error").await;
    let said = ["ref", "code", "until"].map(|field| refused[field].clone());
    assert_eq!(said, [json!("b"), json!("banned"), json!("2099-01-01T00:00:00.000Z")]);
}

/// The next frame that is not about the user.
pub(crate) async fn next_about_room(socket: &mut Socket) -> Value {
    loop {
        let frame = socket.next().await;
        if !matches!(frame["type"].as_str(), Some("hello" | "room_removed" | "user_list" | "join" | "leave")) {
            return frame;
        }
    }
}

#[tokio::test]
async fn the_muted_are_told_so_on_the_socket() {
    let (server, room) = server().await;
    let mut socket = attached(&server, room, "mutt").await;
    let until = Some(Timestamp(4_070_908_800_000_000));
    server.engine.change_member(Actor::System, room, ChangeMember::mute(id("mutt"), until)).await.unwrap();
    assert_eq!(socket.next_of("member").await["change"], "muted");
    for command in [
        json!({"type": "message", "room": room.0, "content": "x", "ref": "m"}),
        json!({"type": "typing", "room": room.0, "is_typing": true, "ref": "m"}),
    ] {
        socket.say(command.clone()).await;
        let refused = socket.next_of("error").await;
        let said = ["ref", "code", "until"].map(|field| refused[field].clone());
        assert_eq!(said, [json!("m"), json!("muted"), json!("2099-01-01T00:00:00.000Z")], "{command}");
    }
    server.engine.change_member(Actor::System, room, ChangeMember::mute(id("mutt"), None)).await.unwrap();
    socket.say(json!({"type": "message", "room": room.0, "content": "x", "ref": "n"})).await;
    assert_eq!(socket.next_of("error").await.get("until"), None, "for good");
}

#[tokio::test]
async fn whoever_is_removed_from_a_public_room_goes_on_hearing_it() {
    let (server, room) = server().await;
    let mut one = open(&server, &format!("/ws/chat/{room}"), "mike").await;
    for (method, below) in [("PUT", "/members/mike"), ("DELETE", "/members/mike")] {
        call(&server, room, method, below, None).await;
        one.next_of("member").await;
    }
    call(&server, room, "POST", "/messages", Some(&json!({"content": "heard"}))).await;
    assert_eq!(one.next_of("message").await["content"], "heard");
}

#[tokio::test]
async fn a_member_is_told_of_the_room_that_they_were_added_to() {
    let (server, room) = server().await;
    let mut nina = open(&server, "/ws/chat", "nina").await;
    assert_eq!(nina.next().await["type"], "hello");
    call(&server, room, "PUT", "/members/nina", None).await;
    let added = nina.next_of("room_added").await;
    assert_eq!((&added["room"]["id"], &added["room"]["members"]), (&json!(room.0), &json!(2)));
}

#[tokio::test]
async fn a_member_who_types_without_attaching_is_told_so_and_a_stranger_that_there_is_no_room() {
    let (server, _) = server().await;
    let private = server.engine.create_room(&user("olga"), NewRoom::named("ours").private()).await.unwrap().id;
    let direct = server.engine.direct(&user("olga"), id("mike"), None).await.unwrap().room.id;
    for (name, of_private, of_direct) in [
        ("olga", "not_attached", "not_attached"),
        ("mike", "room_not_found", "not_attached"),
        ("sam", "room_not_found", "room_not_found"),
    ] {
        let mut socket = open(&server, "/ws/chat", name).await;
        for (room, code) in [(private, of_private), (direct, of_direct)] {
            socket.say(json!({"type": "typing", "room": room.0, "is_typing": true, "ref": "t"})).await;
            let refused = socket.next_of("error").await;
            assert_eq!([&refused["ref"], &refused["code"]], [&json!("t"), &json!(code)], "{name}");
        }
    }
    // A room's own socket is attached before anything else, or closed.
    let mut one = open(&server, &format!("/ws/chat/{private}"), "sam").await;
    assert_eq!(one.close().await.0, 4404);
}
