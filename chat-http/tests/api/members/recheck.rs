//! Users whom the host puts out of rooms, or whose rights it has changed: what they have open on sockets and event streams.

use std::sync::Mutex;

use chat_core::{Action, Policy, VisibleRooms};
use serde_json::json;

use super::streams::{attached, listen, next_about_room, open};
use super::*;
use crate::common::socket::Server;

/// Shows rooms as the host has said last.
#[derive(Clone, Default)]
struct Shows(Arc<Mutex<VisibleRooms>>);

impl Policy for Shows {
    fn check(&self, _: &Actor, action: Action<'_>) -> Result<(), Error> {
        let is_hidden = matches!(action, Action::ReadRoom(room) if !self.0.lock().unwrap().has(room));
        if is_hidden { Err(Error::RoomNotFound) } else { Ok(()) }
    }

    fn visible_rooms(&self, _: &Actor) -> VisibleRooms {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn whatever_is_open_of_a_room_ends_when_the_host_hides_it() {
    let shows = Shows::default();
    let engine = ChatEngine::builder().policy(shows.clone()).build().await.unwrap();
    let room = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap().id;
    let server = Server::start_as(engine.clone(), Named).await;
    let mut many = attached(&server, room, "bea").await;
    let mut one = open(&server, &format!("/ws/chat/{room}"), "bea").await;
    assert_eq!(one.next().await["type"], "attached");
    let mut watching = open(&server, "/ws/chat", "bea").await;
    watching.say(json!({"type": "attach", "events": false, "room": room.0, "ref": "w"})).await;
    watching.next_of("attached").await;
    let (_, mut events) = listen(&server, room, "bea", "").await;
    let last = events.next().await.unwrap().id.unwrap();
    let mut other = attached(&server, room, "carl").await;

    *shows.0.lock().unwrap() = VisibleRooms::except([room]);
    engine.recheck(&id("bea")).await.unwrap();
    engine.send(Actor::SystemAs(user("olga")), room, chat_core::Draft::text("unheard")).await.unwrap();

    let detached = json!({"type": "detached", "room": room.0, "reason": "removed"});
    assert_eq!(next_about_room(&mut many).await, detached);
    assert_eq!(next_about_room(&mut watching).await, detached);
    assert_eq!(one.close().await.0, 4403);
    while let Some(event) = events.next().await {
        assert_ne!(event.data["type"], "message");
    }
    assert_eq!(other.next_of("message").await["content"], "unheard", "nobody asked about carl");

    // Coming back is refused, each in the way of the transport.
    assert_eq!(listen(&server, room, "bea", &format!("Last-Event-ID: {last}\r\n")).await.0, 204);
    assert_eq!(listen(&server, room, "bea", "").await.0, 404);
    assert_eq!(open(&server, &format!("/ws/chat/{room}"), "bea").await.close().await.0, 4404);
    many.say(json!({"type": "attach", "room": room.0, "ref": "b"})).await;
    assert_eq!(many.next_of("error").await["code"], "room_not_found");
}

#[tokio::test]
async fn who_is_put_out_of_a_private_room_hears_so_and_nothing_more() {
    let engine = ChatEngine::builder().build().await.unwrap();
    let room = engine.create_room(&user("olga"), NewRoom::named("closed").private()).await.unwrap().id;
    engine.change_member(&user("olga"), room, ChangeMember::add(id("bea"))).await.unwrap();
    let server = Server::start_as(engine.clone(), Named).await;
    let mut many = attached(&server, room, "bea").await;
    let mut one = open(&server, &format!("/ws/chat/{room}"), "bea").await;
    assert_eq!(one.next().await["type"], "attached");
    let (_, mut events) = listen(&server, room, "bea", "").await;

    engine.remove_from(room, &id("bea")).await.unwrap();
    engine.send(&user("olga"), room, chat_core::Draft::text("unheard")).await.unwrap();
    assert_eq!(many.next_of("member").await["change"], "removed");
    let detached = json!({"type": "detached", "room": room.0, "reason": "removed"});
    assert_eq!(next_about_room(&mut many).await, detached);
    assert_eq!(one.next_of("member").await["change"], "removed");
    assert_eq!(one.close().await.0, 4403);
    events.next_of("member").await;
    assert_eq!(events.next().await, None, "the stream ends");
}
