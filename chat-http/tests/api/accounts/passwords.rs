//! Passwords: how they are compared, and changed.

use chat_core::Limits;
use chat_http::{Listener, Registration};
use poem::{IntoEndpoint, http::Method, test::TestClient};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Stage, accounts, password, site_of, token_of, who};
use crate::common::{engine_with, http::request, socket::Server};

#[tokio::test]
async fn r24_a_wrong_password_and_an_unknown_name_are_answered_alike() {
    let stage = Stage::new().await;
    stage.register("Ada").await;
    let wrong = |name: &str, password: &str| json!({"username": name, "password": password});
    let mut answers = Vec::new();
    for body in [
        wrong("Ada", "not her password"),
        wrong("Ada", ""),
        wrong("nobody", &password("Ada")),
        wrong("", &password("Ada")),
        wrong("a\u{202e}b", "not her password"),
    ] {
        answers.push(stage.ask(Method::POST, "/account/login", &[], Some(&body)).await);
    }
    let first = answers[0].clone();
    assert_eq!((first.0, &first.2["code"]), (401, &json!("unauthenticated")));
    assert_eq!(first.2["detail"], "the name or the password is wrong");
    assert!(answers.iter().all(|answer| *answer == first), "{answers:?}");
}

#[tokio::test]
async fn r25_all_of_a_password_counts_and_none_is_cut() {
    let stage = Stage::new().await;
    let long = "🦀".repeat(256);
    let with = |password: &str| json!({"username": "Ada", "password": password});
    for (bad, status) in [("1234567", 400), ("\u{0}12345678", 400), (&*format!("{long}x"), 400)] {
        let (found, problem) = stage.post("/account/register", &with(bad)).await;
        assert_eq!((found, &problem["field"]), (status, &json!("password")), "{problem}");
    }
    assert_eq!(stage.post("/account/register", &with(&long)).await.0, 201);
    for (shown, status) in [
        (long.clone(), 200),
        ("🦀".repeat(255), 401),
        (format!("{}x", "🦀".repeat(255)), 401),
        (format!("{long}x"), 400),
        ("x".repeat(1 << 20), 413),
    ] {
        let (found, answer) = stage.post("/account/login", &with(&shown)).await;
        assert_eq!(found, status, "{} bytes: {answer}", shown.len());
    }
    let spaces = json!({"username": "Bob", "password": "  spaces  "});
    assert_eq!(stage.post("/account/register", &spaces).await.0, 201);
    assert_eq!(stage.post("/account/login", &json!({"username": "Bob", "password": "spaces"})).await.0, 401);
    assert_eq!(stage.post("/account/login", &spaces).await.0, 200);
}

#[tokio::test]
async fn r26_passwords_are_tried_slowly_from_one_address_and_nobody_is_locked_out() {
    let engine = engine_with(Limits::for_strangers()).await;
    let accounts = accounts(&engine, Registration::Open).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let listener = Listener::from(listener).trust(["127.0.0.1".parse().unwrap()]);
    let server = Server::start_on(addr, listener, engine.clone(), site_of(&engine, &accounts));
    let ask = async |address: &str, path: &str, body: &Value| {
        let forwarded = format!("X-Forwarded-For: {address}\r\n");
        request(server.addr, "POST", &format!("/api/chat/account/{path}"), &forwarded, Some(body)).await
    };
    let (head, _) = ask("192.0.2.1", "register", &who("Ada")).await;
    assert_eq!(head.status, 201);
    let wrong = json!({"username": "Ada", "password": "not her password"});
    let mut refused = None;
    for _ in 0..100 {
        let (head, problem) = ask("192.0.2.1", "login", &wrong).await;
        if head.status == 429 {
            let wait: u64 = head.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=12).contains(&wait), "{wait}");
            refused.get_or_insert(problem);
        } else {
            assert_eq!((head.status, &refused), (401, &None));
        }
    }
    assert_eq!(refused.unwrap()["code"], "rate_limited");
    // The right password counts as much; another address has its own tries, and logs in.
    assert_eq!(ask("192.0.2.1", "login", &who("Ada")).await.0.status, 429);
    assert_eq!(ask("192.0.2.2", "login", &who("Ada")).await.0.status, 200);
    // Registering has a rate of its own.
    let names = ["B", "C", "D", "E", "F"];
    let mut made = Vec::new();
    for name in names {
        made.push(ask("192.0.2.1", "register", &who(name)).await.0.status);
    }
    assert_eq!(made, [201, 201, 201, 201, 429]);
}

/// A host whose server does not see who is there, such as poem's behind a proxy, says it by the options.
#[tokio::test]
async fn the_app_may_say_from_which_address_passwords_are_tried() {
    let engine = engine_with(Limits::for_strangers()).await;
    let accounts = accounts(&engine, Registration::Open).await;
    let site = site_of(&engine, &accounts)
        .client_address(|headers, _extensions| headers.get("x-real-ip")?.to_str().ok()?.parse().ok());
    let stage = Stage { client: TestClient::new(site.into_endpoint()), engine, accounts };
    let register = async |address: &str, name: &str| {
        let from = [("x-real-ip", address)];
        stage.ask(Method::POST, "/account/register", &from, Some(&who(name))).await.0
    };
    for name in ["A", "B", "C", "D", "E"] {
        assert_eq!(register("192.0.2.1", name).await, 201);
    }
    assert_eq!(register("192.0.2.1", "F").await, 429);
    assert_eq!(register("192.0.2.2", "F").await, 201);
}

#[tokio::test]
async fn another_password_ends_all_other_logins() {
    let stage = Stage::new().await;
    let (own, other) = (stage.register("Ada").await, stage.log_in("Ada").await);
    let change = |old: &str, new: &str| json!({"password": old, "new_password": new});
    let right = password("Ada");
    for (body, status, key, value) in [
        (change("wrong", "a new password"), 403, "code", "forbidden"),
        (change(&right, "1234567"), 400, "field", "new_password"),
        (json!({"new_password": "a new password"}), 400, "field", "password"),
    ] {
        let (found, problem) = stage.call(&own, Method::POST, "/account/password", Some(&body)).await;
        assert_eq!((found, &problem[key]), (status, &json!(value)), "{problem}");
    }
    assert!(stage.is_good(&other).await);
    let (status, body) =
        stage.call(&own, Method::POST, "/account/password", Some(&change(&right, "a new password"))).await;
    assert_eq!((status, body), (204, Value::Null));
    assert!(stage.is_good(&own).await && !stage.is_good(&other).await);
    assert_eq!(stage.post("/account/login", &who("Ada")).await.0, 401);
    let (status, login) = stage.post("/account/login", &json!({"username": "Ada", "password": "a new password"})).await;
    assert_eq!(status, 200);
    assert!(stage.is_good(&token_of(&login)).await);
}
