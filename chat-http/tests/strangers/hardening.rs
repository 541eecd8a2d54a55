//! What every answer tells browsers to forbid, and which pages may read answers.

use crate::common::{client, engine, room};
use chat_http::{Guests, api, site};
use poem::{
    IntoEndpoint, Route,
    http::{Method, StatusCode},
    test::{TestClient, TestResponse},
};

fn header<'a>(response: &'a TestResponse, name: &str) -> &'a str {
    response.0.header(name).unwrap_or_default()
}

#[tokio::test]
async fn every_answer_tells_browsers_what_to_forbid() {
    let client = client().await;
    let id = room(&client, "general").await;
    let messages = format!("/api/chat/rooms/{id}/messages");
    for (method, path, status) in [
        (Method::GET, "/", 200),
        (Method::GET, "/docs", 200),
        (Method::GET, "/docs/swagger-ui.js", 200),
        (Method::GET, "/openapi.json", 200),
        (Method::GET, "/healthz", 200),
        (Method::GET, "/api/chat/rooms", 200),
        (Method::HEAD, "/api/chat/rooms", 200),
        (Method::GET, &messages, 200),
        (Method::GET, "/api/chat/rooms?limit=x", 400),
        (Method::POST, &messages, 401),
        (Method::GET, "/nothing", 404),
        (Method::GET, "/api/chat/rooms/99", 404),
        (Method::DELETE, "/", 405),
        (Method::POST, "/api/chat/rooms", 415),
    ] {
        let answer = client.request(method, path).send().await;
        assert_eq!(answer.0.status().as_u16(), status, "{path}");
        let policy = header(&answer, "content-security-policy");
        for part in [
            "default-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(&answer, name), value, "{path}: {name}");
        }
        assert!(header(&answer, "permissions-policy").contains("camera=()"), "{path}");
        assert_eq!(header(&answer, "strict-transport-security"), "", "{path}: there is no TLS");
        assert!(!header(&answer, "content-type").is_empty(), "{path}");
    }
    let unknown_host = client.get("/").header("host", "evil.example").send().await;
    assert!(header(&unknown_host, "content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_where_there_is_tls() {
    let url = |text: &str| text.parse().unwrap();
    let engine = engine().await;
    let plain = || site(engine.clone(), Guests).allow_hosts(["chat.example".parse().unwrap()]);
    let behind_a_proxy = TestClient::new(plain().public_url(url("https://chat.example")).into_endpoint());
    for path in ["/", "/api/chat/rooms", "/nothing"] {
        behind_a_proxy.get(path).send().await.assert_header("strict-transport-security", "max-age=31536000");
    }
    let without = TestClient::new(plain().public_url(url("http://chat.example")).into_endpoint());
    assert_eq!(header(&without.get("/").send().await, "strict-transport-security"), "");

    // An app may have pages that need something else.
    let mounted = api(engine.clone(), Guests).public_url(url("https://chat.example"));
    let app = TestClient::new(Route::new().nest("/community", mounted));
    assert_eq!(header(&app.get("/community/api/chat/rooms").send().await, "strict-transport-security"), "");
}

#[tokio::test]
async fn r48_preflights_are_answered_to_listed_pages_alone() {
    let listed = "https://app.example";
    let client = TestClient::new(site(engine().await, Guests).allow_origins([listed.parse().unwrap()]).into_endpoint());
    let id = room(&client, "general").await;
    let message = format!("/api/chat/rooms/{id}/messages/1/reactions/x");
    for (path, method) in [("/api/chat/rooms", "POST"), (&*message, "PUT"), ("/api/chat/nothing", "GET")] {
        for (origin, is_answered) in [
            (listed, true),
            ("HTTPS://App.Example:443", true),
            ("https://evil.example", false),
            ("https://app.example.evil", false),
            ("https://evil.example/https://app.example", false),
            ("http://app.example", false),
            ("https://app.example:444", false),
            ("null", false),
            ("*", false),
            ("", false),
        ] {
            let asked = client.options(path).header("origin", origin).header("access-control-request-method", method);
            let answer = asked.header("access-control-request-headers", "content-type,x-evil").send().await;
            let allowed = header(&answer, "access-control-allow-origin");
            assert_eq!(allowed, if is_answered { origin } else { "" }, "{path} {origin}");
            assert_eq!(answer.0.status() == StatusCode::NO_CONTENT, is_answered, "{path} {origin}");
            assert_eq!(
                header(&answer, "access-control-allow-methods").is_empty(),
                !is_answered || path.ends_with("nothing")
            );
            assert!(!header(&answer, "access-control-allow-headers").contains("evil"), "{origin}");
            assert_eq!(header(&answer, "access-control-allow-credentials"), "", "{origin}");
            assert!(header(&answer, "vary").contains("Origin"), "{path} {origin}");
        }
    }
    // Two origins, or one that is no text, are none.
    let twice = client.get("/api/chat/rooms").header("origin", listed).header("origin", listed).send().await;
    assert_eq!(header(&twice, "access-control-allow-origin"), "");
    let bytes = poem::http::HeaderValue::from_bytes(b"https://\xe9.example").unwrap();
    let answer = client.get("/api/chat/rooms").header("origin", bytes).send().await;
    assert_eq!((answer.0.status(), header(&answer, "access-control-allow-origin")), (StatusCode::OK, ""));
}
