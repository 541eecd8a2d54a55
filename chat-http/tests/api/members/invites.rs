//! Invites, and what was done in a room.

use chat_core::{Actor, ChangeMember, NewRoom};
use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, id, outcome, user};

const NOW: &str = "2026-11-22T10:00:00.000Z";
const WEEK: i64 = 7 * 24 * 3_600;

impl Stage {
    /// Makes an invite, and returns its code.
    async fn invite(&self, name: &str, body: Value) -> String {
        let (status, invite) = self.call(name, Method::POST, "/invites", Some(body)).await;
        assert_eq!(status, 201, "{invite}");
        invite["code"].as_str().unwrap().to_owned()
    }

    /// Uses an invite.
    async fn accept(&self, name: &str, code: &str, key: Option<&str>) -> (u16, Value) {
        let mut request = self.client.post(format!("/api/chat/invites/{code}"));
        if !name.is_empty() {
            request = request.header("Authorization", format!("Bearer {name}"));
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        super::read(request.send().await).await
    }
}

#[tokio::test]
async fn an_invite_brings_users_into_a_private_room() {
    let stage = Stage::owned().await;
    stage.call("olga", Method::PATCH, "", Some(json!({"kind": "private"}))).await;
    let (status, invite) = stage.call("mike", Method::POST, "/invites", Some(json!({"max_uses": 1}))).await;
    let code = invite["code"].as_str().unwrap();
    let expected = json!({"code": code, "room": 1, "expires_at": "2026-11-29T10:00:00.000Z", "max_uses": 1, "uses": 0,
        "by": "mike", "by_username": "mike", "timestamp": NOW});
    assert_eq!((status, &invite), (201, &expected));
    assert_eq!(code.len(), 32);
    assert_eq!(outcome(stage.accept("", code, None).await), "401 unauthenticated");
    assert_eq!(outcome(stage.call("sam", Method::GET, "", None).await), "404 room_not_found");
    let (status, room) = stage.accept("sam", code, None).await;
    assert_eq!((status, &room["name"], &room["members"]), (200, &json!("general"), &json!(6)));
    assert_eq!(outcome(stage.accept("tim", code, None).await), "404 room_not_found", "it is used up");
    assert_eq!(outcome(stage.accept("sam", code, None).await), "200", "but not for who has used it");
    let listed = stage.get("mona", "/invites").await;
    assert_eq!((&listed["invites"][0]["uses"], &listed["next"]), (&json!(1), &Value::Null));
    assert_eq!(stage.get("mutt", "/invites").await["invites"], json!([]), "others see their own");
    assert_eq!(stage.get("mike", "/invites").await["invites"][0]["code"], code);
}

#[tokio::test]
async fn a_retry_with_a_key_brings_nobody_in_again() {
    let stage = Stage::owned().await;
    let code = stage.invite("mike", json!({})).await;
    assert_eq!(outcome(stage.accept("sam", &code, Some("k")).await), "200");
    assert_eq!(outcome(stage.delete("mona", "/members/sam").await), "204");
    assert_eq!(outcome(stage.accept("sam", &code, Some("k")).await), "200");
    assert!(!stage.members("/members").await.iter().any(|(user, _)| user == "sam"));
    let other = stage.invite("mike", json!({})).await;
    assert_eq!(outcome(stage.accept("sam", &other, Some("k")).await), "409 idempotency_mismatch");
    assert_eq!(outcome(stage.accept("sam", &code, None).await), "200");
    assert!(stage.members("/members").await.iter().any(|(user, _)| user == "sam"));
}

#[tokio::test]
async fn an_invite_that_is_over_is_as_none() {
    let stage = Stage::owned().await;
    let short = stage.invite("olga", json!({"expires_in_s": 60})).await;
    let revoked = stage.invite("mike", json!({})).await;
    let week = stage.invite("mike", json!({})).await;
    assert_eq!(outcome(stage.accept("bea", &week, None).await), "403 banned");
    assert_eq!(outcome(stage.delete("sam", &format!("/invites/{revoked}")).await), "403 forbidden");
    for _ in 0..2 {
        assert_eq!(outcome(stage.delete("mike", &format!("/invites/{revoked}")).await), "204");
    }
    stage.clock.pass(60);
    let unknown = "0".repeat(32);
    for code in [&*short, &revoked, &unknown, "nonsense", "%F0%9F%91%8D"] {
        assert_eq!(outcome(stage.accept("sam", code, None).await), "404 room_not_found", "{code}");
    }
    assert_eq!(outcome(stage.accept("sam", &week, None).await), "200");
    stage.clock.pass(WEEK);
    assert_eq!(outcome(stage.accept("tim", &week, None).await), "404 room_not_found");
    assert_eq!(stage.get("olga", "/invites").await, json!({"invites": [], "next": null}));
    // Who is banned from a private room hears nothing of it.
    let code = stage.invite("mike", json!({})).await;
    stage.call("olga", Method::PATCH, "", Some(json!({"kind": "private"}))).await;
    assert_eq!(outcome(stage.accept("bea", &code, None).await), "404 room_not_found");
}

#[tokio::test]
async fn what_is_asked_of_an_invite_is_bounded() {
    let stage = Stage::owned().await;
    for (field, values) in [
        ("expires_in_s", vec![json!(0), json!(31_536_001), json!(-1), json!(1.5), json!("60"), json!(null)]),
        ("max_uses", vec![json!(0), json!(1_000_001), json!("1"), json!(null)]),
    ] {
        for value in values {
            let (status, refused) = stage.call("olga", Method::POST, "/invites", Some(json!({field: value}))).await;
            assert_eq!((status, &refused["code"], &refused["field"]), (400, &json!("invalid_field"), &json!(field)));
        }
    }
    let unknown = stage.call("olga", Method::POST, "/invites", Some(json!({"code": "0"}))).await;
    assert_eq!(outcome(unknown), "400 invalid_field");
    assert_eq!(outcome(stage.delete("olga", "/invites/nonsense").await), "400 invalid_field");
    for wrong in ["limit=0", "limit=201", "after=x"] {
        let refused = stage.call("olga", Method::GET, &format!("/invites?{wrong}"), None).await;
        assert_eq!(outcome(refused), "400 invalid_field", "{wrong}");
    }
    for _ in 0..100 {
        stage.invite("olga", json!({})).await;
    }
    let refused = stage.call("olga", Method::POST, "/invites", None).await;
    assert_eq!(outcome(refused), "429 too_many");
    let (mut found, mut after) = (0, String::new());
    loop {
        let page = stage.get("olga", &format!("/invites?limit=30{after}")).await;
        found += page["invites"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found, 100);
}

#[tokio::test]
async fn the_audit_shows_what_was_done_and_by_whom() {
    let stage = Stage::owned().await;
    for content in ["one", "two"] {
        stage.call("mike", Method::POST, "/messages", Some(json!({"content": content}))).await;
    }
    let (_, page) = stage.call("mike", Method::GET, "/messages", None).await;
    let ids: Vec<u64> = page["messages"].as_array().unwrap().iter().map(|m| m["id"].as_u64().unwrap()).collect();
    stage.delete("mike", &format!("/messages/{}", ids[0])).await;
    stage.delete("mona", &format!("/messages/{}?reason=Spam", ids[1])).await;
    // The server's administrator does it as an owner, and is named.
    stage.call("root", Method::PATCH, "", Some(json!({"topic": "new"}))).await;
    stage.put("mona", "/mutes/mike", json!({"reason": "Enough"})).await;
    let audit = stage.get("mona", "/audit?limit=3").await;
    let said = |event: &Value| {
        ["type", "change", "user", "reason"].map(|field| event[field].as_str().unwrap_or("").to_owned())
    };
    let events: Vec<_> = audit["events"].as_array().unwrap().iter().map(said).collect();
    let expected = [
        ["member", "muted", "mona", "Enough"],
        ["room_updated", "", "root", ""],
        ["message_deleted", "", "mona", "Spam"],
    ];
    assert_eq!(events, expected.map(|event| event.map(ToOwned::to_owned)));
    let next = audit["next"].as_str().unwrap();
    let rest = stage.get("mona", &format!("/audit?after={next}")).await;
    assert_eq!((rest["events"].as_array().unwrap().len(), &rest["next"]), (6, &Value::Null), "how the room was set up");
    for (who, expected) in [("mike", "403 forbidden"), ("sam", "403 forbidden"), ("", "401 unauthenticated")] {
        assert_eq!(outcome(stage.call(who, Method::GET, "/audit", None).await), expected, "{who}");
    }
    assert_eq!(outcome(stage.call("root", Method::GET, "/audit", None).await), "200");
    for wrong in ["limit=0", "limit=201", "after=x", "after=-1"] {
        let refused = stage.call("mona", Method::GET, &format!("/audit?{wrong}"), None).await;
        assert_eq!(outcome(refused), "400 invalid_field", "{wrong}");
    }
}

#[tokio::test]
async fn there_are_no_invites_to_direct_rooms_and_no_audit() {
    let stage = Stage::owned().await;
    let direct = stage.engine.direct(&user("olga"), id("mike"), None).await.unwrap().room.id;
    for (method, below) in [
        (Method::POST, "/invites".to_owned()),
        (Method::GET, "/invites".to_owned()),
        (Method::DELETE, format!("/invites/{}", "0".repeat(32))),
        (Method::GET, "/audit".to_owned()),
    ] {
        for (who, expected) in [("olga", "403 forbidden"), ("sam", "404 room_not_found")] {
            let request = stage.client.request(method.clone(), format!("/api/chat/rooms/{direct}{below}"));
            let answer = super::read(request.header("Authorization", format!("Bearer {who}")).send().await).await;
            assert_eq!(outcome(answer), expected, "{method} {below} by {who}");
        }
    }
}

#[tokio::test]
async fn an_invite_of_another_room_is_none_of_this_one() {
    let stage = Stage::owned().await;
    let other = stage.engine.create_room(&user("olga"), NewRoom::named("other")).await.unwrap().id;
    let code = stage.invite("olga", json!({})).await;
    let path = format!("/api/chat/rooms/{other}/invites/{code}");
    let request = stage.client.request(Method::DELETE, path).header("Authorization", "Bearer olga");
    assert_eq!(outcome(super::read(request.send().await).await), "204", "it is not there");
    let code = chat_core::InviteCode::parse(&code).unwrap();
    let accepted = stage.engine.change_member(&user("sam"), other, ChangeMember::accept(code)).await;
    assert_eq!(accepted.unwrap_err().code(), "room_not_found");
    assert_eq!(stage.engine.accept_invite(&user("sam"), code).await.unwrap().id, super::ROOM);
    assert_eq!(stage.engine.invited_to(Actor::Anonymous, code).await.unwrap_err().code(), "unauthenticated");
}
