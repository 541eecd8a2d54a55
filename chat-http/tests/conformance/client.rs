//! The interface that the cases use for each transport, and the events in a form common to all.

use std::time::Duration;

use chat_core::{Draft, Identity, Limits, RoomId};
use serde_json::Value;
use tokio::time::timeout;

use crate::common::{engine_with, socket::Server};

/// Far longer than anything takes: a test that waits this long fails.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(20);

/// A client of one user in one room, over one of the transports. The cases do not use what a transport lacks.
pub(crate) trait Client: Sized {
    /// Attaches. An error is the code of the refusal.
    async fn enter(stage: &Stage, name: &str, entry: Entry) -> Result<(Self, Entered), String>;

    /// Sends, and waits for the answer. An error is the code of the refusal.
    async fn send(&mut self, content: &str, key: Option<&str>) -> Result<Stored, String>;

    /// The next event or signal.
    async fn next(&mut self) -> Heard;

    /// What was received before the last answer, and is still to be returned by [`next`](Self::next).
    fn heard_before_answer(&self) -> Vec<Heard> {
        panic!("answers come on another connection");
    }

    /// Says that the user types.
    async fn type_something(&mut self) {
        panic!("there is no way to say it");
    }

    /// Detaches, and waits for the answer.
    async fn detach(&mut self) {
        panic!("there is no way to say it");
    }

    /// Leaves properly.
    async fn leave(self) {
        panic!("there is no way to say it");
    }

    /// Disconnects without saying so.
    async fn lose(self);
}

/// How to attach.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The event to resume after, and its epoch; `None`: from now on.
    pub(crate) after: Option<(Option<String>, u64)>,
    pub(crate) presence: bool,
}

impl Entry {
    pub(crate) const NOW: Self = Self { after: None, presence: true };

    pub(crate) fn after(epoch: &str, seq: u64) -> Self {
        Self { after: Some((Some(epoch.to_owned()), seq)), presence: true }
    }
}

/// The answer to an attach.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entered {
    Attached { epoch: String, head: u64, missed: Vec<Heard> },
    Resync { epoch: String, head: u64 },
}

/// A message that was stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) replayed: bool,
}

/// An event or a signal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    Message {
        seq: u64,
        user: String,
        content: String,
        key: Option<String>,
    },
    Updated {
        seq: u64,
        name: String,
    },
    Deleted {
        seq: u64,
    },
    Join(String),
    Leave(String),
    UserList(Vec<String>),
    Typing(Vec<String>),
    /// The room has ended for this client.
    End,
}

impl Heard {
    /// Converts a frame.
    pub(crate) fn of_frame(frame: &Value) -> Self {
        let text = |name: &str| frame[name].as_str().unwrap_or_else(|| panic!("no {name}: {frame}")).to_owned();
        let texts = |name: &str| serde_json::from_value(frame[name].clone()).unwrap();
        let seq = || frame["seq"].as_u64().unwrap();
        match text("type").as_str() {
            "message" => Self::Message {
                seq: seq(),
                user: text("user"),
                content: text("content"),
                key: frame["key"].as_str().map(ToOwned::to_owned),
            },
            "room_updated" => Self::Updated { seq: seq(), name: text("name") },
            "room_deleted" => Self::Deleted { seq: seq() },
            "join" => Self::Join(text("user")),
            "leave" => Self::Leave(text("user")),
            "user_list" => Self::UserList(texts("users")),
            "typing" => Self::Typing(texts("users")),
            _ => panic!("an unknown frame: {frame}"),
        }
    }

    /// Whether it is a numbered event.
    pub(crate) const fn is_event(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Updated { .. } | Self::Deleted { .. })
    }

    /// A message without a key.
    pub(crate) fn message(seq: u64, user: &str, content: &str) -> Self {
        Self::Message { seq, user: user.to_owned(), content: content.to_owned(), key: None }
    }
}

/// An engine in memory with one room, and a server for it.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) room: RoomId,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        limits.signal_interval = Duration::from_millis(20);
        change(&mut limits);
        let server = Server::start(engine_with(limits).await).await;
        let room = server.room("general").await;
        Self { server, room }
    }

    /// Attaches from now on, and receives what comes at the start.
    pub(crate) async fn enter<C: Client>(&self, name: &str) -> C {
        let (mut client, entered) = C::enter(self, name, Entry::NOW).await.unwrap();
        assert!(matches!(&entered, Entered::Attached { missed, .. } if missed.is_empty()), "{entered:?}");
        let list = client.next().await;
        assert!(matches!(&list, Heard::UserList(users) if users.iter().any(|user| user == name)), "{list:?}");
        client
    }

    /// The host sends a message.
    pub(crate) async fn say(&self, text: &str) -> u64 {
        let host = Identity::named("Host").unwrap();
        self.server.engine.send(&host, self.room, Draft::text(text)).await.unwrap().seq.0
    }

    /// Waits until there are this many sessions.
    pub(crate) async fn until_sessions(&self, count: usize) {
        let waiting = async {
            while self.server.engine.health().sessions != count {
                tokio::task::yield_now().await;
            }
        };
        timeout(TOO_LONG, waiting).await.expect("so many sessions in time");
    }
}

/// Reads until this comes.
pub(crate) async fn until<C: Client>(client: &mut C, awaited: &Heard) {
    loop {
        let heard = client.next().await;
        if heard == *awaited {
            return;
        }
        assert_ne!(heard, Heard::End, "it ended before {awaited:?}");
    }
}

/// The next event; signals are skipped.
pub(crate) async fn next_event<C: Client>(client: &mut C) -> Heard {
    loop {
        let heard = client.next().await;
        if heard.is_event() || heard == Heard::End {
            return heard;
        }
    }
}
