//! The REST API, row by row, called in process.

use crate::common::{client, client_of, delete, engine, get, patch, post, read, room};
use chat_core::{Action, Actor, ChatEngine, Error, NewRoom, Policy, RoomId};
use chat_http::{Guests, api};
use poem::{Route, http::Method, test::TestClient};
use serde_json::json;

#[tokio::test]
async fn a_room_is_made_found_changed_and_deleted() {
    let client = client().await;
    let (status, made) = post(&client, "/api/chat/rooms", &json!({"name": " General ", "topic": "All"})).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_u64().unwrap();
    assert_eq!((&made["name"], &made["topic"], &made["head"]), (&json!("General"), &json!("All"), &json!(0)));
    assert_eq!((&made["last_message_at"], &made["online"]), (&json!(null), &json!(0)));
    let stamp = made["created_at"].as_str().unwrap();
    assert!(stamp.len() == 24 && stamp.ends_with('Z'), "{stamp}");

    let path = format!("/api/chat/rooms/{id}");
    assert_eq!(get(&client, &path).await, (200, made.clone()));
    let (status, changed) = patch(&client, &path, &json!({"name": "general", "topic": ""})).await;
    assert_eq!(
        (status, &changed["name"], &changed["topic"], &changed["head"]),
        (200, &json!("general"), &json!(""), &json!(1))
    );
    let (status, same) = patch(&client, &path, &json!({"name": "general"})).await;
    assert_eq!((status, &same["head"]), (200, &json!(1)), "unchanged values make no event");
    assert_eq!(patch(&client, &path, &json!({})).await.0, 400);

    assert_eq!(delete(&client, &path).await, (204, json!(null)));
    for (status, body) in
        [get(&client, &path).await, delete(&client, &path).await, patch(&client, &path, &json!({"name": "x"})).await]
    {
        assert_eq!((status, &body["code"]), (404, &json!("room_not_found")));
    }
}

#[tokio::test]
async fn a_taken_name_names_the_room_that_has_it() {
    let client = client().await;
    let id = room(&client, "general").await;
    let (status, body) = post(&client, "/api/chat/rooms", &json!({"name": "GENERAL"})).await;
    assert_eq!((status, &body["code"], &body["room"]["id"]), (409, &json!("name_taken"), &json!(id)));
    let other = room(&client, "other").await;
    let (status, body) = patch(&client, &format!("/api/chat/rooms/{other}"), &json!({"name": "General"})).await;
    assert_eq!((status, &body["code"], &body["room"]["id"]), (409, &json!("name_taken"), &json!(id)));
}

#[tokio::test]
async fn a_taken_name_says_nothing_of_a_room_that_one_may_not_see() {
    /// Nobody but the host may see the first room.
    struct Hidden;
    impl Policy for Hidden {
        fn check(&self, _: &Actor, action: Action<'_>) -> Result<(), Error> {
            if matches!(action, Action::ReadRoom(RoomId(1))) { Err(Error::RoomNotFound) } else { Ok(()) }
        }
    }
    let engine = ChatEngine::builder().policy(Hidden).build().await.unwrap();
    engine.create_room(Actor::System, NewRoom::named("secret").topic("plans")).await.unwrap();
    let client = client_of(engine);
    let other = room(&client, "other").await;
    let path = format!("/api/chat/rooms/{other}?username=Bob");
    for (status, body) in [
        post(&client, "/api/chat/rooms", &json!({"name": "SECRET"})).await,
        patch(&client, &path, &json!({"name": "Secret"})).await,
    ] {
        assert_eq!((status, &body["code"]), (409, &json!("name_taken")));
        assert!(body.get("room").is_none() && !body.to_string().contains("plans"), "{body}");
    }
}

#[tokio::test]
async fn what_was_stored_is_not_refused_because_it_cannot_be_read_any_more() {
    /// Nobody but the host may see a room.
    struct Hidden;
    impl Policy for Hidden {
        fn check(&self, _: &Actor, action: Action<'_>) -> Result<(), Error> {
            if matches!(action, Action::ReadRoom(_)) { Err(Error::RoomNotFound) } else { Ok(()) }
        }
    }
    let engine = ChatEngine::builder().policy(Hidden).build().await.unwrap();
    let made = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap();
    let client = client_of(engine);
    let path = format!("/api/chat/rooms/{}/messages", made.id.0);
    assert_eq!(post(&client, &format!("{path}?username=Bob"), &json!({"content": "one"})).await.0, 201);
    let edit = async || patch(&client, &format!("{path}/1?username=Bob"), &json!({"content": "two"})).await;
    let join = format!("/api/chat/rooms/{}/join?username=Bob", made.id.0);
    for (status, body) in [edit().await, post(&client, &join, &json!(null)).await] {
        assert_eq!((status, &body["code"]), (503, &json!("outcome_unknown")), "{body}");
    }
    // This one changes nothing.
    let (status, body) = edit().await;
    assert_eq!((status, &body["code"]), (404, &json!("room_not_found")), "{body}");
}

#[tokio::test]
async fn rooms_are_listed_by_id_in_pages() {
    let client = client().await;
    assert_eq!(get(&client, "/api/chat/rooms").await, (200, json!({"rooms": [], "next": null})));
    for name in ["alpha", "beta", "alphabet", "100%"] {
        room(&client, name).await;
    }
    let (_, first) = get(&client, "/api/chat/rooms?limit=3").await;
    let names: Vec<_> = first["rooms"].as_array().unwrap().iter().map(|room| room["name"].clone()).collect();
    assert_eq!(names, ["alpha", "beta", "alphabet"]);
    let next = first["next"].as_str().unwrap();
    let (_, last) = get(&client, &format!("/api/chat/rooms?limit=3&after={next}")).await;
    assert_eq!((last["rooms"].as_array().unwrap().len(), &last["next"]), (1, &json!(null)));
    let (_, found) = get(&client, "/api/chat/rooms?q=ALPHA").await;
    assert_eq!(found["rooms"].as_array().unwrap().len(), 2);
    let (_, found) = get(&client, "/api/chat/rooms?q=%25&unknown=1").await;
    assert_eq!(found["rooms"].as_array().unwrap().len(), 1, "a part of a name is meant literally");
}

#[tokio::test]
async fn messages_are_sent_and_read_in_pages() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages");
    let (status, empty) = get(&client, &path).await;
    assert_eq!((status, &empty["messages"], &empty["head"]), (200, &json!([]), &json!(0)));
    assert_eq!((&empty["has_before"], &empty["has_after"]), (&json!(false), &json!(false)));
    assert!(empty["epoch"].is_string());
    for number in 1..=5 {
        let (status, sent) =
            post(&client, &format!("{path}?username=Alice"), &json!({"content": format!("{number}")})).await;
        assert_eq!(
            (status, &sent["id"], &sent["seq"], &sent["type"]),
            (201, &json!(number), &json!(number), &json!("message"))
        );
        assert_eq!((&sent["username"], &sent["user"], &sent["room"]), (&json!("Alice"), &json!("Alice"), &json!(id)));
        assert!(sent.get("key").is_none() && sent["timestamp"].is_string());
    }
    for (query, expected, before, after) in [
        ("", vec![1, 2, 3, 4, 5], false, false),
        ("?limit=2", vec![4, 5], true, false),
        ("?limit=2&before=3", vec![1, 2], false, true),
        ("?limit=2&after=3", vec![4, 5], true, false),
        ("?limit=3&around=3", vec![2, 3, 4], true, true),
        ("?after=9007199254740991", vec![], true, false),
        ("?before=0", vec![], false, true),
    ] {
        let (status, page) = get(&client, &format!("{path}{query}")).await;
        let seqs: Vec<_> =
            page["messages"].as_array().unwrap().iter().map(|one| one["seq"].as_u64().unwrap()).collect();
        assert_eq!((status, seqs), (200, expected), "{query}");
        assert_eq!((&page["has_before"], &page["has_after"]), (&json!(before), &json!(after)), "{query}");
        assert_eq!(page["head"], 5);
    }
}

#[tokio::test]
async fn a_retry_with_the_same_key_gets_the_first_answer() {
    let client = client().await;
    let id = room(&client, "general").await;
    let send = async |content: &str| {
        let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
        let request = client.post(path).content_type("application/json").header("Idempotency-Key", "k1");
        request.body(json!({ "content": content }).to_string()).send().await
    };
    let (status, first) = read(send("one").await).await;
    assert_eq!((status, &first["key"]), (201, &json!("k1")));
    let again = send("one").await;
    again.assert_header("Idempotency-Replayed", "true");
    assert_eq!(read(again).await, (200, first));
    let (status, body) = read(send("other").await).await;
    assert_eq!((status, &body["code"]), (409, &json!("idempotency_mismatch")));
}

#[tokio::test]
async fn presence_of_an_empty_room() {
    let client = client().await;
    let id = room(&client, "general").await;
    let nobody = json!({"count": 0, "users": [], "identities": []});
    assert_eq!(get(&client, &format!("/api/chat/rooms/{id}/presence")).await, (200, nobody));
}

#[tokio::test]
async fn a_room_that_is_not_there_is_nowhere() {
    let client = client().await;
    for (status, body) in [
        get(&client, "/api/chat/rooms/7").await,
        get(&client, "/api/chat/rooms/7/messages").await,
        get(&client, "/api/chat/rooms/7/presence").await,
        post(&client, "/api/chat/rooms/7/messages?username=A", &json!({"content": "x"})).await,
    ] {
        assert_eq!((status, &body["code"]), (404, &json!("room_not_found")));
    }
}

#[tokio::test]
async fn sending_needs_a_name_and_names_have_rules() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages");
    let response = client.post(&path).content_type("application/json").body(r#"{"content":"x"}"#).send().await;
    assert!(response.0.headers().contains_key("www-authenticate"));
    assert_eq!(read(response).await.1["code"], "unauthenticated");
    for name in ["", "%20", "%00", "%ff"] {
        for path in ["/api/chat/rooms", &path] {
            let (status, body) = get(&client, &format!("{path}?username={name}")).await;
            assert_eq!((status, &body["field"]), (400, &json!("username")), "{name}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let client = client().await;
    for path in [
        "/nothing",
        "/api/chat",
        "/api/chat/",
        "/api/chat/rooms/",
        "/api/chat/rooms/1/x",
        "/ws/chat/1/2",
        "/%00",
        "/%2e%2e/x",
    ] {
        let (status, body) = get(&client, path).await;
        assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{path}");
    }
    for (path, method, allow) in [
        ("/api/chat/rooms", "DELETE", "GET, HEAD, POST"),
        ("/api/chat/rooms/1", "PUT", "DELETE, GET, HEAD, PATCH"),
        ("/api/chat/rooms/1", "TRACE", "DELETE, GET, HEAD, PATCH"),
        ("/api/chat/rooms/1/messages", "BREW", "GET, HEAD, POST"),
        ("/ws/chat/1", "POST", "GET"),
        ("/docs", "POST", "GET, HEAD"),
    ] {
        let response = client.request(Method::from_bytes(method.as_bytes()).unwrap(), path).send().await;
        let mut allowed: Vec<_> = response.0.header("Allow").unwrap().split(", ").map(str::to_owned).collect();
        allowed.sort();
        assert_eq!(allowed.join(", "), allow, "{method} {path}");
        let (status, body) = read(response).await;
        assert_eq!((status, &body["code"]), (405, &json!("method_not_allowed")));
    }
}

#[tokio::test]
async fn an_api_mounts_under_any_prefix() {
    let route = Route::new().nest("/apps/one", api(engine().await, Guests)).nest("/two", api(engine().await, Guests));
    let client = TestClient::new(route);
    let made =
        client.post("/apps/one/api/chat/rooms").content_type("application/json").body(r#"{"name":"x"}"#).send().await;
    assert_eq!(read(made).await.0, 201);
    let other = read(client.get("/two/api/chat/rooms").send().await).await;
    assert_eq!(other.1["rooms"], json!([]), "two engines in one process");
    let lost = read(client.get("/apps/one/nothing").send().await).await;
    assert_eq!((lost.0, &lost.1["code"]), (404, &json!("not_found")));
    let wrong = client.delete("/apps/one/api/chat/rooms").send().await;
    wrong.assert_header("Allow", "POST, GET, HEAD");
    let docs = read(client.get("/apps/one/docs").send().await).await;
    assert_eq!(docs.0, 404, "an API has no documentation of its own");
}

#[tokio::test]
async fn a_site_has_docs_and_health() {
    let engine = engine().await;
    let client = client_of(engine.clone());
    for (path, kind) in [
        ("/", "text/html"),
        ("/docs", "text/html"),
        ("/docs/frames", "text/html"),
        ("/openapi.json", "application/json"),
        ("/openapi.yaml", "application/yaml"),
        ("/healthz", "application/json"),
        ("/readyz", "application/json"),
    ] {
        let response = client.get(path).send().await;
        response.assert_status_is_ok();
        assert!(response.0.content_type().unwrap().starts_with(kind), "{path}");
        assert!(response.0.headers().contains_key("content-security-policy") || path == "/readyz", "{path}");
    }
    let slash = client.get("/docs/").send().await;
    slash.assert_status(poem::http::StatusCode::PERMANENT_REDIRECT);
    slash.assert_header("location", "../docs");
    let frames = client.get("/docs/frames").send().await.0.into_body().into_string().await.unwrap();
    for shown in ["<h2>What a client sends</h2>", "<h3>attach</h3>", "\"type\": \"pong\"", "4560"] {
        assert!(frames.contains(shown), "{shown}: {frames}");
    }
    let docs = client.get("/docs").send().await.0.into_body().into_string().await.unwrap();
    for foreign in ["https://unpkg", "https://cdn", "fonts.googleapis", "src=\"http", "href=\"http"] {
        assert!(!docs.contains(foreign), "{foreign}");
    }
    engine.shutdown().await;
    let response = client.get("/readyz").send().await;
    assert!(response.0.headers().contains_key("retry-after"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["code"]), (503, &json!("unavailable")));
    let (status, body) = post(&client, "/api/chat/rooms", &json!({"name": "late"})).await;
    assert_eq!((status, &body["code"]), (503, &json!("unavailable")));
    // Jitter, so that clients that were refused together do not come back together.
    assert!((1_000..=2_000).contains(&body["retry_after_ms"].as_u64().unwrap()), "{body}");
}

#[tokio::test]
async fn a_reply_names_the_message_it_is_to() {
    let client = client().await;
    let room = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{room}/messages?username=Alice");
    let (status, first) = post(&client, &path, &json!({"content": "one"})).await;
    assert_eq!((status, first.get("reply_to")), (201, None));
    let (status, reply) = post(&client, &path, &json!({"content": "two", "reply_to": 1})).await;
    assert_eq!((status, &reply["reply_to"]), (201, &json!(1)));
    let (_, page) = get(&client, &format!("/api/chat/rooms/{room}/messages")).await;
    assert_eq!(page["messages"], json!([first, reply]));
    for (to, status, code) in [
        (json!(3), 404, "message_not_found"),
        (json!(0), 404, "message_not_found"),
        (json!((1_u64 << 53) - 1), 404, "message_not_found"),
        (json!(1_u64 << 53), 400, "invalid_field"),
        (json!(-1), 400, "invalid_field"),
        (json!("1"), 400, "invalid_field"),
        (json!(null), 400, "invalid_field"),
    ] {
        let (is, body) = post(&client, &path, &json!({"content": "three", "reply_to": to})).await;
        assert_eq!((is, &body["code"]), (status, &json!(code)), "{to}");
        assert_eq!(body.get("field").is_some(), status == 400, "{to}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let client = client().await;
    let response = client.head("/api/chat/rooms").send().await;
    response.assert_status_is_ok();
    assert_eq!(response.0.content_type(), Some("application/json"));
    let length: usize = response.0.header("Content-Length").unwrap().parse().unwrap();
    assert!(response.0.into_body().into_vec().await.unwrap().is_empty());
    let got = client.get("/api/chat/rooms").send().await.0.into_body().into_vec().await.unwrap();
    assert_eq!(length, got.len());
    let with_body = client.get("/api/chat/rooms").body("ignored").send().await;
    with_body.assert_status_is_ok();
}

#[tokio::test]
async fn listed_pages_may_use_the_api_and_others_may_not() {
    let listed = "https://app.example".parse().unwrap();
    let client = TestClient::new(chat_http::site(engine().await, Guests).allow_origins([listed]));
    let preflight = async |origin: &str| {
        let request = client.options("/api/chat/rooms").header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").send().await
    };
    let response = preflight("https://app.example").await;
    response.assert_status(poem::http::StatusCode::NO_CONTENT);
    response.assert_header("Access-Control-Allow-Origin", "https://app.example");
    response.assert_header("Access-Control-Allow-Methods", "POST, GET, HEAD");
    assert!(response.0.header("Access-Control-Allow-Headers").unwrap().contains("Idempotency-Key"));
    assert!(response.0.header("Access-Control-Allow-Credentials").is_none());
    for stranger in ["https://evil.example", "https://app.example.evil", "null", "*"] {
        let response = preflight(stranger).await;
        assert_eq!(response.0.status().as_u16(), 405, "{stranger}");
        let response = client.get("/api/chat/rooms").header("Origin", stranger).send().await;
        assert!(response.0.header("Access-Control-Allow-Origin").is_none(), "{stranger}");
        response.assert_header("Vary", "Authorization, Cookie, Origin");
    }
    // Pages can read errors, too.
    for path in ["/api/chat/rooms", "/api/chat/rooms/7"] {
        let response = client.get(path).header("Origin", "https://app.example").send().await;
        response.assert_header("Access-Control-Allow-Origin", "https://app.example");
    }
}
