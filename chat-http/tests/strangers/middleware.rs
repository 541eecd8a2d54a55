//! Which requests are let in, and the headers of every answer.

use crate::common::{Client, client, client_of, engine, get, post, read, room};
use chat_http::{Guests, api, site};
use poem::{
    IntoEndpoint, Route,
    http::{Method, StatusCode},
    test::{TestClient, TestResponse},
};
use serde_json::json;

const PAGES: [&str; 11] = [
    "/",
    "/client.js",
    "/widget.js",
    "/docs",
    "/docs/start.js",
    "/docs/docs.css",
    "/docs/frames",
    "/docs/swagger-ui.js",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/openapi.yaml",
];

fn header<'a>(response: &'a TestResponse, name: &str) -> &'a str {
    response.0.header(name).unwrap_or_default()
}

async fn ask_for(client: &Client, path: &str, host: &str) -> TestResponse {
    client.get(path).header("host", host).send().await
}

#[tokio::test]
async fn r47_a_name_that_is_given_this_address_is_not_answered_for() {
    let client = client().await;
    for path in PAGES.into_iter().chain(["/api/chat/rooms", "/api/chat/nothing", "/nothing", "/ws/chat?username=A"]) {
        let (status, problem) = read(ask_for(&client, path, "evil.example:8080").await).await;
        assert_eq!((status, &problem["code"]), (421, &json!("wrong_host")), "{path}");
    }
    let refused = ask_for(&client, "/api/chat/rooms", "evil.example").await;
    assert_eq!(header(&refused, "cache-control"), "no-store");
    let made = client.post("/api/chat/rooms").header("host", "evil.example").content_type("application/json");
    made.body(r#"{"name": "x"}"#).send().await.assert_status(StatusCode::MISDIRECTED_REQUEST);
    let preflight = client.options("/api/chat/rooms").header("host", "evil.example");
    preflight
        .header("access-control-request-method", "POST")
        .send()
        .await
        .assert_status(StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(get(&client, "/api/chat/rooms").await.1["rooms"], json!([]), "nothing was made");
    for host in ["localhost:8080", "chat.localhost", "192.168.0.7", "[::1]:80"] {
        ask_for(&client, "/api/chat/rooms", host).await.assert_status_is_ok();
    }
    for path in ["/healthz", "/readyz"] {
        ask_for(&client, path, "10-0-0-7.pod.cluster.local").await.assert_status_is_ok();
    }
    for host in ["", "a b", "u@localhost", "localhost:x"] {
        let (status, problem) = read(ask_for(&client, "/api/chat/rooms", host).await).await;
        assert_eq!((status, &problem["field"]), (400, &json!("Host")), "{host}");
    }
}

#[tokio::test]
async fn a_site_answers_for_the_names_it_is_told() {
    let url = "https://chat.example:8443".parse().unwrap();
    let site = site(engine().await, Guests).public_url(url).allow_hosts(["other.example".parse().unwrap()]);
    let client = TestClient::new(site.clone().into_endpoint());
    for (host, status) in [("Chat.Example.", 200), ("other.example:1", 200), ("third.example", 421)] {
        assert_eq!(ask_for(&client, "/api/chat/rooms", host).await.0.status().as_u16(), status, "{host}");
    }
    let open = TestClient::new(site.allow_any_host().into_endpoint());
    ask_for(&open, "/api/chat/rooms", "third.example").await.assert_status_is_ok();
}

#[tokio::test]
async fn an_api_in_another_app_answers_for_every_host_unless_told() {
    let url = "https://chat.example".parse().unwrap();
    let mounted = api(engine().await, Guests).public_url(url);
    let checked = mounted.clone().allow_hosts([]);
    let client = TestClient::new(Route::new().nest("/a", mounted).nest("/b", checked));
    for (path, host, status) in [
        ("/a/api/chat/rooms", "any.example", 200),
        ("/b/api/chat/rooms", "any.example", 421),
        ("/b/api/chat/rooms", "chat.example", 200),
    ] {
        assert_eq!(client.get(path).header("host", host).send().await.0.status().as_u16(), status, "{path} {host}");
    }
}

/// What a page can send without a CORS preflight: forms, `fetch` with `no-cors`, beacons.
#[tokio::test]
async fn r48_pages_of_other_origins_change_nothing() {
    let client = client().await;
    let id = room(&client, "general").await;
    let messages = format!("/api/chat/rooms/{id}/messages?username=Ghost");
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json", ""]
    {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            for (path, body) in [("/api/chat/rooms", r#"{"name":"x"}"#), (&*messages, r#"{"content":"x"}"#)] {
                let mut request = client.post(path).header("host", "localhost").header(name, value);
                if !kind.is_empty() {
                    request = request.content_type(kind);
                }
                let (status, problem) = read(request.body(body).send().await).await;
                assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{kind} {name}: {value}");
            }
        }
    }
    for method in [Method::DELETE, Method::PATCH] {
        let path = format!("/api/chat/rooms/{id}");
        let request = client.request(method, path).header("host", "localhost").header("origin", "https://evil.example");
        request.send().await.assert_status(StatusCode::FORBIDDEN);
    }
    assert_eq!(get(&client, "/api/chat/rooms").await.1["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(get(&client, &messages).await.1["head"], 0);
    // The server's own page may do it, and so may programs, which send neither header.
    let own = client.post(&messages).header("host", "localhost:1").header("origin", "http://localhost:1");
    let own = own.content_type("application/json").body(r#"{"content":"x"}"#).send().await;
    own.assert_status(StatusCode::CREATED);
    let read_only = client.get("/api/chat/rooms").header("origin", "https://evil.example").send().await;
    read_only.assert_status_is_ok();
    assert_eq!(header(&read_only, "access-control-allow-origin"), "", "and no page can read that");
}

#[tokio::test]
async fn reads_are_asked_for_again_and_not_sent_again() {
    let client = client().await;
    let id = room(&client, "general").await;
    post(&client, &format!("/api/chat/rooms/{id}/messages?username=A"), &json!({"content": "x"})).await;
    for path in
        ["/api/chat/rooms".to_owned(), format!("/api/chat/rooms/{id}"), format!("/api/chat/rooms/{id}/messages")]
    {
        let first = client.get(&path).send().await;
        assert_eq!(header(&first, "cache-control"), "private, no-cache", "{path}");
        assert_eq!(header(&first, "vary"), "Authorization, Cookie, Origin", "{path}");
        let tag = header(&first, "etag").to_owned();
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            for method in [Method::GET, Method::HEAD] {
                let again = client.request(method, &path).header("if-none-match", &known).send().await;
                again.assert_status(StatusCode::NOT_MODIFIED);
                assert_eq!((header(&again, "etag"), header(&again, "cache-control")), (&*tag, "private, no-cache"));
                assert_eq!(
                    (header(&again, "vary"), header(&again, "content-type")),
                    ("Authorization, Cookie, Origin", "")
                );
                assert!(again.0.into_body().into_vec().await.unwrap().is_empty());
            }
        }
        for other in ["\"x\"", tag.trim_matches('"'), ""] {
            client.get(&path).header("if-none-match", other).send().await.assert_status_is_ok();
        }
        let head = client.head(&path).send().await;
        assert_eq!(header(&head, "etag"), tag);
        post(&client, &format!("/api/chat/rooms/{id}/messages?username=A"), &json!({"content": "y"})).await;
        client.get(&path).header("if-none-match", &tag).send().await.assert_status_is_ok();
    }
}

#[tokio::test]
async fn nothing_else_is_kept() {
    let engine = engine().await;
    let client = client_of(engine.clone());
    let id = room(&client, "general").await;
    let at = |rest: &str| format!("/api/chat/rooms/{id}{rest}");
    for (method, path, body, status) in [
        (Method::POST, "/api/chat/rooms".to_owned(), r#"{"name":"x"}"#, 201),
        (Method::PATCH, at(""), r#"{"topic":"x"}"#, 200),
        (Method::POST, at("/messages?username=A"), r#"{"content":"x"}"#, 201),
        (Method::POST, at("/messages"), r#"{"content":"x"}"#, 401),
        (Method::GET, at("/presence"), "", 200),
        (Method::GET, at("/messages?limit=0"), "", 400),
        (Method::GET, "/api/chat/rooms/99".to_owned(), "", 404),
        (Method::GET, "/api/chat/nothing".to_owned(), "", 404),
        (Method::GET, "/api/chat".to_owned(), "", 404),
        (Method::GET, "/nothing".to_owned(), "", 404),
        (Method::PUT, at(""), "", 405),
        (Method::POST, "/docs".to_owned(), "", 405),
        (Method::POST, "/api/chat/rooms".to_owned(), "", 415),
        (Method::HEAD, at("/events?username=A"), "", 405),
        (Method::DELETE, "/api/chat/rooms/2".to_owned(), "", 204),
        (Method::GET, "/healthz".to_owned(), "", 200),
        (Method::GET, "/readyz".to_owned(), "", 200),
    ] {
        let mut request = client.request(method, &path);
        if !body.is_empty() {
            request = request.content_type("application/json").body(body);
        }
        let answer = request.send().await;
        assert_eq!((answer.0.status().as_u16(), header(&answer, "cache-control")), (status, "no-store"), "{path}");
        assert_eq!(header(&answer, "etag"), "", "{path}");
    }
    engine.shutdown().await;
    let unready = client.get("/readyz").send().await;
    assert_eq!((unready.0.status().as_u16(), header(&unready, "cache-control")), (503, "no-store"));
}

#[tokio::test]
async fn listed_pages_may_ask_with_tags() {
    let site = site(engine().await, Guests).allow_origins(["https://app.example".parse().unwrap()]);
    let client = TestClient::new(site.into_endpoint());
    let first = client.get("/api/chat/rooms").header("origin", "https://app.example").send().await;
    for exposed in ["Date", "ETag"] {
        assert!(header(&first, "access-control-expose-headers").contains(exposed), "{exposed}");
    }
    let again = client.get("/api/chat/rooms").header("origin", "https://app.example");
    let again = again.header("if-none-match", header(&first, "etag")).send().await;
    again.assert_status(StatusCode::NOT_MODIFIED);
    again.assert_header("access-control-allow-origin", "https://app.example");
    let preflight = client.options("/api/chat/rooms").header("origin", "https://app.example");
    let preflight = preflight.header("access-control-request-method", "GET").send().await;
    assert!(header(&preflight, "access-control-allow-headers").contains("If-None-Match"));
    assert_eq!(header(&preflight, "cache-control"), "no-store");
}

#[tokio::test]
async fn the_documentation_is_files_without_anything_inline() {
    let client = client().await;
    for path in PAGES {
        let plain = client.get(path).send().await;
        plain.assert_status_is_ok();
        let policy = header(&plain, "content-security-policy");
        for part in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header(&plain, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header(&plain, "vary"), "Accept-Encoding", "{path}");
        let zipped = client.get(path).header("accept-encoding", "gzip").send().await;
        assert_eq!(header(&zipped, "content-encoding"), "gzip", "{path}");
        let (tag, zipped_tag) = (header(&plain, "etag").to_owned(), header(&zipped, "etag").to_owned());
        assert!(!tag.is_empty() && tag != zipped_tag, "{path}");
        let again = client.get(path).header("accept-encoding", "gzip").header("if-none-match", zipped_tag).send().await;
        again.assert_status(StatusCode::NOT_MODIFIED);
        assert_eq!(header(&again, "content-encoding"), "", "{path}");
        let head = client.head(path).send().await;
        assert_eq!((header(&head, "etag"), header(&head, "content-security-policy").is_empty()), (&*tag, false));
        let (plain, zipped) =
            (plain.0.into_body().into_vec().await.unwrap(), zipped.0.into_body().into_vec().await.unwrap());
        assert_eq!(header(&head, "content-length"), plain.len().to_string(), "{path}");
        assert!(zipped.starts_with(&[0x1f, 0x8b]) && (zipped.len() < plain.len() || plain.len() < 200), "{path}");
    }
    let page = client.get("/docs").send().await.0.into_body().into_string().await.unwrap();
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("http"), "{page}");
    assert!(page.split("<script").skip(1).all(|script| script.starts_with(" src=\"docs/")), "{page}");
}

#[tokio::test]
async fn a_path_may_be_spelled_in_other_ways() {
    let client = client().await;
    let id = room(&client, "general").await;
    for path in ["/api/chat/%72ooms", "/%61pi/ch%61t/rooms", &format!("/api/chat/rooms/%3{id}")] {
        assert_eq!(get(&client, path).await.0, 200, "{path}");
    }
    let allow = client.delete("/api/chat/%72ooms").send().await;
    allow.assert_header("allow", "POST, GET, HEAD");
    for path in ["/api%2Fchat/rooms", "/api/chat%2frooms", "/api/chat/rooms%2F1", "/%FF", "/api/chat/%FF"] {
        assert_eq!(get(&client, path).await.0, 404, "{path}");
    }
    for path in [
        "/api/chat/rooms/%FF",
        "/api/chat/rooms/%ff/messages",
        "/api/chat/rooms/%zz",
        "/api/chat/rooms/%e9/events",
        "/api/chat/rooms/1%2F2",
        "/api/chat/rooms/%",
        "/api/chat/rooms/%2e%2e/presence",
    ] {
        let (status, problem) = get(&client, path).await;
        assert_eq!(
            (status, &problem["code"], &problem["field"]),
            (400, &json!("invalid_field"), &json!("room_id")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_401_says_how_to_say_who_one_is() {
    let client = client().await;
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages");
    let answer = client.post(&path).content_type("application/json").body(r#"{"content":"x"}"#).send().await;
    answer.assert_header("www-authenticate", "Guest realm=\"chat\", parameter=\"username\"");
    let (status, problem) = read(answer).await;
    assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")));
    assert!(problem["detail"].as_str().unwrap().contains("?username="), "{problem}");
    let (status, problem) = get(&client, &format!("/api/chat/rooms/{id}/events")).await;
    assert!(status == 401 && problem["detail"].as_str().unwrap().contains("?username="), "{problem}");
}
