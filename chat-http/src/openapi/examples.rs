//! An example request and answer for every operation.

use serde_json::{Map, Value, json};

/// Adds the examples to the document.
pub(super) fn add(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        let Some(mut example) = operation["operationId"].as_str().map(of) else { continue };
        if let Some(body) = operation.get_mut("requestBody") {
            body["content"]["application/json"]["example"] = example["request"].take();
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            for content in
                response.get_mut("content").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
            {
                content["example"] = example["responses"][status].take();
            }
        }
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let value = parameter["name"].as_str().map(parameter_of).unwrap_or_default();
            if !value.is_null() {
                parameter["example"] = value;
            }
        }
    }
}

/// The example of an operation, by its name.
fn of(operation: &str) -> Value {
    match operation {
        "create_room" => json!({
            "request": {"name": "general", "topic": "Everything"},
            "responses": {"201": new_room()},
        }),
        "open_direct_room" => json!({
            "request": {"user": "Bob"},
            "responses": {"200": direct_room(), "201": direct_room()},
        }),
        "list_rooms" => json!({"responses": {"200": {"rooms": [room()], "next": null}}}),
        "get_room" => json!({"responses": {"200": room()}}),
        "update_room" => json!({"request": {"topic": "Everything"}, "responses": {"200": room()}}),
        "list_messages" => json!({"responses": {"200": {
            "messages": [state()],
            "head": 60,
            "epoch": EPOCH,
            "has_before": true,
            "has_after": false,
        }}}),
        "send_message" => json!({
            "request": {"content": "Hello!", "mentions": ["Bob"], "meta": {"source": "example"}},
            "responses": {"200": message(), "201": message()},
        }),
        "get_presence" => json!({"responses": {"200": {
            "count": 2,
            "users": ["Alice", "Bob"],
            "identities": [{"user": "Alice", "username": "Alice"}, {"user": "Bob", "username": "Bob"}],
        }}}),
        "stream_events" => json!({"responses": {"200": STREAM}}),
        "read_feed" => json!({"responses": {"200": {
            "entries": [
                {"cursor": format!("{EPOCH}.1.0"), "room": 1, "type": "room_created", "created": room()},
                {"cursor": format!("{EPOCH}.2.57"), "room": 1, "type": "event", "event": message()},
            ],
            "next": format!("{EPOCH}.2.57"),
            "has_more": false,
        }}}),
        "list_consumers" => json!({"responses": {"200": {"consumers": [{
            "name": "webhook-0f7dc3ab12e4a95b",
            "cursor": format!("{EPOCH}.2.57"),
            "held": [{
                "room": 1, "cursor": format!("{EPOCH}.2.55"), "tries": 3, "since": "2026-11-20T09:00:00.000Z", "next_try": "2026-11-20T09:00:07.000Z", "reason": "answered 500",
            }],
            "dead_letters": 1,
        }]}}}),
        "list_dead_letters" => json!({"responses": {"200": {
            "dead_letters": [
                {"cursor": format!("{EPOCH}.1.40"), "room": 1, "timestamp": "2026-11-20T09:00:00.000Z", "tries": 35, "reason": "timed out"},
            ],
            "next": null,
        }}}),
        "stream_notices" => json!({"responses": {"200": NOTICES}}),
        _ => of_member(operation).or_else(|| of_account(operation)).unwrap_or_else(|| of_message(operation)),
    }
}

/// The example of an operation about who is in a room, if it is one.
fn of_member(operation: &str) -> Option<Value> {
    let body = match operation {
        "join_room" => room(),
        "list_members" => json!({"members": [member("Alice", "owner"), member("Bob", "member")], "next": null}),
        "list_bans" => json!({"bans": [restriction()], "next": null}),
        "list_mutes" => json!({"mutes": [restriction()], "next": null}),
        "accept_invite" => room(),
        "list_invites" => json!({"invites": [invite()], "next": null}),
        "list_audit" => json!({"events": [banned()], "next": null}),
        "create_invite" => {
            return Some(json!({"request": {"expires_in_s": 3_600, "max_uses": 5}, "responses": {"201": invite()}}));
        }
        "unban_user" => json!({"user": "Bob", "banned": false}),
        "unmute_user" => json!({"user": "Bob", "muted": false}),
        "set_member" => {
            let (request, answers) = (
                json!({"role": "moderator"}),
                json!({"200": member("Bob", "moderator"),
                "201": member("Bob", "moderator")}),
            );
            return Some(json!({"request": request, "responses": answers}));
        }
        "ban_user" | "mute_user" => {
            let request = json!({"until": "2026-11-29T11:30:00.000Z", "reason": "Spam"});
            return Some(json!({"request": request, "responses": {"200": restriction()}}));
        }
        _ => return None,
    };
    Some(json!({"responses": {"200": body}}))
}

/// The example of an operation on accounts, if it is one.
fn of_account(operation: &str) -> Option<Value> {
    let who = json!({"username": "Alice", "password": "correct horse battery staple"});
    Some(match operation {
        "register" => json!({"request": who, "responses": {"201": login()}}),
        "log_in" => json!({"request": who, "responses": {"200": login()}}),
        "change_password" => {
            json!({"request": {"password": "correct horse battery staple", "new_password": "staple battery horse"}})
        }
        "close_account" => json!({"request": {"password": "correct horse battery staple"}}),
        "list_accounts" => json!({"responses": {"200": {"accounts": [account()], "next": null}}}),
        _ => return None,
    })
}

fn login() -> Value {
    json!({"user": ACCOUNT, "username": "Alice", "token": TOKEN, "expires_at": "2026-12-22T10:00:00.000Z"})
}

fn account() -> Value {
    json!({"user": ACCOUNT, "username": "Alice", "admin": true, "created_at": "2026-11-22T10:00:00.000Z"})
}

fn member(user: &str, role: &str) -> Value {
    json!({"user": user, "username": user, "role": role, "joined_at": "2026-11-22T10:00:00.000Z"})
}

fn invite() -> Value {
    json!({"code": INVITE, "room": 1, "expires_at": "2026-11-29T11:30:00.000Z", "max_uses": 5, "uses": 2, "by": "Alice",
        "by_username": "Alice", "timestamp": "2026-11-22T11:30:00.000Z"})
}

fn banned() -> Value {
    json!({"type": "member", "room": 1, "seq": 57, "change": "banned", "member": {"user": "Bob", "username": "Bob"},
        "reason": "Spam", "username": "Alice", "user": "Alice", "timestamp": "2026-11-22T11:30:00.000Z"})
}

fn restriction() -> Value {
    json!({"user": "Bob", "username": "Bob", "until": "2026-11-29T11:30:00.000Z", "reason": "Spam", "by": "Alice",
        "by_username": "Alice", "timestamp": "2026-11-22T11:30:00.000Z"})
}

/// The example of an operation on a message or a mark.
fn of_message(operation: &str) -> Value {
    match operation {
        "get_message" => json!({"responses": {"200": state_now()}}),
        "edit_message" => json!({"request": {"content": "Hello, Bob!"}, "responses": {"200": state_now()}}),
        "list_edits" => json!({"responses": {"200": {"edits": [
            {"seq": 57, "content": "Hello!", "timestamp": "2026-11-22T11:30:00.000Z", "user": "Alice", "username": "Alice"},
            {"seq": 58, "content": "Hello, Bob!", "timestamp": "2026-11-22T11:31:00.000Z", "user": "Alice", "username": "Alice"},
        ]}}}),
        "list_thread" => json!({"responses": {"200": {
            "messages": [reply()],
            "head": 60,
            "epoch": EPOCH,
            "has_before": false,
            "has_after": false,
        }}}),
        "add_reaction" => json!({"responses": {"200": {"reaction": "👍", "count": 2}}}),
        "remove_reaction" => json!({"responses": {"200": {"reaction": "👍", "count": 1}}}),
        "list_reactions" => json!({"responses": {"200": {
            "reactions": [{"reaction": "👍", "user": "Bob", "username": "Bob", "timestamp": "2026-11-22T11:32:00.000Z"}],
            "next": null,
        }}}),
        "pin_message" => json!({"responses": {"200": with(state_now(), "pinned", true)}}),
        "unpin_message" => json!({"responses": {"200": state_now()}}),
        "list_pins" => json!({"responses": {"200": {"messages": [with(state(), "pinned", true)], "head": 60}}}),
        "mark_read" => json!({"request": {"seq": 57}, "responses": {"200": {
            "seq": 57, "unread": 0, "mentions": 1, "ordinal": 40,
        }}}),
        "list_reads" => json!({"responses": {"200": {
            "marks": [
                {"user": "Alice", "username": "Alice", "seq": 57},
                {"user": "Bob", "username": "Bob", "seq": 60},
            ],
            "next": null,
        }}}),
        "set_notify" => json!({"request": {"notify": "mentions"}, "responses": {"200": {"notify": "mentions"}}}),
        "search_messages" => json!({"responses": {"200": {"messages": [state()], "next": null, "complete": true}}}),
        "create_ticket" => {
            json!({"responses": {"200": {"ticket": "6c1f0f2b9d6e4a3f8b7c5d4e3f2a1b0c", "expires_in_ms": 30_000}}})
        }
        "get_me" => json!({"responses": {"200": me()}}),
        "update_me" => json!({"request": {"username": "Alice"}, "responses": {"200": me()}}),
        "list_my_rooms" => json!({"responses": {"200": {"rooms": [my_room()], "next": null}}}),
        _ => Value::Null,
    }
}

fn me() -> Value {
    json!({"user": "user:4711", "username": "Alice", "via": "token", "expires_at": "2026-11-22T12:00:00.000Z"})
}

/// The example of a parameter. Parameters that exclude each other have none.
fn parameter_of(name: &str) -> Value {
    match name {
        "room_id" => 1.into(),
        "seq" => 57.into(),
        "user" => "Bob".into(),
        "code" => INVITE.into(),
        "role" => "moderator".into(),
        "reaction" => "👍".into(),
        "reason" => "Sent to the wrong room".into(),
        "limit" => 50.into(),
        "q" => "gen".into(),
        "Idempotency-Key" => KEY.into(),
        "Last-Event-ID" => format!("{EPOCH}:56").into(),
        _ => Value::Null,
    }
}

fn room() -> Value {
    json!({"id": 1, "name": "general", "topic": "Everything", "created_at": "2026-11-22T10:00:00.000Z", "head": 57,
        "last_message_at": "2026-11-22T11:30:00.000Z", "online": 2, "kind": "public", "owned": true, "invites": "members",
        "members": 2})
}

fn new_room() -> Value {
    json!({"id": 1, "name": "general", "topic": "Everything", "created_at": "2026-11-22T10:00:00.000Z", "head": 0,
        "last_message_at": null, "online": 0, "kind": "public", "owned": true, "invites": "members", "members": 1})
}

fn direct_room() -> Value {
    let mut room = with(with(new_room(), "name", ""), "kind", "direct");
    (room["topic"], room["owned"], room["members"]) = ("".into(), false.into(), 2.into());
    with(room, "peer", json!({"user": "Bob", "username": "Bob"}))
}

fn message() -> Value {
    json!({"type": "message", "id": 57, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T11:30:00.000Z",
        "room": 1, "seq": 57, "user": "Alice", "key": KEY, "mentions": ["Bob"], "meta": {"source": "example"}})
}

/// The message after an edit, a reaction and a reply in its thread.
fn state() -> Value {
    let mut state = with(message(), "content", "Hello, Bob!");
    state["edited"] = json!({"seq": 58, "timestamp": "2026-11-22T11:31:00.000Z", "count": 1});
    state["reactions"] = json!([{"reaction": "👍", "count": 1, "mine": false}]);
    state["thread_count"] = 1.into();
    state["thread_last"] = 60.into();
    state
}

fn state_now() -> Value {
    with(state(), "head", 60)
}

fn reply() -> Value {
    json!({"type": "message", "id": 60, "username": "Bob", "content": "Hello, Alice!", "thread": 57, "thread_ordinal": 1,
        "timestamp": "2026-11-22T11:33:00.000Z", "room": 1, "seq": 60, "user": "Bob"})
}

fn my_room() -> Value {
    let mut room = room();
    for (name, value) in [("read", 57), ("unread", 0), ("mentions", 1), ("ordinal", 40)] {
        room[name] = value.into();
    }
    room["last_message"] = state();
    room["role"] = Value::Null;
    room["notify"] = "all".into();
    room
}

fn with(mut value: Value, name: &str, field: impl Into<Value>) -> Value {
    value[name] = field.into();
    value
}

const KEY: &str = "019aab6c-8f70-7c4e-9c55-3f0f6f3a1b2d";
const ACCOUNT: &str = "account:6c1f0f2b9d6e4a3f8b7c5d4e3f2a1b0c";
const TOKEN: &str = "0c4b6f1f5d7c3e9aa1b8c7d6e5f40312d4c3b2a190817263545566778899aabb";
const INVITE: &str = "9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a90";
const EPOCH: &str = "5f0c2a9e41d7b386";
/// The stream of a user's notices.
const NOTICES: &str = concat!(
    "retry: 1720\n",
    "id: notices\n",
    r#"data: {"type":"hello","user":"Alice","username":"Alice"}"#,
    "\n\n",
    r#"data: {"type":"mention","room":1,"seq":57,"user":"Bob","username":"Bob"}"#,
    "\n\n",
);

/// The stream of a client that resumes after the event 56.
const STREAM: &str = concat!(
    "retry: 1720\n",
    "id: 5f0c2a9e41d7b386:56\n",
    r#"data: {"type":"attached","room":1,"epoch":"5f0c2a9e41d7b386","head":57,"events":[]}"#,
    "\n\nid: 5f0c2a9e41d7b386:57\n",
    r#"data: {"type":"message","id":57,"username":"Alice","content":"Hello!","timestamp":"2026-11-22T11:30:00.000Z","#,
    r#""room":1,"seq":57,"user":"Alice"}"#,
    "\n\n",
    r#"data: {"type":"user_list","users":["Alice"],"identities":[{"user":"Alice","username":"Alice"}],"count":1,"#,
    r#""room":1,"timestamp":"2026-11-22T11:31:00.000Z"}"#,
    "\n\n",
);
