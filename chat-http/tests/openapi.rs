//! The document: the one in the repository is the one the code makes, and what it says of the frames is true of real ones.
#![allow(clippy::unwrap_used, reason = "whatever is not expected fails the test")]

mod common;

use std::{collections::BTreeSet, env, fs, path::Path};

use common::{engine, schema::Document, socket::Server};
use serde_json::{Value, json};

#[test]
fn openapi_yaml_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml");
    let current = chat_http::openapi_yaml();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "openapi.yaml is out of date: run `cargo xtask openapi` and commit it");
}

/// Every operation is shown by an example, and every example is what its schema says.
#[test]
fn examples_fit() {
    let document = Document::new();
    for (schema, described) in document.schemas() {
        if let Some(example) = described.get("example") {
            document.check(&json!({"$ref": format!("#/components/schemas/{schema}")}), example, schema);
        }
    }
    let root = document.root();
    for (path, item) in root["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{path}: {name}");
            let body = operation.get("requestBody");
            let responses = operation["responses"].as_object().unwrap().values().filter(|response| {
                response.get("content").is_some_and(|content| content.get("application/json").is_some())
            });
            for content in body.into_iter().chain(responses).map(|body| &body["content"]["application/json"]) {
                assert!(!content["example"].is_null(), "{name}: add its example to src/openapi/examples.rs");
                document.check(&content["schema"], &content["example"], name);
            }
            for parameter in operation["parameters"].as_array().unwrap() {
                if let Some(example) = parameter.get("example") {
                    document.check(&parameter["schema"], example, name);
                }
            }
        }
    }
    for (name, response) in root["components"]["responses"].as_object().unwrap() {
        let content = &response["content"]["application/problem+json"];
        for example in content["examples"].as_object().unwrap().values() {
            document.check(&content["schema"], &example["value"], name);
        }
    }
}

/// Every kind of frame there is comes over real sockets, and each is what the document says, field by field.
#[tokio::test]
async fn frames_are_as_described() {
    let document = Document::new();
    let server = Server::start(engine().await).await;
    let room = server.room("general").await;
    let mut alice = server.open("/ws/chat?username=Alice").await;
    let mut heard: Vec<Value> = Vec::new();
    // What clients say in the document, each understood, and in an order in which each is granted.
    for name in ["PingCommand", "AttachCommand", "MessageCommand", "TypingCommand"] {
        let said = &document.schemas()[name]["example"];
        document.check(&json!({"$ref": "#/components/schemas/ClientFrame"}), said, name);
        alice.say(said.clone()).await;
        loop {
            let frame = alice.next().await;
            assert_ne!(frame["type"], "error", "{name}: {frame}");
            heard.push(frame);
            if heard.last().is_some_and(|frame: &Value| frame["ref"] == said["ref"]) {
                break;
            }
        }
    }
    let mut bob = server.open(&format!("/ws/chat/{room}?username=Bob&after=0")).await;
    heard.push(bob.next_of("attached").await);
    heard.push(alice.next_of("join").await);
    heard.push(bob.next_of("user_list").await);
    heard.push(bob.next_of("typing").await);
    alice.say(json!({"type": "message", "room": room.0, "content": "Hello!", "key": "k1", "ref": "again"})).await;
    heard.push(alice.next_of("ok").await);
    bob.0.close(None).await.unwrap();
    heard.push(alice.next_of("leave").await);
    alice.say(json!({"type": "message", "room": room.0, "content": 7, "ref": "wrong"})).await;
    heard.push(alice.next_of("error").await);
    let mut carol = server.open(&format!("/ws/chat/{room}?username=Carol&after=1&epoch=other")).await;
    heard.push(carol.next_of("resync").await);
    let rename = chat_core::RoomChange { name: Some("other".to_owned()), topic: None };
    server.engine.update_room(chat_core::Actor::Anonymous, room, rename).await.unwrap();
    heard.push(alice.next_of("room_updated").await);
    server.engine.delete_room(chat_core::Actor::Anonymous, room).await.unwrap();
    heard.push(alice.next_of("room_deleted").await);
    alice.say(document.schemas()["DetachCommand"]["example"].clone()).await;
    heard.push(alice.next_of("ok").await);

    let kinds: BTreeSet<&str> = heard.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    let described = document.schemas()["ServerFrame"]["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(kinds, described.keys().map(String::as_str).collect(), "each kind was heard");
    for frame in &heard {
        document.check(&json!({"$ref": "#/components/schemas/ServerFrame"}), frame, "a frame");
    }
}
