//! Several people in one room.

use serde_json::{Value, json};

use crate::common::{Database, Frame, Server, Socket, on_each_database};

on_each_database!(connect, broadcast_to_many);

async fn connect(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.socket(&format!("/{id}?username=Alice")).await;
    let attached = alice.frame().await;
    assert_eq!(attached["type"], "attached");
    assert_eq!((&attached["room"], &attached["head"], &attached["events"]), (&json!(id), &json!(0), &json!([])));
    let list = alice.frame().await;
    assert_eq!(list["type"], "user_list");
    assert_eq!((&list["users"], &list["count"]), (&json!(["Alice"]), &json!(1)));
    assert_eq!(list["identities"], json!([{"user": "Alice", "username": "Alice"}]));

    // Without a `ref` there is no answer; only the message itself comes.
    alice.send(json!({"type": "message", "content": "Hello!"})).await;
    let message = alice.frame().await;
    let page = server.get(&format!("/rooms/{id}/messages")).await.json(200);
    assert_eq!(page["messages"], json!([message]), "one shape everywhere");
    let shown = json!([message["type"], message["id"], message["seq"], message["username"], message["content"]]);
    assert_eq!(shown, json!(["message", 1, 1, "Alice", "Hello!"]));
    let stamp = message["timestamp"].as_str().unwrap();
    assert!(stamp.ends_with('Z') && stamp.contains('T'), "{stamp}");
}

#[tokio::test]
async fn connect_to_a_missing_room() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    assert_eq!(server.socket("/7?username=Alice").await.next().await, Frame::Closed(Some(4404)));
}

#[tokio::test]
async fn refused_upgrades() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    for (path, code) in [
        ("/x?username=Alice".to_owned(), 4400),
        (format!("/{id}?username=Alice&after=x"), 4400),
        (format!("/{id}"), 4401),
        (format!("/{id}?username=%20"), 4401),
        (format!("/{id}?username={}", "x".repeat(65)), 4401),
    ] {
        assert_eq!(server.socket(&path).await.next().await, Frame::Closed(Some(code)), "{path}");
    }
    // A page of another site is refused before the upgrade; a page of this site is accepted.
    let path = format!("/ws/chat/{id}?username=Alice");
    for origin in ["http://elsewhere.example", "null"] {
        let refused = Socket::try_connect(server.address(), &path, &[("origin", origin)]).await.err().unwrap();
        assert!(refused.to_string().contains("403"), "{origin}: {refused}");
    }
    let own = format!("http://{}", server.address());
    Socket::try_connect(server.address(), &path, &[("origin", &own)]).await.unwrap();
}

async fn broadcast_to_many(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut sockets = Vec::new();
    for number in 0..50 {
        sockets.push(server.join(id, &format!("user{number}")).await);
    }
    // All write at once. Everyone, including the senders, receives the same events in the same order.
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.send(json!({"type": "message", "content": format!("from {number}")})).await;
    }
    let mut first: Option<Vec<Value>> = None;
    for socket in &mut sockets {
        let mut seen = Vec::new();
        while seen.len() < 50 {
            seen.push(socket.event().await);
        }
        let seqs: Vec<u64> = seen.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=50).collect::<Vec<_>>());
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen);
    }
}
