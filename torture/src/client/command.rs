//! The commands that make events: sends, and changes of messages and members, as sockets, REST and histories have them.

use histcheck::history::{Change, Changed, Content, Outcome, Page, Role, Sent, Step, What};
use serde_json::{Value, json};

use super::{frame, reply::Reply, stamp};

/// A command with its key. Sent again, it is the same command.
#[derive(Debug, Clone)]
pub struct Command {
    /// The room.
    pub room: u64,
    /// The key.
    pub key: String,
    /// What is asked.
    pub act: Act,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Act {
    /// To send a message.
    Send {
        /// What it says.
        content: Content,
        /// The message that it replies to.
        reply_to: Option<u64>,
        /// The message in whose thread it is sent.
        thread: Option<u64>,
    },
    /// To change a message.
    Change {
        /// The message.
        target: u64,
        /// What is to become of it.
        change: Change,
    },
    /// To change who is in the room, or what they may do there. Only REST has it.
    Member {
        /// Whom it is about.
        user: String,
        /// What is to become of them.
        step: Step,
    },
}

/// The positive answer to a command.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To a send.
    Sent(Sent),
    /// To a change of a message or a member.
    Changed(Changed),
}

/// A call over REST.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: &'static str,
    /// What follows the room in the path, up to the parameters.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Command {
    /// A message that is only a text.
    #[must_use]
    pub fn text(room: u64, key: String, body: String) -> Self {
        Self { room, key, act: Act::Send { content: Content::text(body), reply_to: None, thread: None } }
    }

    /// The same key for something else, which is no retry and has to be refused.
    pub fn misuse(&mut self) {
        match &mut self.act {
            Act::Send { content: Content { body, .. }, .. } | Act::Change { change: Change::Edit { body, .. }, .. } => {
                body.push_str(" (and something else)");
            }
            Act::Change { change: Change::Delete { reason }, .. } => *reason = Some("something else".to_owned()),
            Act::Change { change: Change::React { reaction, .. }, .. } => reaction.push('!'),
            Act::Change { change: Change::Pin { pinned }, .. } => *pinned = !*pinned,
            Act::Member { step, .. } => *step = if *step == Step::Unmute { Step::Unban } else { Step::Unmute },
        }
    }

    /// Whether only REST has it.
    #[must_use]
    pub const fn is_only_rest(&self) -> bool {
        matches!(self.act, Act::Member { .. })
    }

    /// The path of the call over REST, of which this follows the room; an invite tells the room itself.
    pub(super) fn path(&self, below: &str) -> String {
        match &self.act {
            Act::Member { step: Step::Accept { code }, .. } => format!("/api/chat/invites/{code}"),
            Act::Send { .. } | Act::Change { .. } | Act::Member { .. } => path_of_room(self.room, below),
        }
    }

    /// The frame for a socket.
    pub(super) fn frame(&self) -> Value {
        let (kind, mut frame) = match &self.act {
            Act::Send { content, reply_to, thread } => ("message", draft(content, *reply_to, *thread)),
            Act::Change { target, change } => {
                let (kind, mut frame) = match change {
                    Change::Edit { .. } => ("edit", edit(change)),
                    Change::Delete { reason } => ("delete", json!({"reason": reason})),
                    Change::React { reaction, added } => ("react", json!({"reaction": reaction, "added": added})),
                    Change::Pin { pinned } => ("pin", json!({"pinned": pinned})),
                };
                frame["target"] = (*target).into();
                (kind, frame)
            }
            // No socket is given one.
            Act::Member { .. } => ("member", json!({})),
        };
        frame["type"] = kind.into();
        frame["room"] = self.room.into();
        frame["key"] = self.key.as_str().into();
        without_nulls(frame)
    }

    /// The call over REST.
    pub(super) fn call(&self) -> Call {
        let (target, change) = match &self.act {
            Act::Send { content, reply_to, thread } => {
                let body = Some(without_nulls(draft(content, *reply_to, *thread)));
                return Call { method: "POST", path: "/messages?".to_owned(), body };
            }
            Act::Change { target, change } => (target, change),
            Act::Member { user, step } => return member_call(user, step),
        };
        let put = |yes: bool| if yes { "PUT" } else { "DELETE" };
        let (method, rest, body) = match change {
            Change::Edit { .. } => ("PATCH", "?".to_owned(), Some(without_nulls(edit(change)))),
            Change::Delete { reason: None } => ("DELETE", "?".to_owned(), None),
            Change::Delete { reason: Some(reason) } => ("DELETE", format!("?reason={}&", encoded(reason)), None),
            Change::React { reaction, added } => (put(*added), format!("/reactions/{}?", encoded(reaction)), None),
            Change::Pin { pinned } => (put(*pinned), "/pin?".to_owned(), None),
        };
        Call { method, path: format!("/messages/{target}{rest}"), body }
    }

    /// The answer in a frame, if it is one.
    pub(super) fn answer_of_frame(&self, frame: &Value) -> Option<Answer> {
        let (seq, replayed) = (frame["seq"].as_u64(), frame["replayed"] == true);
        match &self.act {
            Act::Send { .. } => Some(Answer::Sent(Sent { seq: seq?, replayed, event: None })),
            Act::Change { change, .. } => {
                let is_reaction = matches!(change, Change::React { .. });
                let count = if is_reaction { Some(frame["count"].as_u64()?) } else { None };
                Some(Answer::Changed(Changed { seq, tells_seq: true, replayed, count, page: None }))
            }
            Act::Member { .. } => None,
        }
    }

    /// The answer of a call, if it is one.
    pub(super) fn answer_of_reply(&self, reply: &Reply) -> Option<Answer> {
        let replayed = reply.replayed;
        let changed = match &self.act {
            Act::Send { .. } => {
                let event = frame::event(&reply.body)?;
                return Some(Answer::Sent(Sent { seq: event.seq, replayed, event: Some(event) }));
            }
            Act::Change { change: Change::Delete { .. }, .. } | Act::Member { .. } => Changed::default(),
            Act::Change { change: Change::React { .. }, .. } => {
                Changed { count: Some(reply.body["count"].as_u64()?), ..Changed::default() }
            }
            Act::Change { change: Change::Edit { .. } | Change::Pin { .. }, .. } => {
                Changed { page: Some(page_of_one(&reply.body)?), ..Changed::default() }
            }
        };
        Some(Answer::Changed(Changed { replayed, ..changed }))
    }

    /// The record of a history. Long texts are shortened.
    pub(super) fn record(&self, result: Outcome<Answer>) -> What {
        let (room, key) = (self.room, self.key.clone());
        match &self.act {
            Act::Send { content, reply_to, thread } => {
                let content = Content { body: frame::short(&content.body), ..content.clone() };
                let result = map(result, |answer| match answer {
                    Answer::Sent(sent) => Some(sent),
                    Answer::Changed(_) => None,
                });
                What::Send { room, key, content, reply_to: *reply_to, thread: *thread, result }
            }
            Act::Change { target, change } => {
                let mut change = change.clone();
                if let Change::Edit { body, .. } = &mut change {
                    *body = frame::short(body);
                }
                What::Change { room, key, target: *target, change, result: changed(result) }
            }
            Act::Member { user, step } => {
                What::Member { room, key, user: user.clone(), step: step.clone(), result: changed(result) }
            }
        }
    }
}

/// A path below a room, without what stands at its end for parameters that there are none of.
pub(super) fn path_of_room(room: u64, below: &str) -> String {
    format!("/api/chat/rooms/{room}{}", below.trim_end_matches(['?', '&']))
}

/// The call for a change of a member.
fn member_call(user: &str, step: &Step) -> Call {
    let user = encoded(user);
    let until = |until: &Option<u64>| Some(without_nulls(json!({"until": until.map(stamp::text)})));
    let (method, path, body) = match step {
        Step::Join => ("POST", "/join?".to_owned(), None),
        // The path is another one; see `path`.
        Step::Accept { .. } => ("POST", String::new(), None),
        Step::Leave => ("POST", "/leave?".to_owned(), None),
        Step::Add { role } => {
            let body = without_nulls(json!({"role": role.map(Role::as_str)}));
            ("PUT", format!("/members/{user}?"), Some(body))
        }
        Step::Remove => ("DELETE", format!("/members/{user}?"), None),
        Step::Ban { until: end } => ("PUT", format!("/bans/{user}?"), until(end)),
        Step::Unban => ("DELETE", format!("/bans/{user}?"), None),
        Step::Mute { until: end } => ("PUT", format!("/mutes/{user}?"), until(end)),
        Step::Unmute => ("DELETE", format!("/mutes/{user}?"), None),
    };
    Call { method, path, body }
}

/// The outcome of a change.
fn changed(result: Outcome<Answer>) -> Outcome<Changed> {
    map(result, |answer| match answer {
        Answer::Changed(changed) => Some(changed),
        Answer::Sent(_) => None,
    })
}

/// A message with its head, as a page of its own.
pub(super) fn page_of_one(body: &Value) -> Option<Page> {
    let (head, messages) = (body["head"].as_u64()?, vec![frame::state(body)?]);
    Some(Page { epoch: String::new(), head, messages, has_before: false, has_after: false })
}

fn map<T>(result: Outcome<Answer>, of: impl FnOnce(Answer) -> Option<T>) -> Outcome<T> {
    match result {
        Outcome::Ok(answer) => of(answer).map_or(Outcome::Unknown, Outcome::Ok),
        Outcome::Refused(code) => Outcome::Refused(code),
        Outcome::Unknown => Outcome::Unknown,
    }
}

fn draft(content: &Content, reply_to: Option<u64>, thread: Option<u64>) -> Value {
    let Content { body, mentions, mentions_room, meta } = content;
    json!({
        "content": body,
        "reply_to": reply_to,
        "thread": thread,
        "mentions": (!mentions.is_empty()).then_some(mentions),
        "mentions_room": mentions_room.then_some(true),
        "meta": meta.as_deref().and_then(|meta| serde_json::from_str::<Value>(meta).ok()),
    })
}

fn edit(change: &Change) -> Value {
    let Change::Edit { body, mentions, mentions_room, meta } = change else { return Value::Null };
    let meta = meta.as_deref().and_then(|meta| serde_json::from_str::<Value>(meta).ok());
    json!({"content": body, "mentions": mentions, "mentions_room": mentions_room, "meta": meta})
}

/// Fields that are not given are left out.
pub(super) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

/// A text in a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_the_same_over_both_ways() {
        let change = Change::React { reaction: "👍".to_owned(), added: false };
        let command = Command { room: 7, key: "k".to_owned(), act: Act::Change { target: 3, change } };
        let frame = json!({"type": "react", "room": 7, "key": "k", "target": 3, "reaction": "👍", "added": false});
        assert_eq!(command.frame(), frame);
        let Call { method, path, body } = command.call();
        assert_eq!((method, path.as_str(), body), ("DELETE", "/messages/3/reactions/%F0%9F%91%8D?", None));
    }

    #[test]
    fn a_change_of_a_member_is_a_call() {
        let act = Act::Member { user: "a b".to_owned(), step: Step::Ban { until: Some(1_795_341_600_000) } };
        let Call { method, path, body } = Command { room: 7, key: "k".to_owned(), act }.call();
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        assert_eq!((method, path.as_str()), ("PUT", "/bans/%61%20%62?"));
        assert_eq!(body, r#"{"until":"2026-11-22T10:00:00Z"}"#);
    }

    #[test]
    fn what_is_not_given_is_left_out() {
        let command = Command::text(7, "k".to_owned(), "hello".to_owned());
        assert_eq!(command.frame(), json!({"type": "message", "room": 7, "key": "k", "content": "hello"}));
        assert_eq!(command.call().body, Some(json!({"content": "hello"})));
    }
}
