//! What is malformed in calls about members: each is refused by the field's name, and nothing happens.

use poem::http::Method;
use serde_json::{Value, json};

use super::Stage;

#[tokio::test]
async fn malformed_calls_name_the_field() {
    let stage = Stage::owned().await;
    let before = stage.get("olga", "").await;
    let (get, put, delete) = (Method::GET, Method::PUT, Method::DELETE);
    let long = |count: usize| "x".repeat(count);
    let role = |role: Value| Some(json!({"role": role}));
    let until = |until: Value| Some(json!({"until": until}));
    let reason = |reason: Value| Some(json!({"reason": reason}));
    let of_long = format!("/members/{}", long(257));
    let wide = format!("/bans/{}", "%C3%A9".repeat(129));
    let after = format!("/bans?after=.{}", long(300));
    let rows: Vec<(Method, &str, Option<Value>, &str)> = vec![
        (put.clone(), "/members/target", role(json!("king")), "role"),
        (put.clone(), "/members/target", role(json!("Owner")), "role"),
        (put.clone(), "/members/target", role(Value::Null), "role"),
        (put.clone(), "/members/target", role(json!(1)), "role"),
        (put.clone(), "/members/target", Some(json!({"name": "x"})), "name"),
        (put.clone(), "/members/new", Some(json!({"username": ""})), "username"),
        (put.clone(), "/members/new", Some(json!({"username": long(65)})), "username"),
        (put.clone(), &of_long, None, "user"),
        (put.clone(), &wide, None, "user"),
        (put.clone(), "/members/a%00b", None, "user"),
        (put.clone(), "/members/%FF", None, "user"),
        (put.clone(), "/members/erased:1", None, "user"),
        (put.clone(), "/bans/target", until(json!("tomorrow")), "until"),
        (put.clone(), "/bans/target", until(json!("2026-11-22T09:59:59Z")), "until"),
        (put.clone(), "/bans/target", until(json!("2026-11-22T10:00:00Z")), "until"),
        (put.clone(), "/bans/target", until(json!("0000-01-01T00:00:00Z")), "until"),
        (put.clone(), "/bans/target", until(json!("2026-13-22T10:00:00Z")), "until"),
        (put.clone(), "/mutes/target", until(json!("2026-11-22T09:59:59Z")), "until"),
        (put.clone(), "/mutes/target", until(json!(1_795_341_600)), "until"),
        (put.clone(), "/mutes/target", until(Value::Null), "until"),
        (put.clone(), "/bans/target", reason(json!("")), "reason"),
        (put.clone(), "/bans/target", reason(json!(long(501))), "reason"),
        (put.clone(), "/mutes/target", reason(Value::Null), "reason"),
        (put.clone(), "/bans/olga", None, "user"),
        (put, "/mutes/olga", None, "user"),
        (delete.clone(), "/bans/olga", None, "user"),
        (delete.clone(), "/members/target?reason=", None, "reason"),
        (delete, "/mutes/target?reason=%00", None, "reason"),
        (get.clone(), "/members?limit=0", None, "limit"),
        (get.clone(), "/members?limit=201", None, "limit"),
        (get.clone(), "/members?role=king", None, "role"),
        (get.clone(), "/members?after=olga", None, "after"),
        (get.clone(), "/members?after=king.olga", None, "after"),
        (get.clone(), "/members?q=%FF", None, "q"),
        (get.clone(), "/bans?limit=x", None, "limit"),
        (get.clone(), "/bans?after=bea", None, "after"),
        (get.clone(), &after, None, "after"),
        (get, "/mutes?after=", None, "after"),
        (Method::PATCH, "", Some(json!({"invites": "all"})), "invites"),
        (Method::PATCH, "", Some(json!({"invites": null})), "invites"),
    ];
    for (method, below, body, field) in rows {
        let (status, problem) = stage.call("olga", method.clone(), below, body.clone()).await;
        let said = (status, problem["code"].as_str(), problem["field"].as_str());
        assert_eq!(said, (400, Some("invalid_field"), Some(field)), "{method} {below} {body:?}: {problem}");
    }
    assert_eq!(stage.get("olga", "").await, before);
}

#[tokio::test]
async fn a_body_may_be_left_out_but_not_be_another_type() {
    let stage = Stage::owned().await;
    let ban = |text: &'static str| {
        let request = stage.client.put("/api/chat/rooms/1/bans/target").header("Authorization", "Bearer mona");
        request.body(text)
    };
    assert_eq!(super::read(ban("").send().await).await.0, 200);
    assert_eq!(super::read(ban("").content_type("application/json").send().await).await.0, 200);
    for (kind, text, code) in [
        (None, "{}", "unsupported_media_type"),
        (Some("text/plain"), "", "unsupported_media_type"),
        (Some("application/json"), " ", "bad_json"),
        (Some("application/json"), "[]", "bad_json"),
        (Some("application/json"), "{\"until\":1,\"until\":1}", "bad_json"),
    ] {
        let request = kind.into_iter().fold(ban(text), |request, kind| request.content_type(kind));
        let (_, problem) = super::read(request.send().await).await;
        assert_eq!(problem["code"], code, "{kind:?} {text}");
    }
}

#[tokio::test]
async fn a_room_that_is_not_there_is_missing_for_every_call() {
    let stage = Stage::owned().await;
    for (method, below) in [
        (Method::POST, "/join"),
        (Method::POST, "/leave"),
        (Method::GET, "/members"),
        (Method::PUT, "/members/target"),
        (Method::DELETE, "/members/target"),
        (Method::GET, "/bans"),
        (Method::PUT, "/bans/target"),
        (Method::DELETE, "/bans/target"),
        (Method::GET, "/mutes"),
        (Method::PUT, "/mutes/target"),
        (Method::DELETE, "/mutes/target"),
    ] {
        let path = format!("/api/chat/rooms/2{below}");
        let request = stage.client.request(method.clone(), path).header("Authorization", "Bearer olga");
        let (status, problem) = super::read(request.send().await).await;
        assert_eq!((status, &problem["code"]), (404, &json!("room_not_found")), "{method} {below}");
    }
}
