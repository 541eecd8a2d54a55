//! What is deleted is nowhere: not in the database's file, not in a dump of it. Neither is a user who is erased.

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{DEADLINE, Database, Server, content::found_in, on_each_database};

on_each_database!(
    a_deleted_message_is_nowhere_in_the_database,
    a_user_who_is_erased_is_nowhere_in_the_database,
    a_redacted_user_leaves_no_text_in_the_database,
    #[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
    an_erasure_that_is_killed_goes_on,
);

async fn a_deleted_message_is_nowhere_in_the_database(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let kept = write_at_length(&server, room, &KEPT).await;
    let deleted = write_at_length(&server, room, &DELETED).await;
    // Both what was searched before and what the index has not seen yet is to be gone.
    is_indexed(&server, DELETED[1]).await;
    let in_haste = write_at_length(&server, room, &IN_HASTE).await;
    let path = |seq: u64| format!("/rooms/{room}/messages/{seq}?username=alice");
    assert_eq!(server.delete(&path(in_haste)).await.status, 204);
    assert_eq!(server.get(&path(kept)).await.json(200)["content"], KEPT[1]);
    server.stop().await;
    let before = found_in(&database, &[&KEPT[..], &DELETED[..]].concat()).await;
    assert_eq!(before.len(), KEPT.len() + DELETED.len(), "what is there is found, all but an old text: {before:?}");

    let server = Server::start(&database).await;
    assert_eq!(server.delete(&path(deleted)).await.status, 204);
    let state = server.get(&path(deleted)).await.json(200);
    assert_eq!((&state["content"], &state["deleted"]["user"]), (&json!(""), &json!("alice")));
    server.stop().await;
    let after = found_in(&database, &[&DELETED[..], &IN_HASTE[..]].concat()).await;
    assert_eq!(after, BTreeSet::new(), "nothing of a deleted message is left");
    assert_eq!(found_in(&database, &KEPT).await.len(), KEPT.len(), "all of the others is");
}

async fn a_user_who_is_erased_is_nowhere_in_the_database(database: Database) {
    let server = Server::start(&database).await;
    let room = busy_room(&server).await;
    let (status, said) = Server::erase_user(database.url(), &[ERASED, "--anonymise"], &[]).await;
    assert_eq!(status.code(), Some(3), "a server runs: {said}");
    server.stop().await;
    assert_eq!(found_in(&database, &[ERASED]).await.len(), 1, "the user is found before");

    let (status, said) = Server::erase_user(database.url(), &[ERASED, "--anonymise"], &[]).await;
    assert!(status.success(), "{said}");
    assert!(said.contains("messages deleted      0\n"), "{said}");
    assert_eq!(found_in(&database, &[ERASED]).await, BTreeSet::new());
    assert_eq!(found_in(&database, &[TEXT, REASON]).await.len(), 2, "texts stay");

    let server = Server::start(&database).await;
    let page = server.get(&format!("/rooms/{room}/messages?username=bob")).await.json(200);
    let heir = &page["messages"][0];
    assert_eq!((&heir["content"], &heir["username"]), (&json!(format!("{TEXT} again")), &json!("Deleted user")));
    let id = heir["user"].as_str().unwrap();
    assert!(id.strip_prefix("erased:").is_some_and(|digits| digits.len() == 32), "{id}");
    assert!(said.contains(id), "{said}");
    assert_eq!(page["messages"][1]["mentions"], json!([id]));
    let reactors = server.get(&format!("/rooms/{room}/messages/2/reactions?username=bob")).await.json(200);
    assert_eq!(reactors["reactions"][0]["user"], json!(id));
    let refused = server.get(&format!("/rooms/{room}/messages?username={id}")).await.json(400);
    assert_eq!((&refused["code"], &refused["field"]), (&json!("invalid_field"), &json!("username")));
    server.stop().await;
}

async fn a_redacted_user_leaves_no_text_in_the_database(database: Database) {
    let server = Server::start(&database).await;
    let room = busy_room(&server).await;
    server.stop().await;
    let (status, said) = Server::erase_user(database.url(), &[ERASED, "--redact"], &[]).await;
    assert!(status.success(), "{said}");
    assert!(said.contains("messages deleted      2\n"), "{said}");
    assert_eq!(found_in(&database, &[ERASED, TEXT, REASON]).await, BTreeSet::new());
    let server = Server::start(&database).await;
    let page = server.get(&format!("/rooms/{room}/messages?username=bob")).await.json(200);
    let contents: Vec<&Value> = page["messages"].as_array().unwrap().iter().map(|it| &it["content"]).collect();
    assert_eq!(contents, ["", "by bob", ""]);
    assert!(page["messages"][0]["deleted"].is_object(), "{page}");
    server.stop().await;
    let (status, _) = Server::erase_user(database.url(), &["nobody", "--redact"], &[]).await;
    assert!(status.success(), "there is nothing to do");
}

async fn an_erasure_that_is_killed_goes_on(database: Database) {
    let server = Server::start(&database).await;
    busy_room(&server).await;
    server.stop().await;
    let mut kills = 0;
    for pass in 1.. {
        let at = format!("in_erasure:{pass}");
        let arguments = [ERASED, if pass % 2 == 0 { "--redact" } else { "--anonymise" }];
        let (status, said) = Server::erase_user(database.url(), &arguments, &[("CHATD_FAIL_AT", &at)]).await;
        if status.success() {
            break;
        }
        kills += 1;
        assert_eq!(status.signal(), Some(6), "{at}: {said}");
    }
    assert!(kills >= 5, "{kills}");
    assert_eq!(found_in(&database, &[ERASED, TEXT]).await, BTreeSet::new());

    // A server goes on by itself.
    let server = Server::start(&database).await;
    busy_room(&server).await;
    server.stop().await;
    let (status, _) =
        Server::erase_user(database.url(), &[ERASED, "--redact"], &[("CHATD_FAIL_AT", "in_erasure:4")]).await;
    assert_eq!(status.signal(), Some(6));
    let server = Server::start(&database).await;
    let path = format!("/me/rooms?username={ERASED}");
    assert_eq!(server.get(&path).await.json(403)["code"], "forbidden", "the user is locked out until then");
    timeout(DEADLINE, async { while server.get(&path).await.status == 403 {} }).await.expect("it never ends");
    server.stop().await;
    assert_eq!(found_in(&database, &[ERASED, TEXT, REASON]).await, BTreeSet::new());
}

/// The user who is erased, a text of theirs, and a reason that they gave.
const ERASED: &str = "quillmarten";
const TEXT: &str = "amberlagoon";
const REASON: &str = "slatecricket";

/// A room in which the user does everything, and everything is done with the user.
async fn busy_room(server: &Server) -> u64 {
    let room = server.room(&format!("room {}", ROOMS.fetch_add(1, Ordering::Relaxed))).await;
    let messages = format!("/rooms/{room}/messages");
    let say = async |user: &str, body: Value| {
        server.post(&format!("{messages}?username={user}"), body).await.json(201)["seq"].as_u64().unwrap()
    };
    let call = async |method: &str, path: &str, body: Option<Value>| {
        let reply = server.call(method, &format!("{path}?username={ERASED}"), &[], body).await;
        assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.status);
    };
    assert_eq!(say(ERASED, json!({"content": TEXT})).await, 1);
    assert_eq!(say("bob", json!({"content": "by bob", "mentions": [ERASED]})).await, 2);
    say(ERASED, json!({"content": format!("{TEXT} in the thread"), "thread": 2})).await;
    let deleted = say(ERASED, json!({"content": "soon gone"})).await;
    call("PATCH", &format!("{messages}/1"), Some(json!({"content": format!("{TEXT} again")}))).await;
    call("PUT", &format!("{messages}/2/reactions/%F0%9F%91%8D"), None).await;
    call("PUT", &format!("{messages}/2/pin"), None).await;
    let path = format!("{messages}/{deleted}?username={ERASED}&reason={REASON}");
    assert_eq!(server.delete(&path).await.status, 204);
    call("PUT", &format!("/rooms/{room}/read"), Some(json!({"seq": 3}))).await;
    call("PUT", &format!("/rooms/{room}/notify"), Some(json!({"notify": "mentions"}))).await;
    server.patch(&format!("/rooms/{room}?username={ERASED}"), json!({"topic": "all of us"})).await.json(200);
    room
}

static ROOMS: AtomicU64 = AtomicU64::new(0);

/// The words of a message: its first text, the text after an edit, its meta, and whom it mentions.
type Words = [&'static str; 4];

const KEPT: Words = ["quartzfalcon", "nebulapigeon", "velvetanchor", "copperlantern"];
const DELETED: Words = ["marblewillow", "thunderquill", "saffronharbor", "emberspindle"];
const IN_HASTE: Words = ["cobaltmeadow", "ivorycompass", "crimsonferry", "hollowbeacon"];

/// Sends, edits, answers, pins and reacts to a message; returns its number.
async fn write_at_length(server: &Server, room: u64, [text, edited, meta, mentioned]: &Words) -> u64 {
    let messages = format!("/rooms/{room}/messages");
    let body = json!({"content": text, "meta": {"note": meta}, "mentions": [mentioned]});
    let seq = server.post(&format!("{messages}?username=alice"), body).await.json(201)["seq"].as_u64().unwrap();
    server.patch(&format!("{messages}/{seq}?username=alice"), json!({"content": edited})).await.json(200);
    for path in ["/reactions/%F0%9F%91%8D", "/pin"] {
        server.call("PUT", &format!("{messages}/{seq}{path}?username=bob"), &[], None).await.json(200);
    }
    let answer = json!({"content": "I see", "thread": seq});
    server.post(&format!("{messages}?username=bob"), answer).await.json(201);
    seq
}

/// Waits until a search finds this word.
async fn is_indexed(server: &Server, word: &str) {
    let path = format!("/search?q={word}&username=alice");
    let found = async { while server.get(&path).await.json(200)["messages"] == json!([]) {} };
    timeout(DEADLINE, found).await.expect("it is never found");
}
