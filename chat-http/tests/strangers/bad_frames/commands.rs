//! Text frames that are no commands, and commands whose fields are wrong.

use serde_json::{Value, json};

use super::{ask, assert_refused, server};
use crate::common::NO_INTEGERS;

/// What is no JSON object, and objects that are none.
const NO_OBJECTS: [&str; 16] = [
    "",
    " ",
    "null",
    "[]",
    "0",
    "true",
    "\"ping\"",
    "{",
    "{\"type\":\"ping\"",
    "{\"type\":\"ping\"} x",
    "{\"type\":\"ping\"}{\"type\":\"ping\"}",
    "{\"type\":\"ping\",\"type\":\"ping\"}",
    "{\"type\":\"ping\",\"\\u0074ype\":\"ping\"}",
    "{'type':'ping'}",
    "\u{feff}{\"type\":\"ping\"}",
    "{\"type\":\"ping\",\"x\":NaN}",
];

#[tokio::test]
async fn w18_what_is_no_object_is_bad_json_and_the_fifth_closes() {
    let server = server().await;
    let deep = ["[".repeat(10_000), "{\"a\":".repeat(10_000)];
    let all: Vec<&str> = NO_OBJECTS.into_iter().chain(deep.iter().map(String::as_str)).collect();
    for start in 0..all.len() {
        let mut socket = server.open("/ws/chat?username=Alice").await;
        for at in start..start + 5 {
            let text = all[at % all.len()];
            socket.say_text(text).await;
            let error = socket.next_of("error").await;
            assert_eq!((&error["code"], error.get("field")), (&json!("bad_json"), None), "{text:.40}: {error}");
            let told = error["message"].as_str().unwrap();
            assert!(!told.contains("line") && !told.contains("column") && told.len() < 100, "{text:.40}: {told}");
        }
        assert_eq!(socket.close_code().await, 4400);
    }
}

/// What is nested deeply is refused by its name, or read by nobody.
#[tokio::test]
async fn w18_deep_nesting_in_a_field_is_named() {
    let server = server().await;
    let deep = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
    let mut socket = server.open("/ws/chat/1?username=Alice").await;
    assert_eq!(socket.close_code().await, 4404, "there is no room yet");
    server.room("general").await;
    let mut socket = server.open("/ws/chat/1?username=Alice").await;
    for (field, frame) in [
        ("x", "{\"type\":\"ping\",\"x\":DEEP}"),
        ("content", "{\"type\":\"message\",\"content\":DEEP}"),
        ("meta", "{\"type\":\"message\",\"content\":\"x\",\"meta\":{\"a\":DEEP}}"),
        ("mentions", "{\"type\":\"message\",\"content\":\"x\",\"mentions\":DEEP}"),
    ] {
        socket.say_text(&frame.replace("DEEP", &deep)).await;
        let error = socket.next_of("error").await;
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid_field"), &json!(field)), "{error}");
    }
}

#[tokio::test]
async fn w19_unknown_commands_and_references() {
    let server = server().await;
    server.room("general").await;
    let unknown =
        ["shout", "PING", "Message", "ping ", " ping", "", "attached", "ok", "hello", "__proto__", "p\u{1}ng"];
    let mut rows: Vec<(Value, &str, &str)> =
        unknown.map(|kind| (json!({"type": kind, "x": 1}), "unknown_command", "")).into();
    rows.extend(
        [json!(null), json!(7), json!(["ping"]), json!({})]
            .map(|kind| (json!({ "type": kind }), "invalid_field", "type")),
    );
    rows.push((json!({"content": "x"}), "invalid_field", "type"));
    assert_refused(&server, "/ws/chat?username=Alice", &rows).await;

    for wrong in [
        json!(""),
        json!(7),
        json!(null),
        json!(["r"]),
        json!("r".repeat(65)),
        json!("r".repeat(10_000)),
        json!("a\u{0}"),
    ] {
        let mut socket = server.open("/ws/chat?username=Alice").await;
        socket.say(json!({"type": "ping", "ref": wrong})).await;
        let error = socket.next_of("error").await;
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid_field"), &json!("ref")), "{wrong:.20}");
        assert_eq!(error.get("ref"), None, "{wrong:.20}");
    }
    let mut socket = server.open("/ws/chat?username=Alice").await;
    for reference in ["r", "r", "0", "\u{1f600}", "<b>\r\n\u{202e}\"\\", "é".repeat(64).as_str()] {
        socket.say(json!({"type": "ping", "ref": reference})).await;
        assert_eq!(socket.next_of("pong").await, json!({"type": "pong", "ref": reference}), "as it was given");
    }
    // Without a reference there is an error, too.
    socket.say(json!({"type": "shout"})).await;
    assert_eq!(socket.next_of("error").await.get("ref"), None);
}

#[tokio::test]
async fn r6_numbers_in_frames() {
    let no_numbers = [&NO_INTEGERS[..], &["\"1\"", "null", "[1]", "true"]].concat();
    let server = server().await;
    server.room("general").await;
    for (field, frame) in [
        ("room", r#"{"type":"attach","room":N}"#),
        ("room", r#"{"type":"detach","room":N}"#),
        ("room", r#"{"type":"message","room":N,"content":"x"}"#),
        ("room", r#"{"type":"typing","room":N,"is_typing":true}"#),
        ("after.seq", r#"{"type":"attach","room":1,"after":{"seq":N}}"#),
        ("reply_to", r#"{"type":"message","room":1,"content":"x","reply_to":N}"#),
        ("thread", r#"{"type":"message","room":1,"content":"x","thread":N}"#),
        ("target", r#"{"type":"edit","room":1,"target":N,"content":"x"}"#),
        ("target", r#"{"type":"delete","room":1,"target":N}"#),
        ("target", r#"{"type":"react","room":1,"target":N,"reaction":"x","added":true}"#),
        ("target", r#"{"type":"pin","room":1,"target":N,"pinned":true}"#),
        ("seq", r#"{"type":"read","room":1,"seq":N}"#),
    ] {
        for numbers in no_numbers.chunks(4) {
            let mut socket = server.open("/ws/chat?username=Alice").await;
            for number in numbers {
                socket.say_text(&frame.replace('N', number)).await;
                let error = socket.next_of("error").await;
                let told = (&error["code"], &error["field"]);
                assert_eq!(told, (&json!("invalid_field"), &json!(field)), "{frame} with {number}: {error}");
            }
        }
        let mut socket = server.open("/ws/chat?username=Alice").await;
        for number in ["NaN", "Infinity", "01", "+1"] {
            socket.say_text(&frame.replace('N', number)).await;
            assert_eq!(socket.next_of("error").await["code"], "bad_json", "{frame} with {number}");
        }
    }
}

/// Who a client is, and whether it is there, is not for its frames to say.
#[tokio::test]
async fn w31_nobody_is_forged() {
    let server = server().await;
    let room = server.room("general").await;
    let long = "x".repeat(100_000);
    let mut rows: Vec<(Value, &str, &str)> = Vec::new();
    for (field, value) in [
        ("user", json!("Bob")),
        ("username", json!("Bob")),
        ("users", json!(["Bob"])),
        ("status", json!(long)),
        ("seq", json!(9)),
    ] {
        for frame in [
            json!({"type": "attach", "room": 1}),
            json!({"type": "message", "room": 1, "content": "x"}),
            json!({"type": "typing", "room": 1, "is_typing": true}),
            json!({"type": "ping"}),
            json!({"type": "delete", "room": 1, "target": 1}),
        ] {
            let mut frame = frame;
            frame[field] = value.clone();
            rows.push((frame, "invalid_field", field));
        }
    }
    rows.extend(
        [json!(null), json!(1), json!("away"), json!(["Bob"]), json!(long)]
            .map(|value| (json!({"type": "attach", "room": 1, "presence": value}), "invalid_field", "presence")),
    );
    assert_refused(&server, "/ws/chat?username=Alice", &rows).await;
    let mut socket = server.open("/ws/chat?username=Alice").await;
    socket.say(json!({"type": "attach", "room": 1, "presence": "x".repeat(1 << 20)})).await;
    assert_eq!(socket.close_code().await, 1009);
    let mut host = server.enter(room, "Host").await;
    assert_eq!(host.next_of("user_list").await["users"], json!(["Host"]));
    assert_eq!(ask(&mut host, json!({"type": "ping"})).await["type"], "pong");
}
