//! The frames that clients send: how they are read, and why they are refused.

use chat_core::{Change, ChangeKind, Command, Draft, Error, RoomId, Seq, Since};

use crate::{
    auth::Proof,
    dto::{BodyDto, EditDto, MarkBody},
    integer::MAX_INTEGER,
    json::{Fields, FromFields},
    position,
    refusal::Refusal,
};

/// A frame of a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// The `ref` that the answer repeats.
    pub(crate) reference: Option<String>,
    /// What it asks.
    pub(crate) request: Request,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// A `ping`, which the adapter answers.
    Ping,
    /// A token or a ticket, which the adapter looks at.
    Auth(Proof),
    /// A command for the engine.
    Command(Command),
}

impl Request {
    /// The room it names, if it names one.
    pub(crate) const fn room(&self) -> Option<RoomId> {
        match self {
            Self::Ping | Self::Auth(_) => None,
            Self::Command(command) => Some(command.room()),
        }
    }
}

/// A frame that is refused, with the parts of it that could be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    pub(crate) reference: Option<String>,
    pub(crate) room: Option<RoomId>,
    pub(crate) is_auth: bool,
    pub(crate) refusal: Refusal,
}

/// Decodes a frame; `own` is the room of a socket that has only one.
pub(crate) fn decode(text: &str, own: Option<RoomId>) -> Result<Asked, Refused> {
    let refused = |refusal| Refused { reference: None, room: None, is_auth: false, refusal };
    let mut fields = Fields::parse(text).map_err(refused)?;
    let reference = read_reference(&mut fields).map_err(|error| refused(error.into()))?;
    let mut seen = Seen::default();
    let read = read_request(&mut fields, own, &mut seen).and_then(|request| {
        fields.finish()?;
        Ok(request)
    });
    match read {
        Ok(request) => Ok(Asked { reference, request }),
        Err(refusal) => Err(Refused { reference, room: seen.room, is_auth: seen.is_auth, refusal }),
    }
}

/// What a frame has said before something in it was wrong.
#[derive(Default)]
struct Seen {
    room: Option<RoomId>,
    is_auth: bool,
}

fn read_reference(fields: &mut Fields<'_>) -> Result<Option<String>, Error> {
    let Some(reference) = fields.text("ref")? else { return Ok(None) };
    if !(1..=64).contains(&reference.chars().count()) {
        return Err(fields.wrong("ref", "must be 1 to 64 characters"));
    }
    Ok(Some(reference))
}

fn read_request(fields: &mut Fields<'_>, own: Option<RoomId>, seen: &mut Seen) -> Result<Request, Refusal> {
    let kind = fields.required_text("type")?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(Refusal::UnknownCommand);
    }
    if own.is_some() && matches!(kind.as_str(), "attach" | "detach") {
        return Err(fields.wrong("type", "this socket is attached to its one room for good").into());
    }
    if kind == "ping" {
        return Ok(Request::Ping);
    }
    if kind == "auth" {
        seen.is_auth = true;
        return Ok(Request::Auth(read_proof(fields)?));
    }
    let room = read_room(fields, own)?;
    seen.room = Some(room);
    let command = match kind.as_str() {
        "attach" => read_attach(fields, room)?,
        "detach" => Command::Detach { room },
        "message" => {
            let mut draft = Draft::from(BodyDto::from_fields(fields)?);
            draft.key = fields.text("key")?;
            Command::Send { room, draft }
        }
        "read" => Command::Mark { room, to: MarkBody::take(fields)? },
        kind @ ("edit" | "delete" | "react" | "pin") => Command::Change { room, change: read_change(kind, fields)? },
        _ => Command::Typing { room, is_typing: fields.required_boolean("is_typing")? },
    };
    Ok(Request::Command(command))
}

/// Reads an attach, or with `"events": false` a watch, which begins now and is seen by nobody.
fn read_attach(fields: &mut Fields<'_>, room: RoomId) -> Result<Command, Refusal> {
    let (since, presence) = (position::in_frame(fields)?, fields.boolean("presence")?);
    if fields.boolean("events")?.unwrap_or(true) {
        return Ok(Command::Attach { room, since, presence: presence.unwrap_or(true) });
    }
    if since != Since::Now {
        return Err(fields.wrong("after", "must be left out without events").into());
    }
    if presence == Some(true) {
        return Err(fields.wrong("presence", "must be false without events").into());
    }
    Ok(Command::Watch { room })
}

/// The types of frames that there are.
const KINDS: [&str; 11] =
    ["auth", "attach", "detach", "message", "edit", "delete", "react", "pin", "read", "typing", "ping"];

/// Reads what says who the client is.
fn read_proof(fields: &mut Fields<'_>) -> Result<Proof, Error> {
    match (fields.text("token")?, fields.text("ticket")?) {
        (Some(token), None) => Ok(Proof::Token(token)),
        (None, Some(ticket)) => Ok(Proof::Ticket(ticket)),
        (None, None) => Err(fields.wrong("token", "is missing")),
        (Some(_), Some(_)) => Err(fields.wrong("ticket", "must not stand beside a token")),
    }
}

/// Reads a change of a message.
fn read_change(kind: &str, fields: &mut Fields<'_>) -> Result<Change, Refusal> {
    let target = fields.integer("target", 0..=MAX_INTEGER)?.ok_or_else(|| fields.wrong("target", "is missing"))?;
    let kind = match kind {
        "edit" => ChangeKind::Edit(EditDto::from_fields(fields)?),
        "delete" => ChangeKind::Delete { reason: fields.text("reason")? },
        "react" => {
            ChangeKind::React { reaction: fields.required_text("reaction")?, added: fields.required_boolean("added")? }
        }
        _ => ChangeKind::Pin { pinned: fields.required_boolean("pinned")? },
    };
    Ok(Change { target: Seq(target), kind, key: fields.text("key")? })
}

fn read_room(fields: &mut Fields<'_>, own: Option<RoomId>) -> Result<RoomId, Error> {
    match (fields.integer("room", 1..=MAX_INTEGER)?.map(RoomId), own) {
        (Some(room), None) => Ok(room),
        (Some(room), Some(own)) if room == own => Ok(room),
        (Some(_), Some(_)) => Err(fields.wrong("room", "is not the room of this socket")),
        (None, Some(own)) => Ok(own),
        (None, None) => Err(fields.wrong("room", "is missing")),
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Edit, Epoch, MarkTo, Position, UserId};

    use super::*;

    const ONE: RoomId = RoomId(1);

    fn command(text: &str, own: Option<RoomId>) -> Command {
        match decode(text, own).unwrap().request {
            Request::Command(command) => command,
            other @ (Request::Ping | Request::Auth(_)) => panic!("{other:?}"),
        }
    }

    /// The code and the field of the refusal.
    fn refusal(text: &str, own: Option<RoomId>) -> (&'static str, String) {
        let refusal = decode(text, own).unwrap_err().refusal;
        (refusal.code(), refusal.field().unwrap_or("").to_owned())
    }

    #[test]
    fn commands_are_read() {
        let attach = command(r#"{"type":"attach","room":1,"after":{"epoch":"e","seq":41},"presence":false}"#, None);
        let since = Since::Position(Position { epoch: Epoch::new("e"), seq: Seq(41) });
        assert_eq!(attach, Command::Attach { room: ONE, since, presence: false });
        let attach = command(r#"{"type":"attach","room":1}"#, None);
        assert_eq!(attach, Command::Attach { room: ONE, since: Since::Now, presence: true });
        for text in [
            r#"{"type":"attach","room":1,"events":false}"#,
            r#"{"type":"attach","room":1,"events":false,"presence":false}"#,
        ] {
            assert_eq!(command(text, None), Command::Watch { room: ONE });
        }
        let attach = command(r#"{"type":"attach","room":1,"events":true}"#, None);
        assert_eq!(attach, Command::Attach { room: ONE, since: Since::Now, presence: true });
        assert_eq!(command(r#"{"type":"detach","room":1}"#, None), Command::Detach { room: ONE });
        let draft = Draft::text("Hi").key("k");
        assert_eq!(
            command(r#"{"type":"message","content":"Hi","key":"k"}"#, Some(ONE)),
            Command::Send { room: ONE, draft }
        );
        let typing = command(r#"{"type":"typing","room":1,"is_typing":true}"#, Some(ONE));
        assert_eq!(typing, Command::Typing { room: ONE, is_typing: true });
        assert_eq!(decode(r#"{"type":"ping"}"#, None).unwrap().request, Request::Ping);
        let read = command(r#"{"type":"read","room":1,"seq":0,"back":true}"#, None);
        assert_eq!(read, Command::Mark { room: ONE, to: MarkTo::back_to(Seq(0)) });
    }

    #[test]
    fn tokens_and_tickets_are_read_and_not_shown() {
        let auth = |text: &str| decode(text, Some(ONE)).map(|asked| asked.request);
        let token = auth(r#"{"type":"auth","token":"canary","ref":"a"}"#).unwrap();
        assert_eq!(token, Request::Auth(Proof::Token("canary".to_owned())));
        assert!(!format!("{token:?}").contains("canary"));
        let ticket = auth(r#"{"type":"auth","ticket":"t"}"#).unwrap();
        assert_eq!(ticket, Request::Auth(Proof::Ticket("t".to_owned())));
        for (bad, field) in [
            (r#"{"type":"auth"}"#, "token"),
            (r#"{"type":"auth","token":7}"#, "token"),
            (r#"{"type":"auth","token":"a","ticket":"b"}"#, "ticket"),
            (r#"{"type":"auth","token":"a","room":1}"#, "room"),
        ] {
            let refused = auth(bad).unwrap_err();
            assert!(refused.is_auth && refused.refusal.field() == Some(field), "{bad}: {refused:?}");
        }
    }

    #[test]
    fn a_message_is_read_with_all_its_fields() {
        let text = r#"{"type":"message","content":"Hi","reply_to":3,"thread":2,"mentions":["a","b"],"mentions_room":true,
            "meta":{ "a": 1 }}"#;
        let mut draft = Draft::text("Hi").reply_to(Seq(3)).in_thread(Seq(2)).meta("{ \"a\": 1 }");
        draft = draft.mentioning(["a", "b"].map(|id| UserId::new(id).unwrap()));
        draft.body.mentions_room = true;
        assert_eq!(command(text, Some(ONE)), Command::Send { room: ONE, draft });
        let empty = r#"{"type":"message","content":"Hi","mentions":[],"mentions_room":false,"meta":{}}"#;
        assert_eq!(command(empty, Some(ONE)), Command::Send { room: ONE, draft: Draft::text("Hi") });
    }

    #[test]
    fn changes_are_read() {
        let change = |text: &str| {
            let command = command(text, Some(ONE));
            let Command::Change { change, .. } = command else { panic!("{command:?}") };
            change
        };
        let edit = change(
            r#"{"type":"edit","target":7,"content":"b","mentions":[],"mentions_room":false,"meta":{},"key":"k"}"#,
        );
        let mut cleared = Edit::text("b").mentioning([]).meta("");
        cleared.mentions_room = Some(false);
        assert_eq!(edit, Change::edit(Seq(7), cleared).key("k"));
        assert_eq!(change(r#"{"type":"edit","target":7,"content":"b"}"#), Change::edit(Seq(7), Edit::text("b")));
        assert_eq!(change(r#"{"type":"delete","target":7,"reason":"x"}"#), Change::delete(Seq(7)).reason("x"));
        assert_eq!(change(r#"{"type":"react","target":7,"reaction":"x","added":false}"#), Change::unreact(Seq(7), "x"));
        assert_eq!(change(r#"{"type":"pin","target":7,"pinned":true}"#), Change::pin(Seq(7)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rows: [(&str, Option<RoomId>, &str, &str); 17] = [
            ("[]", None, "bad_json", ""),
            (r#"{"type":"ping""#, None, "bad_json", ""),
            ("{}", None, "invalid_field", "type"),
            (r#"{"type":1}"#, None, "invalid_field", "type"),
            (r#"{"type":"shout"}"#, None, "unknown_command", ""),
            (r#"{"type":"ping","x":1}"#, None, "invalid_field", "x"),
            (r#"{"type":"ping","ref":""}"#, None, "invalid_field", "ref"),
            (r#"{"type":"ping","ref":7}"#, None, "invalid_field", "ref"),
            (r#"{"type":"detach"}"#, None, "invalid_field", "room"),
            (r#"{"type":"detach","room":0}"#, None, "invalid_field", "room"),
            (r#"{"type":"attach","room":1}"#, Some(ONE), "invalid_field", "type"),
            (r#"{"type":"attach","room":1,"events":0}"#, None, "invalid_field", "events"),
            (r#"{"type":"attach","room":1,"events":false,"after":{"seq":1}}"#, None, "invalid_field", "after"),
            (r#"{"type":"attach","room":1,"events":false,"presence":true}"#, None, "invalid_field", "presence"),
            (r#"{"type":"message","room":2,"content":"a"}"#, Some(ONE), "invalid_field", "room"),
            (r#"{"type":"message"}"#, Some(ONE), "invalid_field", "content"),
            (r#"{"type":"typing","is_typing":"yes"}"#, Some(ONE), "invalid_field", "is_typing"),
        ];
        for (text, own, code, field) in rows {
            assert_eq!(refusal(text, own), (code, field.to_owned()), "{text}");
        }
        let long = format!(r#"{{"type":"ping","ref":"{}"}}"#, "é".repeat(65));
        assert_eq!(refusal(&long, None), ("invalid_field", "ref".to_owned()));
    }

    #[test]
    fn a_refusal_keeps_the_reference_and_the_room() {
        let refused = decode(r#"{"ref":"r","type":"message","room":3,"content":7}"#, None).unwrap_err();
        assert_eq!((refused.reference.as_deref(), refused.room), (Some("r"), Some(RoomId(3))));
        assert_eq!(refused.refusal.field(), Some("content"));
    }
}
