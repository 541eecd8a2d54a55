//! Logins of browsers: the cookie, and the pages for which it counts.

use poem::http::Method;
use serde_json::{Value, json};

use super::Stage;

/// What a browser keeps, and the page that it shows.
fn headers<'h>(cookie: &'h str, page: &'h [(&'h str, &'h str)]) -> Vec<(&'h str, &'h str)> {
    [&[("cookie", cookie)], page].concat()
}

const OWN: (&str, &str) = ("origin", "http://localhost");

async fn status(stage: &Stage, method: Method, path: &str, headers: &[(&str, &str)]) -> u16 {
    let body = (method == Method::POST && path == "/rooms").then(|| json!({"name": "general"}));
    stage.ask(method, path, headers, body.as_ref()).await.0
}

#[tokio::test]
async fn a_cookie_counts_for_pages_of_the_server_alone() {
    let stage = Stage::new().await;
    let cookie = format!("a=b; __Host-chat={}", stage.register("Ada").await);
    let rooms = |page: &[(&str, &str)]| {
        let headers: Vec<(String, String)> =
            headers(&cookie, page).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let stage = &stage;
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            (status(stage, Method::GET, "/me", &headers).await, status(stage, Method::PATCH, "/me", &headers).await)
        }
    };
    // A page of the server's own; the body that is missing is only looked for when it is known who asks.
    assert_eq!(rooms(&[OWN]).await, (200, 415));
    assert_eq!(rooms(&[]).await, (200, 403), "without a page it only reads");
    assert_eq!(rooms(&[("sec-fetch-site", "same-origin")]).await, (200, 403));
    assert_eq!(rooms(&[("sec-fetch-site", "cross-site")]).await, (401, 403));
    for foreign in ["http://localhost:81", "https://localhost", "null", "http://localhost.evil"] {
        assert_eq!(rooms(&[("origin", foreign)]).await, (401, 403), "{foreign}");
    }
    assert_eq!(rooms(&[OWN, OWN]).await, (401, 403), "two");
}

#[tokio::test]
async fn a_header_decides_over_the_cookie() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.register("Ada").await, stage.register("Bob").await);
    let (cookie, bearer) = (format!("__Host-chat={ada}"), format!("Bearer {bob}"));
    let (_, _, me) = stage.ask(Method::GET, "/me", &[("cookie", &cookie), ("authorization", &bearer)], None).await;
    assert_eq!(me["username"], "Bob");
    let bad = [("cookie", &*cookie), ("authorization", "Bearer x")];
    let (status, kept, _) = stage.ask(Method::GET, "/me", &bad, None).await;
    assert_eq!((status, kept), (401, None), "the cookie is not what is wrong");
}

#[tokio::test]
async fn r49_a_cookie_that_is_no_good_is_taken_back_and_never_kept() {
    let stage = Stage::new().await;
    let chosen = "0".repeat(64);
    for bad in [&*chosen, "", "x", &"x".repeat(8_000)] {
        let cookie = format!("__Host-chat={bad}");
        let (status, kept, _) = stage.ask(Method::GET, "/me?username=Bob", &[("cookie", &cookie), OWN], None).await;
        assert_eq!(status, 401, "{bad:.9}");
        assert!(kept.unwrap().starts_with("__Host-chat=; Path=/; Max-Age=0;"));
    }
    // Whatever was there before, a login has a token of its own.
    let cookie = format!("__Host-chat={chosen}");
    let (status, kept, login) =
        stage.ask(Method::POST, "/account/register", &[("cookie", &cookie), OWN], Some(&super::who("Ada"))).await;
    assert_eq!(status, 201, "{login}");
    assert!(!kept.unwrap().contains(&chosen));
    let two = format!("__Host-chat={}; __Host-chat={chosen}", super::token_of(&login));
    assert_eq!(stage.ask(Method::GET, "/me", &[("cookie", &two), OWN], None).await.0, 400);
}

#[tokio::test]
async fn r48_other_sites_log_nobody_in_or_out() {
    let stage = Stage::new().await;
    let cookie = format!("__Host-chat={}", stage.register("Ada").await);
    for path in ["/account/login", "/account/register", "/account/logout", "/account/logout-all"] {
        let foreign = [("cookie", &*cookie), ("origin", "http://evil.example")];
        let (status, kept, problem) = stage.ask(Method::POST, path, &foreign, Some(&super::who("Ada"))).await;
        assert_eq!((status, kept, &problem["code"]), (403, None, &json!("forbidden")), "{path}");
    }
    // A form of another site can send no JSON.
    let request = stage.client.post("/api/chat/account/login").content_type("text/plain");
    let response = request.body(super::who("Ada").to_string()).send().await;
    assert_eq!(response.0.status(), 415);
    let (status, kept, body) = stage.ask(Method::POST, "/account/logout", &[("cookie", &cookie), OWN], None).await;
    assert_eq!((status, body), (204, Value::Null));
    assert!(kept.unwrap().contains("Max-Age=0"));
    assert_eq!(stage.ask(Method::GET, "/me", &[("cookie", &cookie)], None).await.0, 401);
}
