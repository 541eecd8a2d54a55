//! Lines come back as what they were written from.

use super::*;

const HOSTILE: [&str; 6] = ["a", "\u{1}\u{7f}\u{2028}\"\\\r\n\t", "\u{feff}é", "👩‍👩‍👧‍👦", "</script>", "{\"type\":\"end\"}"];

fn event(kind: EventKind, text: &str) -> Archived {
    let actor = Identity::of(UserId::new(text).unwrap(), UserName::from_stored(text));
    let key = IdempotencyKey::new("\"\\~!").ok();
    let event = Event { room: RoomId(0), seq: Seq(7), at: Timestamp(1_234_567), actor: Some(actor), key, kind };
    Archived::Event(ArchivedEvent { event, fingerprint: Some(Fingerprint(0xab)) })
}

fn body(text: &str) -> Body {
    let mut body = Body::text(text);
    body.mentions = vec![UserId::new(text).unwrap(), UserId::new("bob").unwrap()];
    body.mentions_room = true;
    body.meta = Some(text.to_owned());
    body
}

/// One of every kind.
fn items(text: &str) -> Vec<Archived> {
    let mut in_thread = body(text);
    (in_thread.reply_to, in_thread.thread) = (Some(Seq(2)), Some(Seq(1)));
    let message = |body, thread_ordinal, erased| Message { body, ordinal: 0, thread_ordinal, erased };
    let edited = |body, erased| MessageEdited { target: Seq(1), body, count: 3, erased };
    let reaction = Reaction::from_stored(text);
    let user = Identity::of(UserId::new(text).unwrap(), UserName::from_stored(text));
    vec![
        event(EventKind::Message(message(in_thread, Some(9), false)), text),
        event(EventKind::Message(message(Body::default(), None, true)), text),
        event(EventKind::MessageEdited(edited(body(text), false)), text),
        event(EventKind::MessageEdited(edited(Body::default(), true)), text),
        event(EventKind::MessageDeleted { target: Seq(1), reason: Some(Reason::from_stored(text)) }, text),
        event(EventKind::MessageDeleted { target: Seq(1), reason: None }, text),
        event(EventKind::Reaction { target: Seq(1), reaction, added: false, count: 0 }, text),
        event(EventKind::Pin { target: Seq(1), pinned: true }, text),
        event(
            EventKind::RoomUpdated {
                name: RoomName::from_stored(text),
                topic: Topic::from_stored(""),
                kind: RoomKind::Private,
                invites: InvitedBy::Moderators,
            },
            text,
        ),
        event(
            EventKind::Member(MemberEvent {
                change: MemberChange::Banned,
                user: user.clone(),
                role: Some(Role::Moderator),
                until: Some(Timestamp(7)),
                reason: Some(Reason::from_stored(text)),
            }),
            text,
        ),
        Archived::Member(Member {
            user: user.clone(),
            role: Role::Owner,
            joined_at: Timestamp(6),
            since: Seq(0),
            muted: None,
        }),
        Archived::Restriction(
            RestrictionKind::Mute,
            Restriction {
                user: user.clone(),
                until: Until::ForGood,
                reason: None,
                by: Some(user.clone()),
                at: Timestamp(5),
            },
        ),
        Archived::Mark(UserMark { user: user.clone(), seq: Seq(4) }),
        Archived::Notify(user.id, Notify::Mentions),
    ]
}

fn through(line: &Line) -> Said {
    let mut bytes = Vec::new();
    line.append_to(&mut bytes).unwrap();
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    Line::parse(bytes.trim_ascii_end()).unwrap().said().unwrap()
}

#[test]
fn every_kind_comes_back_as_it_was() {
    for text in HOSTILE {
        for item in items(text) {
            assert_eq!(through(&Line::item(&item)), Said::Item(Box::new(item)));
        }
    }
    let terms = RoomTerms { kind: RoomKind::Private, owned: true, invites: InvitedBy::Moderators };
    let head = RoomHead {
        terms,
        name: RoomName::new("général").unwrap(),
        topic: Topic::new("a\n\"b\"").unwrap(),
        created_at: Timestamp(5),
        first_seq: Seq(10),
        pruned_ordinal: 4,
        pruned_last: Some((Seq(9), Timestamp(8))),
        external: None,
    };
    let terms = RoomTerms { kind: RoomKind::Direct, owned: false, ..terms };
    let direct = RoomHead { terms, name: RoomName::from_stored(""), ..head.clone() };
    let keyed = RoomHead { external: Some("project-42".to_owned()), ..head.clone() };
    for head in [head, direct, keyed] {
        assert_eq!(through(&Line::room(RoomId(3), &head)), Said::Room { room: 3, head: Box::new(head) });
    }
    assert_eq!(through(&Line::first(&Epoch::new("e"), 2)), Said::Export { rooms: 2 });
    let end = End { room: 3, head: 12, events: 3, marks: 2, settings: 1, members: 2 };
    assert_eq!(through(&Line::end(end)), Said::End(end));
}

#[test]
fn what_a_line_lacks_or_must_not_have_is_named() {
    let said = |line: &str| Line::parse(line.as_bytes()).unwrap().said().unwrap_err().field.into_owned();
    let event = r#""seq":1,"at_us":1,"user":"a","username":"a""#;
    for (line, field) in [
        ("{}".to_owned(), "type"),
        (format!(r#"{{"type":"message",{event}}}"#), "content"),
        (format!(r#"{{"type":"message",{event},"content":""}}"#), "content"),
        (format!(r#"{{"type":"message",{event},"content":"a\u0000"}}"#), "content"),
        (format!(r#"{{"type":"message",{event},"content":"a","count":1}}"#), "count"),
        (format!(r#"{{"type":"message",{event},"content":"a","erased":true}}"#), "erased"),
        (format!(r#"{{"type":"message",{event},"content":"a","key":"a b"}}"#), "key"),
        (format!(r#"{{"type":"message",{event},"content":"a","fingerprint":"12"}}"#), "fingerprint"),
        (format!(r#"{{"type":"message",{event},"content":"a","mentions":[""]}}"#), "mentions"),
        (format!(r#"{{"type":"message_edited",{event},"content":"a","count":1}}"#), "target"),
        (r#"{"type":"message","seq":1,"at_us":1,"content":"a"}"#.to_owned(), "user"),
        (r#"{"type":"pin","seq":1,"at_us":-1,"target":1,"pinned":true}"#.to_owned(), "at_us"),
        (r#"{"type":"mark","seq":1,"user":"a"}"#.to_owned(), "username"),
        (r#"{"type":"notify","user":"a","notify":"some"}"#.to_owned(), "notify"),
        (r#"{"type":"room","room":1,"name":"","created_at_us":1}"#.to_owned(), "name"),
        (r#"{"type":"room","room":1,"name":"a","visibility":"direct","created_at_us":1}"#.to_owned(), "name"),
        (r#"{"type":"export","version":3,"rooms":1}"#.to_owned(), "version"),
        (r#"{"type":"room","room":1,"name":"a","created_at_us":1,"first_seq":0}"#.to_owned(), "first_seq"),
    ] {
        assert_eq!(said(&line), field, "{line}");
    }
}
