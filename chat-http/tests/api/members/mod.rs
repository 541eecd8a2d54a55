//! Who is in rooms, and what that lets them do: over REST, sockets and event streams.

mod answers;
mod bad_input;
mod direct;
mod invites;
mod recheck;
mod rights;
mod streams;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Actor, ChangeMember, ChatEngine, Clock, Error, Identity, NewRoom, Now, Role, RoomId, Timestamp, UserId,
};
use chat_http::{Authenticated, Authenticator};
use poem::http::Method;
use serde_json::Value;

use crate::common::{Client, client_as, read};

/// Believes the token: it is the user's name. `root` is an administrator, and `gus` a guest.
#[derive(Clone, Copy)]
struct Named;

#[async_trait::async_trait]
impl Authenticator for Named {
    async fn authenticate(&self, request: &poem::Request) -> Result<Authenticated, Error> {
        let header = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        header.map_or(Ok(Authenticated::anonymous()), |name| Ok(user(name).into()))
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
        Ok(user(token).into())
    }

    fn allows_anonymous(&self) -> bool {
        true
    }
}

fn user(name: &str) -> Identity {
    let identity = Identity::named(name).unwrap();
    match name {
        "root" => identity.as_admin(),
        "gus" => identity.as_guest(),
        _ => identity,
    }
}

fn id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// A clock that is moved by hand; it begins at 2026-11-22T10:00:00Z.
#[derive(Clone)]
struct ByHand(Arc<AtomicI64>);

impl ByHand {
    const START: i64 = 1_795_341_600_000_000;

    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(0)))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ByHand {
    fn now(&self) -> Now {
        let passed = self.0.load(Ordering::SeqCst);
        let mono = Duration::from_micros(u64::try_from(passed).unwrap());
        Now { wall: Timestamp(Self::START + passed), mono }
    }
}

/// A room with one of each: `olga` owns it, `mona` is a moderator, `mike` a member, `bea` banned, and `mutt` a muted member.
/// `sam` is nothing in it, and neither are `gus`, a guest, and `root`, an administrator.
struct Stage {
    engine: ChatEngine,
    client: Client,
    clock: ByHand,
}

const ROOM: RoomId = RoomId(1);

impl Stage {
    /// The room is Olga's.
    async fn owned() -> Self {
        Self::of("olga").await
    }

    /// Nobody owns the room, which a guest has made.
    async fn open() -> Self {
        Self::of("gus").await
    }

    async fn of(maker: &str) -> Self {
        let clock = ByHand::new();
        let engine = ChatEngine::builder().clock(clock.clone()).build().await.unwrap();
        assert_eq!(engine.create_room(&user(maker), NewRoom::named("general")).await.unwrap().id, ROOM);
        let client = client_as(engine.clone(), Named);
        let stage = Self { engine, client, clock };
        let role = if maker == "olga" { Role::Moderator } else { Role::Member };
        stage.host(ChangeMember::add(id("mona")).role(role)).await;
        for name in ["mike", "mutt", "target"] {
            stage.host(ChangeMember::add(id(name))).await;
        }
        stage.host(ChangeMember::mute(id("mutt"), None)).await;
        stage.host(ChangeMember::ban(id("bea"), None)).await;
        stage
    }

    async fn host(&self, change: ChangeMember) {
        self.engine.change_member(Actor::System, ROOM, change).await.unwrap();
    }

    /// Makes a call below the room as somebody, or as nobody.
    async fn call(&self, name: &str, method: Method, below: &str, body: Option<Value>) -> (u16, Value) {
        let (status, answer, _) = self.call_with_key(name, (method, below, body), None).await;
        (status, answer)
    }

    /// The same with a key; says also whether it is a replay.
    async fn call_with_key(
        &self,
        name: &str,
        (method, below, body): (Method, &str, Option<Value>),
        key: Option<&str>,
    ) -> (u16, Value, bool) {
        let mut request = self.client.request(method, format!("/api/chat/rooms/1{below}"));
        if !name.is_empty() {
            request = request.header("Authorization", format!("Bearer {name}"));
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        let response = request.send().await;
        let replayed = response.0.headers().contains_key("Idempotency-Replayed");
        let (status, answer) = read(response).await;
        (status, answer, replayed)
    }

    async fn get(&self, name: &str, below: &str) -> Value {
        let (status, answer) = self.call(name, Method::GET, below, None).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn put(&self, name: &str, below: &str, body: Value) -> (u16, Value) {
        self.call(name, Method::PUT, below, Some(body)).await
    }

    async fn delete(&self, name: &str, below: &str) -> (u16, Value) {
        self.call(name, Method::DELETE, below, None).await
    }

    /// The users of a list of members, with their roles.
    async fn members(&self, below: &str) -> Vec<(String, String)> {
        let page = self.get("olga", below).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let members = page["members"].as_array().unwrap();
        members.iter().map(|member| (text(&member["user"]), text(&member["role"]))).collect()
    }
}

/// The status and the code of an answer.
fn outcome((status, answer): (u16, Value)) -> String {
    match answer["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}
