//! The answer to an attach, split into frames of a limited size. Each frame is encoded only when it can be sent.

use std::{iter::Peekable, vec};

use chat_core::{Attached, Delivery, Gap, RoomId};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::delivery::delivered;

/// The largest frame that is sent to a client, in bytes. (Many clients accept at most 1 MiB.)
pub(crate) const MAX_FRAME: usize = 512 << 10;

/// Encodes `attached`, followed by `events` frames with the missed events that do not fit into it; or `resync`.
pub(crate) fn attached(reference: Option<&str>, attached: Attached) -> AttachedFrames {
    let Attached { room, head, gap } = attached;
    let json = |kind| {
        let frame = Head { kind, reference, room: room.0, epoch: head.epoch.as_str(), head: head.seq.0 };
        serde_json::to_string(&frame).unwrap_or_default()
    };
    match gap {
        Gap::Events(events) => AttachedFrames::of(room, json("attached"), events),
        Gap::Resync => AttachedFrames::without_events(room, json("resync")),
    }
}

/// The frames of one answer to an attach, as an iterator.
#[derive(Debug)]
pub(crate) struct AttachedFrames {
    room: RoomId,
    /// The next frame as a JSON object without its events; `None` after the last frame.
    head: Option<String>,
    /// The missed events that are not sent yet; `None` for a `resync`.
    events: Option<Peekable<vec::IntoIter<Delivery>>>,
    is_continued: bool,
}

impl AttachedFrames {
    /// `attached` with missed events.
    fn of(room: RoomId, head: String, events: Vec<Delivery>) -> Self {
        Self { room, head: Some(head), events: Some(events.into_iter().peekable()), is_continued: false }
    }

    /// A frame without events.
    const fn without_events(room: RoomId, head: String) -> Self {
        Self { room, head: Some(head), events: None, is_continued: false }
    }

    /// Whether there is another frame.
    pub(crate) const fn has_more(&self) -> bool {
        self.head.is_some()
    }
}

impl Iterator for AttachedFrames {
    type Item = Utf8Bytes;

    fn next(&mut self) -> Option<Utf8Bytes> {
        let mut json = self.head.take()?;
        let Some(events) = &mut self.events else { return Some(json.into()) };
        // One more field is appended, so the closing brace is removed.
        json.pop();
        json.push_str(",\"events\":[");
        let start = json.len();
        while let Some(event) = events.peek() {
            if let Some(frame) = delivered(event) {
                if json.len() > start && json.len() + frame.len() + LONGEST_END.len() > MAX_FRAME {
                    break;
                }
                json.extend([if json.len() > start { "," } else { "" }, &frame]);
            }
            events.next();
        }
        if events.peek().is_some() {
            self.head = Some(format!("{{\"type\":\"events\",\"room\":{}}}", self.room.0));
            json.push_str("],\"more\":true}");
        } else {
            json.push_str(if self.is_continued { "],\"more\":false}" } else { "]}" });
        }
        self.is_continued = true;
        Some(json.into())
    }
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    room: u64,
    epoch: &'a str,
    head: u64,
}

/// The longest text that can follow an event.
const LONGEST_END: &str = ",],\"more\":false}";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chat_core::{
        Epoch, Event, EventKind, Identity, Message, Position, Presence, Seq, Signal, SignalKind, Timestamp,
    };
    use serde_json::Value;

    use super::*;

    fn message(seq: u64, content: &str) -> Delivery {
        let message =
            Message { body: chat_core::Body::text(content), ordinal: seq, thread_ordinal: None, erased: false };
        let (actor, kind) = (Some(Identity::named("Alice").unwrap()), EventKind::Message(message));
        Delivery::event(Arc::new(Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(0), actor, key: None, kind }))
    }

    fn pieces(events: Vec<Delivery>) -> Vec<Value> {
        let pieces = AttachedFrames::of(RoomId(1), "{\"type\":\"attached\"}".to_owned(), events);
        let check = |piece: Utf8Bytes| {
            assert!(piece.len() <= MAX_FRAME, "{}", piece.len());
            serde_json::from_str(&piece).unwrap()
        };
        pieces.map(check).collect()
    }

    #[test]
    fn what_escapes_blow_up_is_counted_as_it_is_on_the_wire() {
        let all = pieces((1..=125).map(|seq| message(seq, &"\u{1}".repeat(4_000))).collect());
        assert!(all.len() > 5, "3 MB in {} frames", all.len());
        assert_eq!((&all[0]["type"], &all[0]["more"]), (&"attached".into(), &true.into()));
        let (last, between) = all[1..].split_last().unwrap();
        assert!(between.iter().all(|piece| piece["type"] == "events" && piece["room"] == 1 && piece["more"] == true));
        assert_eq!((&last["type"], &last["more"]), (&"events".into(), &false.into()));
        let events = all.iter().flat_map(|piece| piece["events"].as_array().unwrap());
        let seqs: Vec<u64> = events.map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=125).collect::<Vec<_>>());
    }

    #[test]
    fn what_fits_is_one_frame_that_says_nothing_of_more() {
        let all = pieces(vec![message(1, "Hello!")]);
        assert_eq!((all.len(), all[0].get("more")), (1, None));
        assert_eq!(pieces(vec![]).len(), 1);
    }

    #[test]
    fn no_frame_of_its_own_is_larger() {
        let longest = message(1, &"\u{1}".repeat(65_535));
        assert!(delivered(&longest).unwrap().len() < MAX_FRAME);
        let users = (0..200).map(|number| {
            let name = format!("{number:04}{}", "\u{1f600}".repeat(60));
            Identity::new(&format!("{number:04}{}", "\"".repeat(252)), &name).unwrap()
        });
        let list = SignalKind::UserList(Presence { count: 200, online: users.collect() });
        let list = Delivery::signal(Signal { room: RoomId(1), at: Timestamp(0), kind: list });
        assert!(delivered(&list).unwrap().len() < MAX_FRAME);
    }

    #[test]
    fn an_attach_is_answered_with_its_gap_or_resync() {
        let head = Position { epoch: Epoch::new("e\""), seq: Seq(57) };
        let answer = Attached { room: RoomId(1), head, gap: Gap::Events(vec![]) };
        let text = attached(Some("a1"), answer.clone()).next().unwrap();
        assert_eq!(text.as_str(), r#"{"type":"attached","ref":"a1","room":1,"epoch":"e\"","head":57,"events":[]}"#);
        let text = attached(None, Attached { gap: Gap::Resync, ..answer }).next().unwrap();
        assert_eq!(text.as_str(), r#"{"type":"resync","room":1,"epoch":"e\"","head":57}"#);
    }
}
