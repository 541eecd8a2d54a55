//! Bodies, paths and queries of the REST API.

use bytes::Bytes;
use poem::Body;
use serde_json::{Value, json};

use super::{assert_room, post_room, send};
use crate::common::{client, get, read, room};

#[tokio::test]
async fn r1_r2_no_json() {
    for body in
        ["", "  ", "{", "{\"name\":\"x\"", "{\"name\":\"x\"} x", "[]", "null", "\"x\"", "{'name':'x'}", "\u{feff}{}"]
    {
        assert_room(body, "bad_json", None).await;
    }
}

#[tokio::test]
async fn r3_doubled_keys() {
    assert_room(r#"{"name":"x","name":"y"}"#, "bad_json", None).await;
}

#[tokio::test]
async fn r4_r37_unknown_fields() {
    for field in ["owner_id", "created_at", "id", "seq", "x"] {
        assert_room(&format!(r#"{{"name":"x","{field}":1}}"#), "invalid_field", Some(field)).await;
    }
}

#[tokio::test]
async fn r5_deep_nesting() {
    let deep = format!("{{\"name\":{}", "[".repeat(100_000));
    assert_room(&deep, "bad_json", None).await;
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_room(&deep, "invalid_field", Some("name")).await;
}

#[tokio::test]
async fn r7_null_and_wrong_types() {
    for wrong in ["null", "1", "true", "[]", "{}", "1e400", "\"\\ud800\""] {
        assert_room(&format!(r#"{{"name":{wrong}}}"#), "invalid_field", Some("name")).await;
        assert_room(&format!(r#"{{"name":"x","topic":{wrong}}}"#), "invalid_field", Some("topic")).await;
    }
    assert_room(r#"{"topic":"x"}"#, "invalid_field", Some("name")).await;
}

#[tokio::test]
async fn r8_r9_too_large() {
    let client = client().await;
    let json = format!(r#"{{"name":"{}"}}"#, "x".repeat(256 << 10));
    let (status, body) = send(&client, "/api/chat/rooms", "application/json", json.clone()).await;
    assert_eq!((status, &body["code"]), (413, &json!("too_large")));
    // Without a length, and longer than what would be read and dropped.
    for size in [(256 << 10) + 1, 300 << 10, 4 << 20] {
        let chunks: Vec<std::io::Result<Bytes>> =
            (0..size / 1024 + 1).map(|_| Ok(Bytes::from(vec![b' '; 1024]))).collect();
        let body = Body::from_bytes_stream(futures::stream::iter(chunks));
        let (status, body) = send(&client, "/api/chat/rooms", "application/json", body).await;
        assert_eq!((status, &body["code"]), (413, &json!("too_large")), "{size}");
    }
    let just = format!("{{\"name\":\"x\"}}{}", " ".repeat((256 << 10) - 12));
    assert_eq!(send(&client, "/api/chat/rooms", "application/json", just).await.0, 201);
}

#[tokio::test]
async fn r11_r12_r13_content_types() {
    let client = client().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "x"] {
        let (status, body) = send(&client, "/api/chat/rooms", kind, r#"{"name":"x"}"#).await;
        assert_eq!((status, &body["code"]), (415, &json!("unsupported_media_type")), "{kind}");
    }
    let bare = client.post("/api/chat/rooms").body(r#"{"name":"x"}"#).send().await;
    assert_eq!(read(bare).await.0, 415);
    let zipped = client.post("/api/chat/rooms").content_type("application/json").header("Content-Encoding", "gzip");
    assert_eq!(read(zipped.body("x").send().await).await.0, 415);
    let utf16: Vec<u8> = "{\"name\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(post_room(utf16).await.0, 400);
    let (status, body) = post_room(vec![b'{', 0xff, b'}']).await;
    assert_eq!((status, &body["code"]), (400, &json!("bad_json")));
    assert_eq!(send(&client, "/api/chat/rooms", "application/JSON;charset=\"UTF-8\"", r#"{"name":"x"}"#).await.0, 201);
}

#[tokio::test]
async fn r28_r31_names_and_texts() {
    for name in ["", "  ", "\\u200b", "a\\u0000b", "\\u202eabc", "a\\nb", &"x".repeat(101)] {
        assert_room(&format!(r#"{{"name":"{name}"}}"#), "invalid_field", Some("name")).await;
    }
    assert_room(&format!(r#"{{"name":"x","topic":"{}"}}"#, "x".repeat(1_025)), "invalid_field", Some("topic")).await;
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
    for (content, code, field) in [
        ("", "empty_message", None),
        (" \\u200b", "empty_message", None),
        ("a\\u0000", "invalid_field", Some("content")),
        (&*"é".repeat(4_001), "too_long", None),
    ] {
        let (status, body) = send(&client, &path, "application/json", format!(r#"{{"content":"{content}"}}"#)).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{body}");
        assert_eq!(body.get("field").and_then(Value::as_str), field, "{body}");
    }
    let longest = "é".repeat(4_000);
    let (status, body) = send(&client, &path, "application/json", format!(r#"{{"content":"{longest}"}}"#)).await;
    assert_eq!((status, body["content"].as_str()), (201, Some(&*longest)));
}

#[tokio::test]
async fn r6_r35_room_ids() {
    let client = client().await;
    for id in ["0", "-1", "1.5", "1e3", "abc", "%31x", "9007199254740992", "18446744073709551616", "+1", "01", "-0"] {
        let (status, body) = get(&client, &format!("/api/chat/rooms/{id}")).await;
        assert_eq!((status, &body["field"]), (400, &json!("room_id")), "{id}: {body}");
    }
}

#[tokio::test]
async fn r38_idempotency_keys() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
    for key in ["", " ", "a b", "é", &"x".repeat(65), &"x".repeat(10_000)] {
        let request = client.post(&path).content_type("application/json").header("Idempotency-Key", key);
        let (status, body) = read(request.body(r#"{"content":"x"}"#).send().await).await;
        assert_eq!((status, &body["code"], &body["field"]), (400, &json!("invalid_field"), &json!("key")), "{key}");
    }
}

#[tokio::test]
async fn r39_r40_pages_and_cursors() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages");
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=abc", "limit"),
        ("limit=", "limit"),
        ("before=-1", "before"),
        ("before=9007199254740992", "before"),
        ("after=1.5", "after"),
        ("around=x", "around"),
        ("before=1&after=1", "after"),
        ("around=1&before=1", "around"),
    ] {
        let (status, body) = get(&client, &format!("{path}?{query}")).await;
        assert_eq!((status, &body["code"], &body["field"]), (400, &json!("invalid_field"), &json!(field)), "{query}");
    }
    for (query, field) in [("limit=0", "limit"), ("after=x", "after"), ("after=-1", "after"), ("q=%00", "q")] {
        let (status, body) = get(&client, &format!("/api/chat/rooms?{query}")).await;
        assert_eq!((status, &body["field"]), (400, &json!(field)), "{query}");
    }
    let long = get(&client, &format!("/api/chat/rooms?q={}", "x".repeat(10_000))).await;
    assert_eq!((long.0, &long.1["field"]), (400, &json!("q")));
}
