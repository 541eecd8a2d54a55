//! The decisions of a client, without IO: frames of the server and lines of the user come in, [`Effect`]s come out.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};

/// Something to do. Effects are carried out in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Show a line.
    Show(String),
    /// Send a frame.
    Send(Value),
    /// Wait, then send everything again with [`Chat::send_all`]: the server does not accept it now.
    Pause(Duration),
    /// Read the newest page of history, and pass it to [`Chat::resynced`].
    ReadHistory,
}

/// A chat of one user in one room.
pub(crate) struct Chat {
    username: String,
    /// The epoch of the position up to which everything was shown.
    epoch: String,
    seq: u64,
    /// Messages that were typed and not acknowledged: key and text, in order.
    unsent: VecDeque<(String, String)>,
    here: People,
    typing: People,
    /// Whether the user has said to be typing, and has sent nothing since.
    is_typing: bool,
    /// Whether everything missed was received on this connection, so that messages may be sent.
    is_ready: bool,
    /// Whether the connection has attached to the room.
    was_attached: bool,
}

impl Chat {
    pub(crate) fn new(username: &str) -> Self {
        Self {
            username: username.to_owned(),
            epoch: String::new(),
            seq: 0,
            unsent: VecDeque::new(),
            here: People::default(),
            typing: People::default(),
            is_typing: false,
            is_ready: false,
            was_attached: false,
        }
    }

    /// The position to resume from: the epoch and the number of the last event.
    pub(crate) fn position(&self) -> (&str, u64) {
        (&self.epoch, self.seq)
    }

    pub(crate) fn was_attached(&self) -> bool {
        self.was_attached
    }

    pub(crate) fn has_sent_all(&self) -> bool {
        self.unsent.is_empty()
    }

    /// The connection has ended.
    pub(crate) fn lost(&mut self) {
        self.is_ready = false;
        self.was_attached = false;
        self.here = People::default();
        self.typing = People::default();
    }

    /// Begins with a page of history, and returns its lines. Events after its head follow.
    pub(crate) fn begin(&mut self, page: &Value) -> Vec<String> {
        text(&page["epoch"]).clone_into(&mut self.epoch);
        self.seq = page["head"].as_u64().unwrap_or_default();
        let messages: Vec<&Value> = list(&page["messages"]).collect();
        messages.iter().for_each(|message| self.confirm(message));
        messages.into_iter().filter_map(described).collect()
    }

    /// Does the same after a `resync`, and sends what has waited.
    pub(crate) fn resynced(&mut self, page: &Value) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self.begin(page).into_iter().map(Effect::Show).collect();
        self.send_all(&mut effects);
        effects
    }

    /// Handles a frame of the server. Unknown types are ignored.
    pub(crate) fn hear(&mut self, frame: &Value, effects: &mut Vec<Effect>) {
        match text(&frame["type"]) {
            "attached" | "events" => self.missed(frame, effects),
            "resync" => {
                effects.push(Effect::Show("* you missed too much to show it all; here is the newest:".into()));
                effects.push(Effect::ReadHistory);
            }
            "ok" => self.unsent.retain(|(key, _)| frame["ref"] != **key),
            "error" => self.refused(frame, effects),
            "user_list" => self.here = People::of(frame),
            "join" | "leave" => effects.push(Effect::Show(format!("* {}", text(&frame["content"])))),
            "typing" => self.others_type(frame, effects),
            _ => self.event(frame, effects),
        }
    }

    /// Handles missed events. A large gap comes in several frames; the last one has no `more`.
    fn missed(&mut self, frame: &Value, effects: &mut Vec<Effect>) {
        for event in list(&frame["events"]) {
            self.event(event, effects);
        }
        if frame["more"] == true {
            return;
        }
        self.seq = self.seq.max(frame["head"].as_u64().unwrap_or_default());
        self.send_all(effects);
    }

    /// Sends everything that is not acknowledged, possibly again.
    pub(crate) fn send_all(&mut self, effects: &mut Vec<Effect>) {
        self.is_ready = true;
        self.was_attached = true;
        effects.extend(self.unsent.iter().map(|(key, content)| Effect::Send(message(key, content))));
        if self.is_typing {
            effects.push(typing());
        }
    }

    /// Sends a text of the user, and keeps it until it is acknowledged.
    pub(crate) fn say(&mut self, key: String, content: &str, effects: &mut Vec<Effect>) {
        if self.is_ready {
            effects.push(Effect::Send(message(&key, content)));
        }
        self.unsent.push_back((key, content.to_owned()));
        self.is_typing = false;
    }

    /// Tells the others that the user is typing, as soon as they can be told.
    pub(crate) fn show_typing(&mut self, effects: &mut Vec<Effect>) {
        self.is_typing = true;
        if self.is_ready {
            effects.push(typing());
        }
    }

    /// A line that says who is online.
    pub(crate) fn who(&self) -> String {
        if self.here.count == 0 { "* who is here is not known yet".into() } else { format!("* here: {}", self.here) }
    }

    /// Shows a numbered event once. Other frames have no number, and are unknown.
    fn event(&mut self, event: &Value, effects: &mut Vec<Effect>) {
        let seq = event["seq"].as_u64().unwrap_or_default();
        if seq > self.seq {
            self.seq = seq;
            effects.extend(described(event).map(Effect::Show));
        }
        self.confirm(event);
    }

    /// The user's own message has arrived, whether or not its `ok` did.
    fn confirm(&mut self, event: &Value) {
        if event["user"] == *self.username {
            self.unsent.retain(|(key, _)| event["key"] != **key);
        }
    }

    /// Handles a refusal, which may be temporary or final.
    fn refused(&mut self, error: &Value, effects: &mut Vec<Effect>) {
        effects.push(Effect::Show(format!("! {}", text(&error["message"]))));
        match error["retry_after_ms"].as_u64() {
            Some(ms) => {
                // The whole queue waits, so that the order is kept.
                self.is_ready = false;
                effects.push(Effect::Pause(Duration::from_millis(ms)));
            }
            None => self.unsent.retain(|(key, _)| error["ref"] != **key),
        }
    }

    fn others_type(&mut self, frame: &Value, effects: &mut Vec<Effect>) {
        let mut typing = People::of(frame);
        typing.forget(&self.username);
        if typing != self.typing && typing.count > 0 {
            effects.push(Effect::Show(format!("* typing: {typing}")));
        }
        self.typing = typing;
    }
}

/// Some names, and the total number: of many users not all are named.
#[derive(Debug, Default, PartialEq, Eq)]
struct People {
    names: Vec<String>,
    count: usize,
}

impl People {
    fn of(frame: &Value) -> Self {
        let names: Vec<String> = list(&frame["users"]).map(|name| text(name).to_owned()).collect();
        let count = frame["count"].as_u64().and_then(|count| usize::try_from(count).ok());
        Self { count: count.unwrap_or_default().max(names.len()), names }
    }

    fn forget(&mut self, name: &str) {
        let before = self.names.len();
        self.names.retain(|other| other != name);
        self.count -= before - self.names.len();
    }
}

impl std::fmt::Display for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.names.join(", "), self.count - self.names.len()) {
            (names, 0) => f.write_str(&names),
            (names, more) if names.is_empty() => write!(f, "{more} people"),
            (names, more) => write!(f, "{names} and {more} more"),
        }
    }
}

/// The line that shows an event, if it is of interest to people.
fn described(event: &Value) -> Option<String> {
    let time = text(&event["timestamp"]).get(11..16).unwrap_or_default();
    match text(&event["type"]) {
        "message" => Some(format!("{time} {}: {}", text(&event["username"]), text(&event["content"]))),
        "room_updated" => Some(format!("* the room is {}: {}", text(&event["name"]), text(&event["topic"]))),
        "room_deleted" => Some("* the room is gone".into()),
        _ => None,
    }
}

fn message(key: &str, content: &str) -> Value {
    json!({"type": "message", "content": content, "key": key, "ref": key})
}

fn typing() -> Effect {
    Effect::Send(json!({"type": "typing", "is_typing": true}))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chat that began with an empty page.
    fn begun() -> Chat {
        let mut chat = Chat::new("Alice");
        chat.begin(&json!({"epoch": "e", "head": 1, "messages": []}));
        chat
    }

    fn hear(chat: &mut Chat, frame: &Value) -> Vec<Effect> {
        let mut effects = Vec::new();
        chat.hear(frame, &mut effects);
        effects
    }

    fn event(seq: u64) -> Value {
        json!({"type": "message", "seq": seq, "user": "Bob", "username": "Bob", "content": format!("number {seq}"),
            "timestamp": "2026-11-22T16:35:40.057Z"})
    }

    fn shown(seq: u64) -> Effect {
        Effect::Show(format!("16:35 Bob: number {seq}"))
    }

    #[test]
    fn each_event_is_shown_once() {
        let mut chat = begun();
        let attached = json!({"type": "attached", "epoch": "e", "head": 3, "events": [event(2), event(3)]});
        assert_eq!(hear(&mut chat, &attached), [shown(2), shown(3)]);
        assert_eq!(hear(&mut chat, &event(3)), []);
        assert_eq!(hear(&mut chat, &event(4)), [shown(4)]);
        assert_eq!(chat.position(), ("e", 4));
    }

    #[test]
    fn a_large_gap_comes_in_several_frames() {
        let mut chat = begun();
        chat.say("k".into(), "unsent", &mut Vec::new());
        let attached = json!({"type": "attached", "epoch": "e", "head": 4, "events": [event(2)], "more": true});
        assert_eq!(hear(&mut chat, &attached), [shown(2)]);
        assert_eq!(chat.position(), ("e", 2), "lost here, it comes back for the rest");
        assert_eq!(hear(&mut chat, &json!({"type": "events", "events": [event(3)], "more": true})), [shown(3)]);
        let last = hear(&mut chat, &json!({"type": "events", "events": [event(4)], "more": false}));
        assert_eq!(last, [shown(4), Effect::Send(message("k", "unsent"))], "sent when everything missed is there");
    }

    #[test]
    fn after_too_much_the_newest_page_is_shown_and_nothing_of_it_again() {
        let mut chat = begun();
        let effects = hear(&mut chat, &json!({"type": "resync", "epoch": "f", "head": 1}));
        assert_eq!(effects.last(), Some(&Effect::ReadHistory));
        let page = json!({"epoch": "f", "head": 2, "messages": [event(1), event(2)]});
        assert_eq!(chat.resynced(&page), [shown(1), shown(2)]);
        assert_eq!(chat.position(), ("f", 2));
        assert_eq!(hear(&mut chat, &event(2)), []);
    }

    #[test]
    fn what_is_typed_is_sent_until_it_is_acknowledged() {
        let mut chat = begun();
        let mut effects = Vec::new();
        chat.say("k1".into(), "one", &mut effects);
        assert_eq!(effects, [], "not before it is attached");
        let attached = || json!({"type": "attached", "epoch": "e", "head": 1, "events": []});
        assert_eq!(hear(&mut chat, &attached()), [Effect::Send(message("k1", "one"))]);
        chat.lost();
        assert_eq!(hear(&mut chat, &attached()), [Effect::Send(message("k1", "one"))]);
        hear(&mut chat, &json!({"type": "ok", "ref": "k1"}));
        assert!(chat.has_sent_all());
        chat.say("k2".into(), "two", &mut Vec::new());
        let own =
            json!({"type": "message", "seq": 2, "user": "Alice", "username": "Alice", "content": "two", "key": "k2"});
        hear(&mut chat, &own);
        assert!(chat.has_sent_all(), "its own event acknowledges it as well");
    }

    #[test]
    fn who_types_before_it_is_attached_is_shown_then() {
        let attached = || json!({"type": "attached", "epoch": "e", "head": 1, "events": []});
        let mut chat = begun();
        let mut effects = Vec::new();
        chat.show_typing(&mut effects);
        assert_eq!(effects, []);
        assert_eq!(hear(&mut chat, &attached()), [typing()]);
        chat.lost();
        chat.say("k1".into(), "one", &mut effects);
        assert_eq!(hear(&mut chat, &attached()), [Effect::Send(message("k1", "one"))], "what was typed is sent");
    }

    #[test]
    fn a_refusal_for_now_keeps_the_order() {
        let mut chat = begun();
        hear(&mut chat, &json!({"type": "attached", "epoch": "e", "head": 1, "events": []}));
        chat.say("k1".into(), "one", &mut Vec::new());
        let busy = json!({"type": "error", "ref": "k1", "message": "too busy", "retry_after_ms": 100});
        assert_eq!(hear(&mut chat, &busy)[1..], [Effect::Pause(Duration::from_millis(100))]);
        let mut effects = Vec::new();
        chat.say("k2".into(), "two", &mut effects);
        assert_eq!(effects, []);
        chat.send_all(&mut effects);
        assert_eq!(effects, [Effect::Send(message("k1", "one")), Effect::Send(message("k2", "two"))]);
        hear(&mut chat, &json!({"type": "error", "ref": "k1", "message": "too long"}));
        hear(&mut chat, &json!({"type": "ok", "ref": "k2"}));
        assert!(chat.has_sent_all(), "what is refused for good is not sent again");
    }

    #[test]
    fn frames_and_events_of_later_versions_are_no_mistake() {
        let mut chat = begun();
        for frame in
            [json!({"type": "fireworks"}), json!({}), json!([1]), json!("text"), json!({"type": 1, "seq": "x"})]
        {
            assert_eq!(hear(&mut chat, &frame), []);
        }
        assert_eq!(hear(&mut chat, &json!({"type": "reaction", "seq": 2, "emoji": "+1"})), []);
        assert_eq!(chat.position(), ("e", 2), "it counts as shown");
    }

    #[test]
    fn crowds_are_counted() {
        let mut chat = begun();
        assert_eq!(chat.who(), "* who is here is not known yet");
        hear(&mut chat, &json!({"type": "user_list", "users": ["Alice", "Bob"], "count": 2}));
        assert_eq!(chat.who(), "* here: Alice, Bob");
        hear(&mut chat, &json!({"type": "user_list", "users": [], "count": 523}));
        assert_eq!(chat.who(), "* here: 523 people");
        let typing = |users: Value, count: u64| json!({"type": "typing", "users": users, "count": count});
        assert_eq!(hear(&mut chat, &typing(json!(["Alice"]), 1)), [], "not oneself");
        let told = hear(&mut chat, &typing(json!(["Alice", "Bob"]), 7));
        assert_eq!(told, [Effect::Show("* typing: Bob and 5 more".into())]);
    }
}
