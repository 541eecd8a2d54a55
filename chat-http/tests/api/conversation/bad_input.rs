//! Bad input in every new field: over REST and in frames it is refused alike, by the name of the field, and nothing is changed.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, path};
use crate::common::{engine, get, read, socket::Server};

/// A list of so many ids.
fn ids(count: usize) -> Value {
    (0..count).map(|number| number.to_string()).collect()
}

/// What is wrong in each of the fields, and what is answered: the code, and the field that it names.
fn wrong_values() -> Vec<(&'static str, Value, &'static str)> {
    let mut rows = Vec::new();
    let mut add = |field: &'static str, wrong: Vec<Value>| {
        rows.extend(wrong.into_iter().map(|value| (field, value, "invalid_field")));
    };
    let number = || {
        vec![json!(null), json!("1"), json!(1.5), json!(-1), json!(true), json!([1]), json!(9_007_199_254_740_992_u64)]
    };
    add("reply_to", number());
    add("thread", number());
    add("mentions", vec![json!(null), json!("Bob"), json!({}), json!([1]), json!([null]), json!([["Bob"]])]);
    add("mentions", vec![json!([""]), json!(["a\u{0}b"]), json!(["x".repeat(257)])]);
    add("mentions_room", vec![json!(null), json!(1), json!("true"), json!([])]);
    add(
        "meta",
        vec![json!(null), json!([]), json!("{}"), json!(7), json!(true), json!({"a": "\u{0}"}), json!({"\u{0}": 1})],
    );
    add("meta", vec![(0..70).fold(json!({}), |inner, _| json!({ "a": inner }))]);
    rows.push(("mentions", ids(51), "too_many"));
    rows.push(("meta", json!({"a": "x".repeat(8 << 10)}), "too_long"));
    for unknown in ["files", "id", "seq", "key2", "thread_ordinal", "erased", "target2"] {
        rows.push((unknown, json!(1), "invalid_field"));
    }
    rows
}

fn assert_told(problem: &Value, field: &str, code: &str, what: &str) {
    assert_eq!(problem["code"], code, "{what}: {problem}");
    if code == "invalid_field" {
        assert_eq!(problem["field"], field, "{what}: {problem}");
    }
}

#[tokio::test]
async fn r4_r6_r7_fields_over_rest() {
    let stage = Stage::new().await;
    for (field, value, code) in wrong_values() {
        for (method, below) in [(Method::POST, "messages"), (Method::PATCH, "messages/1")] {
            let body = json!({"content": "x", field: value});
            let (status, problem) = stage.call(method, below, "Alice", Some(body)).await;
            assert!(matches!(status, 400 | 429), "{field}: {problem}");
            assert_told(&problem, field, code, &value.to_string());
        }
    }
    assert_eq!(stage.head().await, 1);
    let most = json!({"content": "x", "mentions": ids(50), "meta": {"a": "x".repeat((8 << 10) - 8)}});
    assert_eq!(stage.send("Alice", most).await["mentions"].as_array().unwrap().len(), 50);
}

/// Frames that are wrong, the field that is, and the code.
type Wrong = (Value, &'static str, &'static str);

/// What is wrong in the frames of changes and marks besides.
fn wrong_changes() -> Vec<Wrong> {
    let mut rows: Vec<Wrong> = Vec::new();
    let target = [json!(null), json!("1"), json!(-1), json!(1.5), json!([1])];
    for kind in ["edit", "delete", "react", "pin"] {
        let whole = json!({"type": kind, "content": "x", "reaction": "x", "added": true, "pinned": true});
        let known: &[&str] = match kind {
            "edit" => &["type", "content"],
            "delete" => &["type"],
            "react" => &["type", "reaction", "added"],
            _ => &["type", "pinned"],
        };
        let mut frame = whole;
        frame.as_object_mut().unwrap().retain(|name, _| known.contains(&name.as_str()));
        rows.push((frame.clone(), "target", "invalid_field"));
        for wrong in &target {
            frame["target"] = wrong.clone();
            rows.push((frame.clone(), "target", "invalid_field"));
        }
        frame["target"] = json!(1);
        for (name, wrong) in [("key", json!("a b")), ("key", json!(1)), ("x", json!(1)), ("reply_to", json!(1))] {
            let mut frame = frame.clone();
            frame[name] = wrong;
            rows.push((frame, name, "invalid_field"));
        }
        for name in known.iter().filter(|name| **name != "type") {
            let mut missing = frame.clone();
            missing.as_object_mut().unwrap().remove(*name);
            rows.push((missing, name, "invalid_field"));
            let mut nothing = frame.clone();
            nothing[*name] = json!(null);
            rows.push((nothing, name, "invalid_field"));
        }
    }
    for reason in [json!(null), json!(1), json!(""), json!(" "), json!("a\u{0}"), json!("x".repeat(501))] {
        rows.push((json!({"type": "delete", "target": 1, "reason": reason}), "reason", "invalid_field"));
    }
    for reaction in [json!(""), json!("."), json!("a/b"), json!("\n"), json!("x".repeat(65))] {
        rows.push((
            json!({"type": "react", "target": 1, "reaction": reaction, "added": true}),
            "reaction",
            "invalid_field",
        ));
    }
    for (frame, field) in [
        (json!({"type": "read"}), "seq"),
        (json!({"type": "read", "seq": null}), "seq"),
        (json!({"type": "read", "seq": -1}), "seq"),
        (json!({"type": "read", "seq": 1, "back": 1}), "back"),
        (json!({"type": "read", "seq": 1, "back": null}), "back"),
        (json!({"type": "read", "seq": 1, "epoch": "e"}), "epoch"),
        (json!({"type": "read", "seq": 1, "key": "k"}), "key"),
    ] {
        rows.push((frame, field, "invalid_field"));
    }
    rows
}

#[tokio::test]
async fn r4_r6_r7_fields_in_frames() {
    let server = Server::start(engine().await).await;
    let room = server.room("general").await;
    let mut rows: Vec<Wrong> = Vec::new();
    for (field, value, code) in wrong_values() {
        rows.push((json!({"type": "message", "content": "x", field: value}), field, code));
        rows.push((json!({"type": "edit", "target": 1, "content": "x", field: value}), field, code));
    }
    rows.extend(wrong_changes());
    // The fifth malformed frame within a minute ends a socket.
    for rows in rows.chunks(4) {
        let mut socket = server.enter(room, "Alice").await;
        for (frame, field, code) in rows {
            socket.say(frame.clone()).await;
            assert_told(&socket.next_of("error").await, field, code, &frame.to_string());
        }
    }
    assert_eq!(server.engine.room(chat_core::Actor::System, room).await.unwrap().head, chat_core::Seq(0));
}

#[tokio::test]
async fn r6_r7_w30_marks() {
    let stage = Stage::new().await;
    for (body, field) in [
        (json!({}), "seq"),
        (json!({"seq": null}), "seq"),
        (json!({"seq": "1"}), "seq"),
        (json!({"seq": -1}), "seq"),
        (json!({"seq": 9_007_199_254_740_992_u64}), "seq"),
        (json!({"seq": 1, "back": null}), "back"),
        (json!({"seq": 1, "back": "yes"}), "back"),
        (json!({"seq": 1, "epoch": null}), "epoch"),
        (json!({"seq": 1, "epoch": "é".repeat(65)}), "epoch"),
        (json!({"seq": 1, "epoch": "\u{0}"}), "epoch"),
        (json!({"seq": 1, "x": 1}), "x"),
    ] {
        let (status, problem) = stage.call(Method::PUT, "read", "Bob", Some(body.clone())).await;
        assert_eq!(status, 400, "{body}");
        assert_told(&problem, field, "invalid_field", &body.to_string());
    }
    for body in [json!({}), json!({"notify": null}), json!({"notify": "All"}), json!({"notify": ["all"]})] {
        let (status, problem) = stage.call(Method::PUT, "notify", "Bob", Some(body)).await;
        assert_eq!((status, &problem["field"]), (400, &json!("notify")));
    }
    assert_eq!(stage.get("reads", "").await["marks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn r6_r39_r40_paths_and_queries() {
    let stage = Stage::new().await;
    for seq in ["x", "-1", "1.5", "01", "9007199254740992", "%FF", "1e3"] {
        for (method, below) in [
            (Method::GET, ""),
            (Method::DELETE, ""),
            (Method::GET, "/edits"),
            (Method::GET, "/thread"),
            (Method::GET, "/reactions"),
            (Method::PUT, "/reactions/x"),
            (Method::PUT, "/pin"),
            (Method::DELETE, "/pin"),
        ] {
            let (status, problem) = stage.call(method, &format!("messages/{seq}{below}"), "Alice", None).await;
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!("seq")), "{seq}{below}");
        }
    }
    for (below, field) in [
        ("messages/1/thread?limit=0", "limit"),
        ("messages/1/thread?limit=101", "limit"),
        ("messages/1/thread?before=x", "before"),
        ("messages/1/reactions?limit=101", "limit"),
        ("messages/1/reactions?after=x", "after"),
        ("messages/1/reactions?after=", "after"),
        ("reads?limit=0", "limit"),
        ("reads?limit=101", "limit"),
        ("reads?after=Alice", "after"),
        ("reads?after=%00", "after"),
        ("reads?after=.%ff", "after"),
    ] {
        let (status, problem) = get(&stage.client, &path(below, "Alice")).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{below}");
    }
    for (query, field) in [("limit=0", "limit"), ("limit=201", "limit"), ("after=x", "after"), ("after=1.x", "after")] {
        let (status, problem) = get(&stage.client, &format!("/api/chat/me/rooms?username=Alice&{query}")).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}");
    }
    for reason in ["", "+", "%00", "%ff", "a%0Db", &"x".repeat(501)] {
        let (status, problem) = stage.call(Method::DELETE, &format!("messages/1?reason={reason}"), "Alice", None).await;
        assert_eq!((status, &problem["field"]), (400, &json!("reason")), "{reason}");
    }
    assert_eq!(stage.head().await, 1);
}

#[tokio::test]
async fn an_edit_needs_a_text() {
    let stage = Stage::new().await;
    for (body, code, field) in [
        (json!({}), "invalid_field", "content"),
        (json!({"mentions": []}), "invalid_field", "content"),
        (json!({"content": null}), "invalid_field", "content"),
        (json!({"content": "\u{0}"}), "invalid_field", "content"),
        (json!({"content": " "}), "empty_message", ""),
        (json!({"content": "x".repeat(4_001)}), "too_long", ""),
        (json!({"content": "x", "reply_to": 1}), "invalid_field", "reply_to"),
        (json!({"content": "x", "thread": 1}), "invalid_field", "thread"),
    ] {
        let (status, problem) = stage.edit(1, "Alice", body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert_told(&problem, field, code, &body.to_string());
    }
    let raw = |body: &'static str| stage.client.patch(path("messages/1", "Alice")).body(body);
    let (status, problem) =
        read(raw(r#"{"content":"x","content":"y"}"#).content_type("application/json").send().await).await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad_json")));
    let (status, problem) = read(raw(r#"{"content":"x"}"#).content_type("text/plain").send().await).await;
    assert_eq!((status, &problem["code"]), (415, &json!("unsupported_media_type")));
}
