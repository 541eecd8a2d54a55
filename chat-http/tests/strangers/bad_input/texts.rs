//! Names and texts: too long, empty to the eye, or made to be taken for something else.

use chat_core::{ChatEngine, Database};
use poem::http::Method;
use serde_json::{Value, json};

use crate::common::{
    Client, LONGEST, client, client_of, engine, get, http::request, patch, post, read, room, socket::Server,
};

/// Names that are none, percent-encoded.
fn no_names(longest: usize) -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        "%20",
        "%E2%80%8B",
        "%E2%80%AEabc",
        "a%E2%81%A6b",
        "a%00b",
        "a%0Ab",
        "a%7Fb",
        "a%C2%9Bb",
        "%EF%BF%BF",
        "%F3%A0%81%81",
        "a%CD%8Fb",
        "%E3%85%A4",
    ]
    .map(ToOwned::to_owned)
    .into();
    names.push("x".repeat(longest + 1));
    names.push(format!("a{}", "%CC%81".repeat(1_000)));
    names.push("%F0%9F%91%A9%E2%80%8D".repeat(longest));
    names
}

#[tokio::test]
async fn r28_names_of_users_on_every_transport() {
    let server = Server::start(engine().await).await;
    let room = server.room("general").await;
    for name in
        no_names(64).into_iter().chain(["%ED%A0%80", "%ff", "%zz", "guest:x", "erased:1"].map(ToOwned::to_owned))
    {
        for path in ["/api/chat/rooms".to_owned(), format!("/api/chat/rooms/{room}/events"), "/api/chat/me".to_owned()]
        {
            let (head, problem) = request(server.addr, "GET", &format!("{path}?username={name}"), "", None).await;
            let told = (head.status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!("username")), "{path} {name:.60}");
        }
        for path in ["/ws/chat".to_owned(), format!("/ws/chat/{room}")] {
            let mut socket = server.open(&format!("{path}?username={name}")).await;
            assert_eq!(socket.close_code().await, 4401, "{path} {name:.60}");
        }
    }
}

fn decoded(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.bytes());
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
        bytes.push(if byte == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { byte });
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn r28_names_of_rooms() {
    let client = client().await;
    let id = room(&client, "general").await;
    for name in no_names(100) {
        let body = json!({"name": decoded(&name)});
        for (status, problem) in [
            post(&client, "/api/chat/rooms", &body).await,
            patch(&client, &format!("/api/chat/rooms/{id}"), &body).await,
        ] {
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!("name")), "{name:.60}");
        }
    }
    for unit in ["x", "é", "😀", "山"] {
        let name = unit.repeat(100);
        let (status, made) = post(&client, "/api/chat/rooms", &json!({ "name": name })).await;
        assert_eq!((status, made["name"].as_str()), (201, Some(&*name)), "{unit}");
    }
}

#[tokio::test]
async fn r29_r30_texts_of_messages() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = |below: &str| format!("/api/chat/rooms/{id}/messages{below}?username=Alice");
    post(&client, &path(""), &json!({"content": "first"})).await;
    for blank in ["", " ", "\u{200b}", " \n\t\r\n", "\u{2060}\u{fe0f}", "\u{3164}", "\u{e0041}"] {
        let body = json!({ "content": blank });
        for (status, problem) in [post(&client, &path(""), &body).await, patch(&client, &path("/1"), &body).await] {
            assert_eq!((status, &problem["code"]), (400, &json!("empty_message")), "{blank:?}");
        }
    }
    for (unit, count) in LONGEST {
        let most = unit.repeat(count);
        let (status, sent) = post(&client, &path(""), &json!({ "content": most })).await;
        assert_eq!((status, sent["content"].as_str()), (201, Some(&*most)), "{unit}");
        assert_eq!(patch(&client, &path("/1"), &json!({ "content": most })).await.0, 200, "{unit}");
        for more in [format!("{most}x"), format!("x{most}"), format!("{most}\u{301}")] {
            let body = json!({ "content": more });
            for (status, problem) in [post(&client, &path(""), &body).await, patch(&client, &path("/1"), &body).await] {
                assert_eq!((status, &problem["code"]), (400, &json!("too_long")), "{unit}");
            }
        }
    }
}

#[tokio::test]
async fn r31_characters_that_control_something() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
    for refused in ["a\u{0}b", "a\u{1}b", "a\u{8}b", "a\u{1b}[31m", "a\u{7f}b", "a\u{85}b", "a\u{9b}31m", "a\rb", "a\r"]
    {
        let (status, problem) = post(&client, &path, &json!({ "content": refused })).await;
        let told = (status, &problem["code"], &problem["field"]);
        assert_eq!(told, (400, &json!("invalid_field"), &json!("content")), "{refused:?}");
        let (status, problem) = post(&client, "/api/chat/rooms", &json!({"name": "x", "topic": refused})).await;
        assert_eq!((status, &problem["field"]), (400, &json!("topic")), "{refused:?}");
    }
    // What is only shown in another way is kept as it was written.
    for kept in ["a\u{2028}b\u{2029}", "a\u{202e}b", "\u{2066}open", "a\r\nb\tc", "\u{feff}a", "a\u{fffe}", "\u{e000}"]
    {
        let (status, sent) = post(&client, &path, &json!({ "content": kept })).await;
        assert_eq!((status, sent["content"].as_str()), (201, Some(kept)), "{kept:?}");
    }
}

/// Bits of SQL, of patterns and of other languages; none of them means anything.
const HOSTILE: [&str; 14] = [
    "'; DROP TABLE chat_events; --",
    "' OR '1'='1",
    "\" OR 1=1 --",
    "x') UNION SELECT * FROM chat_rooms --",
    "\\'; SELECT 1; --",
    "%",
    "_",
    "100%",
    "a_b",
    "a\\b",
    "{\"$gt\": \"\"}",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "$1 ?1 :name @p",
];

async fn on_sqlite() -> Client {
    client_of(ChatEngine::builder().database(Database::from("sqlite::memory:")).build().await.unwrap())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn names_in(list: &Value) -> Vec<&str> {
    list["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn r33_names_of_rooms_are_found_as_they_are_written() {
    let client = on_sqlite().await;
    let names = ["100% sure", "a_b", "a\\b", "axb", "plain", "'; DROP TABLE chat_rooms --"];
    for name in names.into_iter().chain(HOSTILE.into_iter().filter(|text| !names.contains(text))) {
        let (status, made) = post(&client, "/api/chat/rooms", &json!({"name": name, "topic": name})).await;
        assert!(matches!((status, made["name"].as_str()), (201, Some(shown)) if shown == name), "{name}: {made}");
        assert_eq!(made["topic"], name);
    }
    let all = get(&client, "/api/chat/rooms?limit=100").await.1;
    for text in HOSTILE.into_iter().chain(["'", "\"", "\\", "%%", "__", "a%b", "*", "?", "[a-z]"]) {
        let (status, found) = get(&client, &format!("/api/chat/rooms?limit=100&q={}", encoded(text))).await;
        let expected: Vec<_> = names_in(&all).into_iter().filter(|name| name.contains(text)).collect();
        assert_eq!((status, names_in(&found)), (200, expected), "{text}");
    }
}

#[tokio::test]
async fn r33_every_text_is_kept_as_it_is_written() {
    let client = on_sqlite().await;
    let id = room(&client, "general").await;
    let path = |below: &str, who: &str| format!("/api/chat/rooms/{id}/{below}?username={}", encoded(who));
    for (number, text) in HOSTILE.into_iter().enumerate() {
        let body = json!({"content": text, "mentions": [text], "meta": {text: text}});
        let key: String = text.chars().filter(char::is_ascii_graphic).collect();
        let send =
            client.post(path("messages", text)).content_type("application/json").header("Idempotency-Key", &*key);
        let (status, sent) = read(send.body(body.to_string()).send().await).await;
        assert_eq!(status, 201, "{text}: {sent}");
        for (field, value) in
            [("content", json!(text)), ("username", json!(text)), ("user", json!(text)), ("key", json!(key))]
        {
            assert_eq!(sent[field], value, "{text}");
        }
        assert_eq!((&sent["mentions"], &sent["meta"]), (&json!([text]), &json!({text: text})));
        let seq = sent["seq"].as_u64().unwrap();
        let reaction = client.request(Method::PUT, path(&format!("messages/{seq}/reactions/{}", encoded(text)), text));
        let (status, answer) = read(reaction.send().await).await;
        assert!(status < 300 || (status == 400 && answer["field"] == "reaction"), "{text}: {answer}");
        let mark =
            client.put(path("read", text)).content_type("application/json").body(json!({ "seq": seq }).to_string());
        assert_eq!(read(mark.send().await).await.0, 200);
        let by = get(&client, &format!("/api/chat/search?q=e&limit=100&user={}", encoded(text))).await;
        assert_eq!(by.0, 200, "{text}: {}", by.1);
        let (_, state) = get(&client, &path(&format!("messages/{seq}"), text)).await;
        assert_eq!((&state["content"], &state["user"]), (&json!(text), &json!(text)));
        let reason = format!("{}&reason={}", path(&format!("messages/{seq}"), text), encoded(text));
        if number % 2 == 0 {
            assert_eq!(read(client.delete(reason).send().await).await.0, 204, "{text}");
        }
    }
    let (_, reads) = get(&client, &format!("/api/chat/rooms/{id}/reads?limit=100")).await;
    assert_eq!(reads["marks"].as_array().unwrap().len(), HOSTILE.len());
}

/// Words are looked for, not patterns.
#[tokio::test]
async fn r33_r34_a_search_is_no_pattern_and_has_an_end() {
    let client = on_sqlite().await;
    let id = room(&client, "general").await;
    for content in ["plain words", "axb", "a_b"] {
        post(&client, &format!("/api/chat/rooms/{id}/messages?username=Alice"), &json!({ "content": content })).await;
    }
    // What was sent is found soon.
    while get(&client, "/api/chat/search?q=plain").await.1["messages"] == json!([]) {
        tokio::task::yield_now().await;
    }
    for q in ["pl%n", "pl_in", "p.*n", "pl?in", "[p]lain", "plain' OR '1'='1", "%", "_", "\\", "'", "--", ".*"] {
        let (status, found) = get(&client, &format!("/api/chat/search?q={}", encoded(q))).await;
        assert!(matches!(status, 200 | 400), "{q}: {found}");
        assert!(status == 400 || found["messages"] == json!([]), "{q}: {found}");
        assert!(status == 200 || found["field"] == "q", "{q}: {found}");
    }
    for path in ["search", "rooms"] {
        for long in ["x".repeat(10 << 10), "x ".repeat(5 << 10), "(a+)+".repeat(2 << 10)] {
            let (status, problem) = get(&client, &format!("/api/chat/{path}?q={}", long.replace(' ', "+"))).await;
            assert_eq!((status, &problem["field"]), (400, &json!("q")), "{path} {long:.20}");
        }
        // There is nothing to sort or to choose columns by.
        let plain = get(&client, &format!("/api/chat/{path}?q=x")).await;
        let more = "sort=name%3BDROP%20TABLE&order_by=1&filter[owner]=1&fields=*&columns=idem_key";
        assert_eq!(get(&client, &format!("/api/chat/{path}?q=x&{more}")).await, plain);
    }
}
