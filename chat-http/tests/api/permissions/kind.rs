//! How people come, which says who they are.

use std::time::{SystemTime, UNIX_EPOCH};

use chat_core::{ChatEngine, Identity};
use chat_http::{Accounts, Guests, JwtAuthenticator, JwtKeys, Several, Site, site};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::common::{Client, post};

/// How somebody comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Without a word about who they are.
    Anonymous,
    /// With a name that anybody may give (`?username=`).
    Guest,
    /// With a token that the host's app has signed.
    Token,
    /// With an account of the server.
    Account,
    /// The same; it is the administrator's.
    Administrator,
    /// The host, in nobody's name. Only over the Rust API, as the next one.
    System,
    /// The host, in a user's name.
    SystemAs,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Anonymous, Self::Guest, Self::Token, Self::Account, Self::Administrator, Self::System, Self::SystemAs];

    /// Those who can be something in a room.
    pub(crate) const USERS: [Self; 4] = [Self::Guest, Self::Token, Self::Account, Self::Administrator];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Guest => "guest",
            Self::Token => "token",
            Self::Account => "account",
            Self::Administrator => "administrator",
            Self::System => "`System`",
            Self::SystemAs => "`SystemAs`",
        }
    }

    /// The host calls the Rust API, and nothing else.
    pub(crate) const fn is_host(self) -> bool {
        matches!(self, Self::System | Self::SystemAs)
    }
}

/// What a request shows of who sends it.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    Nothing,
    Name(&'static str),
    Token(String),
}

impl Shown {
    /// The path that shows it, and the header.
    pub(crate) fn to(&self, path: &str) -> (String, Option<String>) {
        match self {
            Self::Nothing => (path.to_owned(), None),
            Self::Name(name) => (format!("{path}?username={name}"), None),
            Self::Token(token) => (path.to_owned(), Some(format!("Bearer {token}"))),
        }
    }
}

const SECRET: &[u8] = b"what the app signs its tokens with";
/// The password of all accounts.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A site where all kinds of people may come.
pub(crate) fn site_for_all(engine: &ChatEngine, accounts: &Accounts) -> Site {
    let tokens = JwtAuthenticator::new(JwtKeys::default().and_hs256(SECRET).unwrap());
    let several = Several::new(accounts.clone().beside_tokens()).or(tokens).or(Guests);
    site(engine.clone(), several).accounts(accounts.clone())
}

/// Somebody of each kind, as the engine knows them, and what they show of themselves over HTTP.
pub(crate) struct People(Vec<(Kind, Option<Identity>, Shown)>);

impl People {
    /// Has one of each kind come to a site.
    pub(crate) async fn come(client: &Client, accounts: &Accounts) -> Self {
        let setup = accounts.setup_token();
        let (ada, adas) = register(client, "Ada", None).await;
        let (root, roots) = register(client, "Root", setup).await;
        let user = |id: &str, name| Identity::new(id, name).unwrap();
        Self(vec![
            (Kind::Anonymous, None, Shown::Nothing),
            (Kind::Guest, Some(user("guest:Gus", "Gus").as_guest()), Shown::Name("Gus")),
            (Kind::Token, Some(user("u-1", "Tom")), Shown::Token(token("u-1", "Tom"))),
            (Kind::Account, Some(user(&ada, "Ada")), Shown::Token(adas)),
            (Kind::Administrator, Some(user(&root, "Root").as_admin()), Shown::Token(roots)),
            (Kind::System, None, Shown::Nothing),
            (Kind::SystemAs, Some(user("bot", "Bot")), Shown::Nothing),
        ])
    }

    /// In whose name somebody of this kind acts.
    pub(crate) fn identity(&self, kind: Kind) -> Option<&Identity> {
        self.of(kind).1.as_ref()
    }

    pub(crate) fn shown(&self, kind: Kind) -> &Shown {
        &self.of(kind).2
    }

    fn of(&self, kind: Kind) -> &(Kind, Option<Identity>, Shown) {
        self.0.iter().find(|(known, ..)| *known == kind).unwrap()
    }
}

fn token(id: &str, name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"sub": id, "name": name, "iat": now, "exp": now + 600});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

/// Registers somebody, and returns their id and the token of the login.
pub(crate) async fn register(client: &Client, name: &str, setup_token: Option<String>) -> (String, String) {
    let mut body = json!({"username": name, "password": PASSWORD});
    if let Some(token) = setup_token {
        body["setup_token"] = token.into();
    }
    let (status, login) = post(client, "/api/chat/account/register", &body).await;
    assert_eq!(status, 201, "{login}");
    let text = |field: &str| login[field].as_str().unwrap().to_owned();
    (text("user"), text("token"))
}
