//! What each call about members answers.

use chat_core::{ChangeMember, Role};
use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, id, outcome};

const NOW: &str = "2026-11-22T10:00:00.000Z";
const LATER: &str = "2026-11-22T11:00:00.000Z";
const HOUR: i64 = 3_600;

#[tokio::test]
async fn a_room_says_what_it_is_and_how_many_are_in() {
    let stage = Stage::owned().await;
    let room = stage.get("sam", "").await;
    let said = ["kind", "owned", "invites", "members"].map(|field| room[field].clone());
    assert_eq!(said, [json!("public"), json!(true), json!("members"), json!(5)]);
    let (status, room) = stage.call("sam", Method::POST, "/join", None).await;
    assert_eq!((status, &room["members"], &room["name"]), (200, &json!(6), &json!("general")));
    assert_eq!(stage.call("sam", Method::POST, "/join", None).await, (200, room), "it changes nothing again");
    assert_eq!(outcome(stage.call("sam", Method::POST, "/leave", None).await), "204");
    assert_eq!(outcome(stage.call("sam", Method::POST, "/leave", None).await), "204");
    assert_eq!(stage.get("sam", "").await["members"], 5);
    let made = stage.client.post("/api/chat/rooms").header("Authorization", "Bearer sam");
    let body = json!({"name": "other", "invites": "moderators"}).to_string();
    let (status, room) = super::read(made.content_type("application/json").body(body).send().await).await;
    assert_eq!((status, &room["owned"], &room["invites"]), (201, &json!(true), &json!("moderators")));
}

#[tokio::test]
async fn whoever_is_added_is_a_member_at_once() {
    let stage = Stage::owned().await;
    let member = |role: &str, name: &str| json!({"user": "17", "username": name, "role": role, "joined_at": NOW});
    let added = stage.put("mike", "/members/17", json!({"username": "Nina"})).await;
    assert_eq!(added, (201, member("member", "Nina")));
    stage.clock.pass(HOUR);
    assert_eq!(stage.put("mike", "/members/17", json!({})).await, (200, member("member", "Nina")));
    let raised = stage.put("olga", "/members/17", json!({"role": "moderator"})).await;
    assert_eq!(raised, (200, member("moderator", "Nina")), "it is since when they are in, not since when so");
    let still = stage.call("mona", Method::PUT, "/members/17", None).await;
    assert_eq!(still, (200, member("moderator", "Nina")), "without a role it stays");
    assert_eq!(outcome(stage.put("mona", "/members/17", json!({"role": "member"})).await), "403 forbidden");
    let (status, stepped) = stage.put("mona", "/members/mona", json!({"role": "member"})).await;
    assert_eq!((status, &stepped["role"]), (200, &json!("member")), "whoever steps down needs nobody's leave");
    assert_eq!(outcome(stage.put("mona", "/members/mona", json!({"role": "owner"})).await), "403 forbidden");
    // The name that the user goes by is the better one.
    let (status, known) = stage.put("mike", "/members/mutt", json!({"username": "Somebody"})).await;
    assert_eq!((status, &known["username"], &known["muted"]), (200, &json!("mutt"), &json!(true)));
}

#[tokio::test]
async fn members_are_paged_by_role_and_id() {
    let stage = Stage::owned().await;
    let of = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(user, role)| ((*user).to_owned(), (*role).to_owned())).collect()
    };
    let all =
        of(&[("olga", "owner"), ("mona", "moderator"), ("mike", "member"), ("mutt", "member"), ("target", "member")]);
    assert_eq!(stage.members("/members").await, all);
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let below = format!("/members?limit=2{after}");
        found.extend(stage.members(&below).await);
        match stage.get("sam", &below).await["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found, all);
    assert_eq!(stage.members("/members?role=moderator").await, all[1..2]);
    assert_eq!(stage.members("/members?q=M").await, all[1..4], "without regard to case");
    assert_eq!(stage.members("/members?role=member&q=mi").await, all[2..3]);
    assert_eq!(stage.members("/members?q=ike").await, [], "a name begins with it");
}

#[tokio::test]
async fn a_ban_says_until_when_and_ends_by_itself() {
    let stage = Stage::owned().await;
    let ban = json!({"user": "target", "username": "target", "until": LATER, "reason": "Spam", "by": "mona",
        "by_username": "mona", "timestamp": NOW});
    let asked = json!({"until": "2026-11-22T12:00:00+01:00", "reason": "Spam"});
    assert_eq!(stage.put("mona", "/bans/target", asked.clone()).await, (200, ban.clone()));
    assert_eq!(stage.put("olga", "/bans/target", asked).await, (200, ban.clone()), "it is so already");
    let bans = stage.get("mona", "/bans?limit=1").await;
    let (bea, next) = (bans["bans"][0].clone(), bans["next"].as_str().unwrap());
    let of_bea = ["user", "until", "reason", "by", "by_username"].map(|field| bea[field].clone());
    assert_eq!(of_bea, [json!("bea"), Value::Null, Value::Null, Value::Null, Value::Null], "for good, by the server");
    let rest = stage.get("mona", &format!("/bans?after={next}")).await;
    assert_eq!(rest, json!({"bans": [ban], "next": null}));
    let (_, refused) = stage.call("target", Method::POST, "/join", None).await;
    assert_eq!((&refused["code"], &refused["until"]), (&json!("banned"), &json!(LATER)));
    let (_, refused) = stage.call("bea", Method::POST, "/join", None).await;
    assert_eq!((&refused["code"], refused.get("until")), (&json!("banned"), None), "for good");
    stage.clock.pass(HOUR);
    assert_eq!(outcome(stage.call("target", Method::GET, "/messages", None).await), "200");
    assert_eq!(stage.get("mona", "/bans").await["bans"].as_array().unwrap().len(), 1, "it is over");
    assert!(!stage.members("/members").await.iter().any(|(user, _)| user == "target"), "it brings nobody back");
    let lifted = json!({"user": "bea", "banned": false});
    for _ in 0..2 {
        assert_eq!(stage.delete("mona", "/bans/bea?reason=Sorry").await, (200, lifted.clone()));
    }
    assert_eq!(outcome(stage.call("bea", Method::POST, "/join", None).await), "200");
}

#[tokio::test]
async fn a_mute_shows_in_the_list_until_it_is_over() {
    let stage = Stage::owned().await;
    let muted = async |user: &str| {
        let page = stage.get("sam", "/members").await;
        let found = page["members"].as_array().unwrap().iter().find(|member| member["user"] == user).cloned().unwrap();
        (found.get("muted").cloned(), found.get("muted_until").cloned())
    };
    let (status, mute) = stage.put("mona", "/mutes/target", json!({"until": LATER})).await;
    assert_eq!((status, &mute["until"], &mute["reason"]), (200, &json!(LATER), &Value::Null));
    assert_eq!(muted("target").await, (Some(json!(true)), Some(json!(LATER))));
    assert_eq!(muted("mutt").await, (Some(json!(true)), Some(Value::Null)), "for good");
    assert_eq!(muted("mike").await, (None, None));
    let (_, refused) = stage.call("target", Method::POST, "/messages", Some(json!({"content": "x"}))).await;
    assert_eq!((&refused["code"], &refused["until"]), (&json!("muted"), &json!(LATER)));
    assert_eq!(stage.get("mona", "/mutes").await["mutes"].as_array().unwrap().len(), 2);
    stage.clock.pass(HOUR);
    assert_eq!(muted("target").await, (None, None));
    assert_eq!(stage.get("mona", "/mutes").await["mutes"][0]["user"], "mutt");
    let sent = stage.call("target", Method::POST, "/messages", Some(json!({"content": "x"}))).await;
    assert_eq!(outcome(sent), "201");
    assert_eq!(stage.delete("mona", "/mutes/mutt").await, (200, json!({"user": "mutt", "muted": false})));
    assert_eq!(muted("mutt").await, (None, None));
}

#[tokio::test]
async fn a_room_keeps_an_owner_while_others_are_in() {
    let stage = Stage::owned().await;
    let last = "409 last_owner";
    assert_eq!(outcome(stage.call("olga", Method::POST, "/leave", None).await), last);
    assert_eq!(outcome(stage.delete("olga", "/members/olga").await), last);
    assert_eq!(outcome(stage.put("olga", "/members/olga", json!({"role": "member"})).await), last);
    assert_eq!(outcome(stage.put("olga", "/members/mona", json!({"role": "owner"})).await), "200");
    assert_eq!(outcome(stage.put("mona", "/members/olga", json!({"role": "member"})).await), "200", "owners on owners");
    assert_eq!(outcome(stage.call("mona", Method::POST, "/leave", None).await), last);
    for user in ["olga", "mike", "mutt", "target"] {
        assert_eq!(outcome(stage.delete("mona", &format!("/members/{user}?reason=Over")).await), "204");
    }
    let down = stage.put("mona", "/members/mona", json!({"role": "member"})).await;
    assert_eq!(outcome(down), "200", "nobody is left without");
    assert_eq!(outcome(stage.call("mona", Method::POST, "/leave", None).await), "204");
}

#[tokio::test]
async fn a_retry_changes_nothing_and_is_told_so() {
    let stage = Stage::owned().await;
    let head = async || stage.get("olga", "").await["head"].as_u64().unwrap();
    let until = json!({"until": LATER});
    for (name, (method, below, body), first, again) in [
        ("sam", (Method::POST, "/join", None), 200, 200),
        ("mona", (Method::PUT, "/members/new", Some(json!({"username": "New"}))), 201, 200),
        ("olga", (Method::PUT, "/members/new", Some(json!({"role": "moderator"}))), 200, 200),
        ("mona", (Method::PUT, "/mutes/target", Some(until.clone())), 200, 200),
        ("mona", (Method::DELETE, "/mutes/target", None), 200, 200),
        ("mona", (Method::PUT, "/bans/target", Some(until)), 200, 200),
        ("mona", (Method::DELETE, "/bans/target?reason=Sorry", None), 200, 200),
        ("olga", (Method::DELETE, "/members/new", None), 204, 204),
        ("sam", (Method::POST, "/leave", None), 204, 204),
    ] {
        let before = head().await;
        let key = format!("{method}{below}").replace(['/', '?', '='], "-");
        let call = (method.clone(), below, body.clone());
        let (status, answer, replayed) = stage.call_with_key(name, call, Some(&key)).await;
        assert_eq!((status, replayed), (first, false), "{key}: {answer}");
        assert_eq!(head().await, before + 1, "{key}");
        // A retry may come after a ban is over.
        stage.clock.pass(2 * HOUR);
        let (status, same, replayed) = stage.call_with_key(name, (method, below, body), Some(&key)).await;
        assert_eq!((status, replayed), (again, true), "{key}: {same}");
        assert_eq!(head().await, before + 1, "{key}: it is one event");
        assert_eq!(same["user"], answer["user"], "{key}");
        stage.clock.pass(-2 * HOUR);
        let other = (Method::PUT, "/members/other", None);
        let (status, refused, _) = stage.call_with_key(name, other, Some(&key)).await;
        assert_eq!((status, &refused["code"]), (409, &json!("idempotency_mismatch")), "{key}");
    }
}

#[tokio::test]
async fn a_retry_is_answered_to_who_may_not_do_it_any_more() {
    let stage = Stage::owned().await;
    let ban = || (Method::PUT, "/bans/target", Some(json!({"reason": "Spam"})));
    let add = || (Method::PUT, "/members/new", None);
    let (_, banned, _) = stage.call_with_key("mona", ban(), Some("ban")).await;
    let (_, added, _) = stage.call_with_key("mona", add(), Some("add")).await;
    stage.host(ChangeMember::add(id("mona")).role(Role::Member)).await;
    assert_eq!(stage.call_with_key("mona", ban(), Some("ban")).await, (200, banned, true));
    assert_eq!(stage.call_with_key("mona", add(), Some("add")).await, (200, added, true));
}

#[tokio::test]
async fn ids_are_whatever_the_host_has() {
    let stage = Stage::owned().await;
    for (in_path, user) in [
        ("auth0%7C17", "auth0|17"),
        ("a%2Fb", "a/b"),
        ("%25", "%"),
        ("J%C3%BCrgen%20%E2%9D%A4", "Jürgen ❤"),
        ("me@example.com", "me@example.com"),
        ("%3Fx%3D1%23", "?x=1#"),
        ("members", "members"),
    ] {
        let (status, member) = stage.put("mike", &format!("/members/{in_path}"), json!({})).await;
        assert_eq!((status, &member["user"]), (201, &json!(user)), "{member}");
        let (status, ban) = stage.put("mona", &format!("/bans/{in_path}"), json!({})).await;
        assert_eq!((status, &ban["user"]), (200, &json!(user)), "{ban}");
        let (status, lifted) = stage.delete("mona", &format!("/bans/{in_path}")).await;
        assert_eq!((status, lifted), (200, json!({"user": user, "banned": false})));
    }
}
