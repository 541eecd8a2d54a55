//! Each row of the table of rights, for everybody there is, over REST.

use poem::http::Method;
use serde_json::json;

use super::{Stage, outcome};

/// A call and its body, and what everybody is answered, in the order of the heading (`-` is nobody). The letters are codes:
/// `F` forbidden, `B` banned, `M` muted, `A` unauthenticated, `O` last_owner, `I` invalid_field.
const OWNED: &str = r#"
                                                             olga mona mike sam gus bea mutt root -
GET                                                        | 200  200  200  200 200 B   200  200  200
GET /messages                                              | 200  200  200  200 200 B   200  200  200
GET /presence                                              | 200  200  200  200 200 B   200  200  200
GET /members                                               | 200  200  200  200 200 B   200  200  200
POST /messages {"content":"x"}                             | 201  201  201  201 201 B   M    201  A
PUT /messages/MESSAGE/reactions/x                          | 200  200  200  200 200 B   M    200  A
PUT /read {"seq":1}                                        | 200  200  200  200 200 B   200  200  A
POST /join                                                 | 200  200  200  200 200 B   200  200  A
POST /leave                                                | O    204  204  204 204 B   204  204  A
PUT /members/new {"username":"New"}                        | 201  201  201  F   F   B   201  201  A
PUT /members/new {"role":"moderator"}                      | 201  F    F    F   F   B   F    201  A
PUT /members/bea                                           | B    B    B    F   F   B   B    B    A
PUT /members/target {"role":"owner"}                       | 200  F    F    F   F   B   F    200  A
DELETE /members/mona                                       | 204  204  F    F   F   B   F    204  A
DELETE /members/olga                                       | O    F    F    F   F   B   F    204  A
PUT /bans/olga                                             | I    F    F    F   F   B   F    200  A
DELETE /members/target                                     | 204  204  F    F   F   B   F    204  A
DELETE /members/none                                       | 204  204  F    F   F   B   F    204  A
PUT /bans/target                                           | 200  200  F    F   F   B   F    200  A
DELETE /bans/bea                                           | 200  200  F    F   F   B   F    200  A
GET /bans                                                  | 200  200  F    F   F   B   F    200  A
PUT /mutes/target                                          | 200  200  F    F   F   B   F    200  A
DELETE /mutes/mutt                                         | 200  200  F    F   F   B   I    200  A
GET /mutes                                                 | 200  200  F    F   F   B   F    200  A
PATCH {"name":"other"}                                     | 200  200  F    F   F   B   F    200  A
PATCH {"topic":"x"}                                        | 200  200  F    F   F   B   F    200  A
PATCH {"invites":"moderators"}                             | 200  200  F    F   F   B   F    200  A
PUT /messages/MESSAGE/pin                                  | 200  200  F    F   F   B   F    200  A
POST /messages {"content":"x","mentions_room":true}        | 201  201  F    F   F   B   M    201  A
DELETE /messages/MESSAGE                                   | 204  204  F    F   F   B   F    204  A
DELETE                                                     | 204  F    F    F   F   B   F    204  A
"#;

/// The same in a room that nobody owns: everyone in is a member, and no more. (`olga` is not in.)
const OPEN: &str = r#"
                                                             olga mona mike sam gus bea mutt root -
GET /messages                                              | 200  200  200  200 200 B   200  200  200
POST /join                                                 | 200  200  200  200 200 B   200  200  A
POST /leave                                                | 204  204  204  204 204 B   204  204  A
PUT /members/new                                           | F    201  201  F   F   B   201  201  A
PUT /members/target {"role":"owner"}                       | F    F    F    F   F   B   F    200  A
DELETE /members/target                                     | F    F    F    F   F   B   F    204  A
PUT /bans/target                                           | F    F    F    F   F   B   F    200  A
PUT /mutes/target                                          | F    F    F    F   F   B   F    200  A
GET /bans                                                  | F    F    F    F   F   B   F    200  A
PATCH {"name":"other"}                                     | 200  200  200  200 200 B   200  200  200
PATCH {"invites":"moderators"}                             | F    F    F    F   F   B   F    200  A
PUT /messages/MESSAGE/pin                                  | 200  200  200  200 200 B   M    200  A
POST /messages {"content":"x","mentions_room":true}        | 201  201  201  201 201 B   M    201  A
DELETE /messages/MESSAGE                                   | F    F    F    F   F   B   F    204  A
DELETE                                                     | 204  204  204  204 204 B   204  204  204
"#;

/// Each cell has a room of its own.
async fn check(table: &str, is_owned: bool) {
    let mut lines = table.trim().lines();
    let names: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut wrong = Vec::new();
    for line in lines {
        let (call, cells) = line.split_once('|').unwrap();
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        for (name, cell) in names.iter().zip(cells) {
            let stage = if is_owned { Stage::owned().await } else { Stage::open().await };
            let (status, got) = (code(cell), answered(&stage, name, call.trim()).await);
            if got != status {
                wrong.push(format!("{} by {name}: {got}, not {status}", call.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Makes a call that stands in the table.
async fn answered(stage: &Stage, name: &str, call: &str) -> String {
    let (_, sent) = stage.call("target", Method::POST, "/messages", Some(json!({"content": "x"}))).await;
    let (method, rest) = call.split_once(' ').unwrap_or((call, ""));
    let (below, body) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
    let below = below.trim().replace("MESSAGE", &sent["seq"].to_string());
    let body = (!body.is_empty()).then(|| serde_json::from_str(body).unwrap());
    let name = if name == "-" { "" } else { name };
    outcome(stage.call(name, method.parse().unwrap(), &below, body).await)
}

fn code(cell: &str) -> &str {
    match cell {
        "F" => "403 forbidden",
        "B" => "403 banned",
        "M" => "403 muted",
        "A" => "401 unauthenticated",
        "O" => "409 last_owner",
        "I" => "400 invalid_field",
        status => status,
    }
}

#[tokio::test]
async fn a_room_that_is_owned_follows_the_table() {
    check(OWNED, true).await;
}

#[tokio::test]
async fn a_room_that_nobody_owns_is_everybodys() {
    check(OPEN, false).await;
}

#[tokio::test]
async fn who_may_bring_others_in_is_the_rooms_word() {
    let stage = Stage::owned().await;
    let (status, room) = stage.call("mona", Method::PATCH, "", Some(json!({"invites": "moderators"}))).await;
    assert_eq!((status, &room["invites"]), (200, &json!("moderators")));
    assert_eq!(outcome(stage.put("mike", "/members/new", json!({})).await), "403 forbidden");
    assert_eq!(outcome(stage.put("mona", "/members/new", json!({})).await), "201");
}
