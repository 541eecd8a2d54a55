//! Accounts of the server: registering, logging in and out, and what ends with that, over REST, sockets and event streams. The letters
//! in names of tests are rows of the table of bad input that this project holds to.

mod admin;
mod cookies;
mod log_outs;
mod passwords;

use chat_core::{ChatEngine, store::sea::connections};
use chat_http::{Accounts, Guests, Registration, Several, Site, site};
use poem::{IntoEndpoint, http::Method, test::TestClient};
use serde_json::{Value, json};

use crate::common::{self, Client, engine, read};

/// A server with accounts, called in process.
struct Stage {
    client: Client,
    engine: ChatEngine,
    accounts: Accounts,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Registration::Open).await
    }

    async fn with(registration: Registration) -> Self {
        let engine = engine().await;
        let accounts = accounts(&engine, registration).await;
        let client = TestClient::new(site_of(&engine, &accounts).into_endpoint());
        Self { client, engine, accounts }
    }

    /// Makes a request with these headers; returns the status, the headers of the answer and its body.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> (u16, Option<String>, Value) {
        let mut request = self.client.request(method, format!("/api/chat{path}")).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        let response = request.send().await;
        let cookie = response.0.header("set-cookie").map(ToOwned::to_owned);
        let (status, body) = read(response).await;
        (status, cookie, body)
    }

    /// The same with the token of a login.
    async fn call(&self, token: &str, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let (status, _, body) = self.ask(method, path, &[("authorization", &bearer)], body).await;
        (status, body)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.ask(Method::POST, path, &[], Some(body)).await;
        (status, body)
    }

    /// Registers, and returns the token of the login.
    async fn register(&self, name: &str) -> String {
        let (status, login) = self.post("/account/register", &who(name)).await;
        assert_eq!(status, 201, "{login}");
        token_of(&login)
    }

    /// Registers the administrator.
    async fn register_admin(&self) -> String {
        let mut body = who("root");
        body["setup_token"] = self.accounts.setup_token().unwrap().into();
        let (status, login) = self.post("/account/register", &body).await;
        assert_eq!(status, 201, "{login}");
        token_of(&login)
    }

    /// Logs in once more.
    async fn log_in(&self, name: &str) -> String {
        let (status, login) = self.post("/account/login", &who(name)).await;
        assert_eq!(status, 200, "{login}");
        token_of(&login)
    }

    async fn is_good(&self, token: &str) -> bool {
        let (status, me) = self.call(token, Method::GET, "/me", None).await;
        assert!(matches!(status, 200 | 401), "{me}");
        status == 200
    }
}

async fn accounts(engine: &ChatEngine, registration: Registration) -> Accounts {
    Accounts::open(connections("sqlite::memory:", 1).unwrap(), engine.clone(), registration).await.unwrap()
}

/// A site with accounts, beside which guests may come.
fn site_of(engine: &ChatEngine, accounts: &Accounts) -> Site {
    site(engine.clone(), Several::new(accounts.clone()).or(Guests)).accounts(accounts.clone())
}

/// A password of this user's.
fn password(name: &str) -> String {
    format!("the password of {name}")
}

/// What this user logs in with.
fn who(name: &str) -> Value {
    json!({"username": name, "password": password(name)})
}

fn token_of(login: &Value) -> String {
    login["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_registers_is_logged_in() {
    let stage = Stage::new().await;
    let (status, cookie, login) = stage.ask(Method::POST, "/account/register", &[], Some(&who(" Ada "))).await;
    assert_eq!(status, 201, "{login}");
    let (id, token) = (login["user"].as_str().unwrap(), token_of(&login));
    assert!(id.starts_with("account:") && id.len() == 40, "{id}");
    assert_eq!(login["username"], "Ada");
    assert_eq!(token.len(), 64);
    let kept = cookie.unwrap();
    assert!(kept.starts_with(&format!("__Host-chat={token}; Path=/; ")), "{kept}");
    let (_, me) = stage.call(&token, Method::GET, "/me", None).await;
    let expected = json!({"user": id, "username": "Ada", "via": "account", "expires_at": login["expires_at"]});
    assert_eq!(me, expected);
    let (status, room) = stage.call(&token, Method::POST, "/rooms", Some(&json!({"name": "general"}))).await;
    assert_eq!((status, &room["owned"]), (201, &json!(true)), "{room}");
    // One more login of the same user.
    let (status, again) =
        stage.post("/account/login", &json!({"username": "ADA", "password": password(" Ada ")})).await;
    assert_eq!((status, &again["user"], &again["username"]), (200, &login["user"], &login["username"]), "{again}");
    assert_ne!(again["token"], login["token"]);
}

#[tokio::test]
async fn r27_a_name_is_one_accounts_whatever_its_case_and_width() {
    let stage = Stage::new().await;
    stage.register("Σίσυφος").await;
    for same in ["Σίσυφος", "σίσυφοσ", "ΣΊΣΥΦΟΣ"] {
        let (status, problem) = stage.post("/account/register", &who(same)).await;
        assert_eq!((status, &problem["code"]), (409, &json!("name_taken")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("account"), "{problem}");
    }
    stage.register("ada").await;
    assert_eq!(stage.post("/account/register", &who("ＡＤＡ")).await.0, 409);
}

#[tokio::test]
async fn r28_names_follow_the_rules_of_names() {
    let stage = Stage::new().await;
    for bad in ["", " ", "\u{200b}", "a\u{202e}b", "guest:Ada", "account:1", "erased:1", &"x".repeat(65)] {
        let (status, problem) = stage.post("/account/register", &who(bad)).await;
        assert_eq!((status, &problem["field"]), (400, &json!("username")), "{bad}: {problem}");
    }
    for (body, field) in [
        (json!({"password": "12345678"}), "username"),
        (json!({"username": "Ada"}), "password"),
        (json!({"username": "Ada", "password": 12_345_678}), "password"),
        (json!({"username": "Ada", "password": "12345678", "admin": true}), "admin"),
        (json!({"username": "Ada", "password": "12345678", "setup_token": 1}), "setup_token"),
    ] {
        let (status, problem) = stage.post("/account/register", &body).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{body}: {problem}");
    }
}

#[tokio::test]
async fn the_setup_token_makes_one_administrator() {
    let stage = Stage::with(Registration::Off).await;
    let setup = stage.accounts.setup_token().unwrap();
    let with = |name: &str, token: &str| {
        let mut body = who(name);
        body["setup_token"] = token.into();
        body
    };
    let wrong = "0".repeat(64);
    for body in [who("Ada"), with("Ada", ""), with("Ada", &wrong), with("Ada", &setup[1..])] {
        let (status, problem) = stage.post("/account/register", &body).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{problem}");
    }
    // What fails for another reason does not use it up.
    let mut short = with("Ada", &setup);
    short["password"] = "1234567".into();
    assert_eq!(stage.post("/account/register", &short).await.0, 400);
    let (status, login) = stage.post("/account/register", &with("Ada", &setup)).await;
    assert_eq!(status, 201, "{login}");
    assert_eq!(stage.call(&token_of(&login), Method::GET, "/accounts", None).await.0, 200);
    assert_eq!(stage.accounts.setup_token(), None);
    assert_eq!(stage.post("/account/register", &with("Bob", &setup)).await.0, 403);
}

#[tokio::test]
async fn a_setup_token_that_is_shown_in_vain_can_be_used_later() {
    let stage = Stage::new().await;
    stage.register("Ada").await;
    let mut body = who("ada");
    body["setup_token"] = stage.accounts.setup_token().unwrap().into();
    assert_eq!(stage.post("/account/register", &body).await.0, 409);
    stage.register_admin().await;
}

#[tokio::test]
async fn guests_and_tokens_of_others_stay_who_they_are() {
    let stage = Stage::new().await;
    let (status, _, me) = stage.ask(Method::GET, "/me?username=Bob", &[], None).await;
    assert_eq!((status, &me["user"], &me["via"]), (200, &json!("guest:Bob"), &json!("guest")));
    for bad in ["Bearer x", "Bearer a.b.c", "Basic QTpC", &format!("Bearer {}", "0".repeat(64))] {
        let (status, _, problem) = stage.ask(Method::GET, "/me?username=Bob", &[("authorization", bad)], None).await;
        assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")), "{bad}");
    }
    for path in ["/account/logout", "/account/logout-all"] {
        let (status, _, problem) = stage.ask(Method::POST, &format!("{path}?username=Bob"), &[], None).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{path}: {problem}");
    }
}

#[tokio::test]
async fn the_name_shown_can_be_changed_and_the_one_to_log_in_with_stays() {
    let stage = Stage::new().await;
    let token = stage.register("Ada").await;
    let (status, me) = stage.call(&token, Method::PATCH, "/me", Some(&json!({"username": "Countess"}))).await;
    assert_eq!((status, &me["username"], &me["via"]), (200, &json!("Countess"), &json!("account")));
    assert_eq!(stage.post("/account/login", &who("Countess")).await.0, 401);
    let (_, login) = stage.post("/account/login", &who("Ada")).await;
    assert_eq!(login["username"], "Countess", "{login}");
}

#[tokio::test]
async fn a_server_without_accounts_has_none_of_their_paths() {
    let client = common::client().await;
    for path in ["/account/register", "/account/login"] {
        let (status, problem) = common::post(&client, &format!("/api/chat{path}"), &who("Ada")).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{path}");
    }
    for path in ["/account/logout", "/account/logout-all"] {
        let (status, _) = common::post(&client, &format!("/api/chat{path}?username=Ada"), &json!({})).await;
        assert_eq!(status, 404, "{path}");
    }
    assert_eq!(common::get(&client, "/api/chat/accounts?username=Ada").await.0, 404);
}

#[cfg(feature = "ui")]
#[tokio::test]
async fn the_page_knows_whether_there_are_accounts() {
    let says = |page: &[u8], word: &str| {
        String::from_utf8_lossy(page).contains(&format!("name=\"chat-accounts\" content=\"{word}\""))
    };
    let welcomes = |page: &[u8]| String::from_utf8_lossy(page).contains("name=\"chat-guests\" content=\"welcome\"");
    let page = async |client: &Client, encoding: &str| {
        let response = client.get("/").header("accept-encoding", encoding).send().await;
        let tag = response.0.header("etag").unwrap().to_owned();
        (response.0.into_body().into_vec().await.unwrap(), tag)
    };
    let (without, tag) = page(&common::client().await, "identity").await;
    assert!(says(&without, "none") && !welcomes(&without));
    for (registration, word) in [(Registration::Open, "open"), (Registration::Off, "off")] {
        let stage = Stage::with(registration).await;
        let (plain, own_tag) = page(&stage.client, "identity").await;
        assert!(says(&plain, word) && welcomes(&plain) && own_tag != tag, "{word}");
        // A compressed file ends with the length of what is in it.
        let (zipped, _) = page(&stage.client, "gzip").await;
        let length = u32::from_le_bytes(zipped[zipped.len() - 4..].try_into().unwrap());
        assert_eq!(length as usize, plain.len());
    }
}
