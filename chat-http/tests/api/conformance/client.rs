//! The interface that the cases use for each transport, and the events in a form common to all.

use std::time::Duration;

use chat_core::{Body, Draft, Identity, Limits, MemberChange, Role, RoomId, Seq, UserId};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{engine_with, socket::Server};

/// Far longer than anything takes: a test that waits this long fails.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(20);

/// A client of one user in one room, over one of the transports. The cases do not use what a transport lacks.
pub(crate) trait Client: Sized {
    /// Attaches. An error is the code of the refusal.
    async fn enter(stage: &Stage, name: &str, entry: Entry) -> Result<(Self, Entered), String>;

    /// Sends, and waits for the answer. An error is the code of the refusal.
    async fn send_body(&mut self, body: Body, key: Option<&str>) -> Result<Stored, String>;

    /// Sends a text, and waits for the answer. An error is the code of the refusal.
    async fn send(&mut self, content: &str, key: Option<&str>) -> Result<Stored, String> {
        self.send_body(Body::text(content), key).await
    }

    /// Changes a message, and waits for the answer. An error is the code of the refusal.
    async fn change(&mut self, target: u64, change: Change, key: Option<&str>) -> Result<Changed, String>;

    /// Marks the room as read, and waits for the answer. An error is the code of the refusal.
    async fn mark(&mut self, seq: u64) -> Result<Marked, String>;

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

/// What is done with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Edit(&'static str),
    Delete,
    React(&'static str, bool),
    Pin(bool),
}

/// What became of a change, as far as all transports say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Changed {
    pub(crate) replayed: bool,
    /// How many users have the reaction, if it was about one.
    pub(crate) count: Option<u64>,
}

/// A mark, and what is unread beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Marked {
    pub(crate) seq: u64,
    pub(crate) unread: u64,
    pub(crate) mentions: u64,
    pub(crate) ordinal: u64,
}

impl Marked {
    pub(crate) fn of_json(answer: &Value) -> Self {
        let number = |name: &str| answer[name].as_u64().unwrap_or_else(|| panic!("no {name}: {answer}"));
        let (seq, unread) = (number("seq"), number("unread"));
        Self { seq, unread, mentions: number("mentions"), ordinal: number("ordinal") }
    }
}

/// An event or a signal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    Message {
        seq: u64,
        user: String,
        body: Body,
        key: Option<String>,
    },
    Edited {
        seq: u64,
        target: u64,
        body: Body,
    },
    Erased {
        seq: u64,
        target: u64,
    },
    Reacted {
        seq: u64,
        target: u64,
        reaction: String,
        added: bool,
        count: u64,
    },
    Pinned {
        seq: u64,
        target: u64,
        pinned: bool,
    },
    /// Somebody is in the room, or is no longer, or is something else there.
    Member {
        seq: u64,
        change: MemberChange,
        user: String,
        role: Option<Role>,
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
    /// How far users have read.
    Read(Vec<(String, u64)>),
    /// The room has ended for this client.
    End,
}

impl Heard {
    /// Converts a frame.
    pub(crate) fn of_frame(frame: &Value) -> Self {
        let text = |name: &str| frame[name].as_str().unwrap_or_else(|| panic!("no {name}: {frame}")).to_owned();
        let texts = |name: &str| serde_json::from_value(frame[name].clone()).unwrap();
        let number = |name: &str| frame[name].as_u64().unwrap_or_else(|| panic!("no {name}: {frame}"));
        let seq = || number("seq");
        let is = |name: &str| frame[name].as_bool().unwrap_or_else(|| panic!("no {name}: {frame}"));
        match text("type").as_str() {
            "message" => Self::Message {
                seq: seq(),
                user: text("user"),
                body: body(frame),
                key: frame["key"].as_str().map(ToOwned::to_owned),
            },
            "message_edited" => Self::Edited { seq: seq(), target: number("target"), body: body(frame) },
            "message_deleted" => Self::Erased { seq: seq(), target: number("target") },
            "reaction" => {
                let (reaction, added, count) = (text("reaction"), is("added"), number("count"));
                Self::Reacted { seq: seq(), target: number("target"), reaction, added, count }
            }
            "pin" => Self::Pinned { seq: seq(), target: number("target"), pinned: is("pinned") },
            "read" => {
                let mark = |mark: &Value| (mark["user"].as_str().unwrap().to_owned(), mark["seq"].as_u64().unwrap());
                Self::Read(frame["marks"].as_array().unwrap().iter().map(mark).collect())
            }
            "member" => {
                let member = &frame["member"];
                let role = member["role"].as_str().map(|role| Role::parse(role).unwrap());
                let change = MemberChange::parse(&text("change")).unwrap();
                Self::Member { seq: seq(), change, user: member["user"].as_str().unwrap().to_owned(), role }
            }
            "detached" => Self::End,
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
        match self {
            Self::Message { .. }
            | Self::Edited { .. }
            | Self::Erased { .. }
            | Self::Reacted { .. }
            | Self::Pinned { .. }
            | Self::Member { .. }
            | Self::Updated { .. }
            | Self::Deleted { .. } => true,
            Self::Join(_) | Self::Leave(_) | Self::UserList(_) | Self::Typing(_) | Self::Read(_) | Self::End => false,
        }
    }

    /// A message without a key.
    pub(crate) fn message(seq: u64, user: &str, content: &str) -> Self {
        Self::Message { seq, user: user.to_owned(), body: Body::text(content), key: None }
    }
}

/// What a message says, from a frame.
fn body(frame: &Value) -> Body {
    let mut body = Body::text(frame["content"].as_str().unwrap());
    (body.reply_to, body.thread) = (frame["reply_to"].as_u64().map(Seq), frame["thread"].as_u64().map(Seq));
    let mentions = frame["mentions"].as_array().into_iter().flatten();
    body.mentions = mentions.map(|id| UserId::new(id.as_str().unwrap()).unwrap()).collect();
    body.mentions_room = frame["mentions_room"] == true;
    body.meta = frame.get("meta").map(Value::to_string);
    body
}

/// A body as the fields of a request.
pub(crate) fn fields(body: &Body) -> Value {
    let mut fields = json!({"content": body.content});
    for (name, seq) in [("reply_to", body.reply_to), ("thread", body.thread)] {
        if let Some(seq) = seq {
            fields[name] = json!(seq.0);
        }
    }
    if !body.mentions.is_empty() {
        fields["mentions"] = body.mentions.iter().map(UserId::as_str).collect();
    }
    if body.mentions_room {
        fields["mentions_room"] = json!(true);
    }
    if let Some(meta) = &body.meta {
        fields["meta"] = serde_json::from_str(meta).unwrap();
    }
    fields
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
