//! Events that change a message, as frames.

use chat_core::{Event, EventKind, MessageEdited};
use serde::Serialize;

use crate::dto::{Meta, mentions, stamp};

/// The frame of an event that changes a message; `None` for an event of another kind.
pub(super) fn change(event: &Event) -> Option<ChangeFrame<'_>> {
    let (kind, what) = match &event.kind {
        EventKind::MessageEdited(edit) => ("message_edited", edited(edit)),
        EventKind::MessageDeleted { reason, .. } => {
            ("message_deleted", What::Deleted { reason: reason.as_ref().map(chat_core::Reason::as_str) })
        }
        EventKind::Reaction { reaction, added, count, .. } => {
            ("reaction", What::Reaction { reaction: reaction.as_str(), added: *added, count: *count })
        }
        EventKind::Pin { pinned, .. } => ("pin", What::Pin { pinned: *pinned }),
        EventKind::Message(_) | EventKind::Member(_) | EventKind::RoomUpdated { .. } | EventKind::RoomDeleted | _ => {
            return None;
        }
    };
    Some(ChangeFrame {
        kind,
        room: event.room.0,
        seq: event.seq.0,
        target: event.target()?.0,
        what,
        username: event.actor.as_ref().map(|actor| actor.name.as_str()),
        user: event.actor.as_ref().map(|actor| actor.id.as_str()),
        timestamp: stamp(event.at),
        key: event.key.as_ref().map(chat_core::IdempotencyKey::as_str),
    })
}

fn edited(edit: &MessageEdited) -> What<'_> {
    let MessageEdited { body, erased, .. } = edit;
    What::Edited {
        content: &body.content,
        mentions: mentions(body),
        mentions_room: body.mentions_room,
        meta: Meta::of(body),
        erased: *erased,
    }
}

/// An event that changes the message `target`.
#[derive(Serialize)]
pub(super) struct ChangeFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    room: u64,
    seq: u64,
    target: u64,
    #[serde(flatten)]
    what: What<'a>,
    username: Option<&'a str>,
    user: Option<&'a str>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

/// What an event changes.
#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    /// What the message says now, all of it.
    Edited {
        content: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        mentions: Option<Vec<String>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        mentions_room: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        meta: Option<Meta>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        erased: bool,
    },
    Deleted {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Reaction {
        reaction: &'a str,
        added: bool,
        count: u64,
    },
    Pin {
        pinned: bool,
    },
}
