//! Events about members, as frames.

use chat_core::{Event, MemberEvent, Reason, Role};
use serde::Serialize;

use crate::dto::stamp;

/// An event about somebody in the room.
#[derive(Serialize)]
pub(super) struct MemberFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    room: u64,
    seq: u64,
    change: &'static str,
    member: MemberPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    username: Option<&'a str>,
    user: Option<&'a str>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

#[derive(Serialize)]
struct MemberPart<'a> {
    user: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

impl<'a> MemberFrame<'a> {
    /// The frame of this event, which says this.
    pub(super) fn of(event: &'a Event, member: &'a MemberEvent) -> Self {
        let MemberEvent { change, user, role, until, reason } = member;
        let actor = event.actor.as_ref();
        Self {
            kind: "member",
            room: event.room.0,
            seq: event.seq.0,
            change: change.as_str(),
            member: MemberPart { user: user.id.as_str(), username: user.name.as_str(), role: role.map(Role::as_str) },
            until: until.map(stamp),
            reason: reason.as_ref().map(Reason::as_str),
            username: actor.map(|actor| actor.name.as_str()),
            user: actor.map(|actor| actor.id.as_str()),
            timestamp: stamp(event.at),
            key: event.key.as_ref().map(chat_core::IdempotencyKey::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{EventKind, Identity, MemberChange, RoomId, Seq, Timestamp};

    use super::*;

    #[test]
    fn a_ban_says_whom_until_when_and_why() {
        let member = MemberEvent {
            change: MemberChange::Banned,
            user: Identity::new("7", "Bob").unwrap(),
            role: None,
            until: Some(Timestamp(1_795_341_600_000_000)),
            reason: Some(Reason::new("spam").unwrap()),
        };
        let kind = EventKind::Member(member.clone());
        let event = Event { room: RoomId(1), seq: Seq(9), at: Timestamp(0), actor: None, key: None, kind };
        let frame = serde_json::to_value(MemberFrame::of(&event, &member)).unwrap();
        let expected = serde_json::json!({
            "type": "member", "room": 1, "seq": 9, "change": "banned", "member": {"user": "7", "username": "Bob"},
            "until": "2026-11-22T10:00:00.000Z", "reason": "spam", "username": null, "user": null,
            "timestamp": "1970-01-01T00:00:00.000Z",
        });
        assert_eq!(frame, expected);
    }
}
