//! Rows, and what they stand for.

use std::sync::Arc;

use sea_orm::{QueryResult, Value};

use super::{dialect::Dialect, error::SqlError, members, run::Run};
use crate::{
    Body, Event, EventKind, Identity, MemberChange, MemberEvent, Message, MessageEdited, Reaction, Reason, Role, Room,
    RoomId, RoomName, Seq, Timestamp, Topic, UserId, UserName,
    append::{EventKey, Fingerprint, StoredEvent},
    rights::RoomTerms,
    text_keys::TextPart,
};

/// The columns of an event, in the order in which [`event`] reads and [`event_values`] writes them. Those from `body` on are what an
/// edit has besides.
pub(super) const EVENT_COLUMNS: &str = "room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, \
     reply_to, thread, thread_ordinal, target_seq, body, meta, mentions, flags, amount";
/// The same of a table that is called so in the statement.
pub(super) fn event_columns(table: &str) -> String {
    let columns: Vec<_> = EVENT_COLUMNS.split(", ").map(|column| format!("{table}.{column}")).collect();
    columns.join(", ")
}
/// Where some of them stand.
const REPLY_TO: usize = 9;
const THREAD: usize = 10;
const THREAD_ORDINAL: usize = 11;
const TARGET: usize = 12;
const BODY: usize = 13;
const META: usize = 14;
const MENTIONS: usize = 15;
const FLAGS: usize = 16;
const AMOUNT: usize = 17;
/// Those of them that may be null. There, a 0 or an empty text says the same.
#[cfg(feature = "postgres")]
pub(super) const OPTIONAL_EVENT_COLUMNS: [&str; 11] = [
    "user_id",
    "user_name",
    "body",
    "meta",
    "reply_to",
    "thread",
    "thread_ordinal",
    "target_seq",
    "amount",
    "mentions",
    "flags",
];
/// How many columns an event has.
pub(super) const EVENT_WIDTH: usize = 18;

/// The columns of a room, in the order in which [`room`] reads them.
pub(super) const ROOM_COLUMNS: &str = "r.id, r.name, r.topic, r.created_at, r.head, r.last_message_at, r.last_message_seq, r.first_seq, \
     r.kind, r.owned, r.invites, r.members, r.rights_seq, r.external";
/// How many they are.
pub(super) const ROOM_WIDTH: usize = 14;

/// `kind` of a message that counts: the index by which pages of history are read has these. The numbers are stored: they never
/// change.
pub(super) const MESSAGE: i16 = 1;
pub(super) const ROOM_UPDATED: i16 = 2;
pub(super) const ROOM_DELETED: i16 = 3;
/// `kind` of a message in a thread.
pub(super) const THREAD_MESSAGE: i16 = 4;
/// `kind` of an edit.
pub(super) const EDITED: i16 = 5;
/// `kind` of a deletion of a message.
pub(super) const DELETED: i16 = 6;
/// `kind` of a reaction.
pub(super) const REACTION: i16 = 7;
pub(super) const PIN: i16 = 8;
/// `kind` of what happens with a member.
pub(super) const MEMBER: i16 = 9;

/// The bits of `flags`. They are stored: they never change.
pub(super) const MENTIONS_ROOM: i16 = 1;
/// A reaction that was added, a message that was pinned.
pub(super) const ADDED: i16 = 8;
/// The event was stored while texts are encrypted: its fingerprint is hidden.
pub(super) const SEALED: i16 = 16;

/// The kinds of events that have a text in `body` which may be encrypted: what is said, and reasons.
pub(super) const HAS_TEXT: [i16; 5] = [MESSAGE, THREAD_MESSAGE, EDITED, DELETED, MEMBER];
/// Those that have one in `meta`, too.
pub(super) const SAYS: [i16; 3] = [MESSAGE, THREAD_MESSAGE, EDITED];

/// A number for the database, which knows no unsigned ones. Ids and numbers are far below the limit; what a client made
/// up beyond it means "after everything".
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number from the database.
pub(super) fn unsigned(row: &QueryResult, index: usize) -> Result<u64, SqlError> {
    let number: i64 = row.try_get_by_index(index)?;
    u64::try_from(number).map_err(|_| SqlError::corrupt(format!("a negative number in column {index}")))
}

/// A number that may be null.
pub(super) fn optional_number(row: &QueryResult, index: usize) -> Result<Option<u64>, SqlError> {
    let number: Option<i64> = row.try_get_by_index(index)?;
    number.map(|_| unsigned(row, index)).transpose()
}

/// An id or a number as a value.
pub(super) fn number(number: u64) -> Value {
    signed(number).into()
}

/// An event from a row of [`EVENT_COLUMNS`].
pub(super) fn event<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<StoredEvent, SqlError> {
    let dialect = run.dialect;
    let key = EventKey::from_stored(&dialect.opaque_from(row, 7)?.unwrap_or_default());
    let (room, seq) = place(row)?;
    let event = Event {
        room,
        seq,
        at: Timestamp(row.try_get_by_index(3)?),
        actor: actor(dialect, row, 4)?,
        key: key.to_given(),
        kind: kind(run, row)?,
    };
    let fingerprint = fingerprint(run, row, (room, seq), &key)?;
    Ok(StoredEvent { event: Arc::new(event), key, fingerprint, ordinal: unsigned(row, 6)? })
}

/// The values of [`EVENT_COLUMNS`].
pub(super) fn event_values<C>(run: &Run<'_, C>, stored: &StoredEvent) -> Result<[Value; EVENT_WIDTH], SqlError> {
    let (dialect, event) = (run.dialect, &*stored.event);
    let Content { kind, body, meta, message, target, amount, flags, about } = Content::of(event);
    let named = said_mentions(message.map(|(said, _)| said), about);
    let (said, thread_ordinal) = message.map_or((None, None), |(said, ordinal)| (Some(said), ordinal));
    let place = |of: fn(&Body) -> Option<Seq>| -> Value { said.and_then(of).map(|seq| signed(seq.0)).into() };
    let actor = event.actor.as_ref();
    let at = (event.room, event.seq);
    let body = if HAS_TEXT.contains(&kind) { run.sealing.seal(at, TextPart::Body, body)? } else { body };
    let meta = if SAYS.contains(&kind) { run.sealing.seal(at, TextPart::Meta, meta)? } else { meta };
    let flags = if run.sealing.seals() { flags | SEALED } else { flags };
    let fingerprint = run.sealing.hidden(at, &stored.key, stored.fingerprint);
    Ok([
        signed(event.room.0).into(),
        signed(event.seq.0).into(),
        kind.into(),
        event.at.0.into(),
        dialect.opaque(actor.map(|actor| actor.id.as_str())),
        actor.map(|actor| actor.name.as_str().to_owned()).into(),
        signed(stored.ordinal).into(),
        dialect.opaque(Some(stored.key.as_str())),
        fingerprint.0.cast_signed().into(),
        place(|said| said.reply_to),
        place(|said| said.thread),
        thread_ordinal.map(signed).into(),
        target.map(|seq| signed(seq.0)).into(),
        body.into(),
        meta.into(),
        named.into(),
        Some(flags).filter(|flags| *flags != 0).into(),
        amount.map(signed).into(),
    ])
}

/// What a retry of a row's event is compared by.
fn fingerprint<C>(
    run: &Run<'_, C>,
    row: &QueryResult,
    at: (RoomId, Seq),
    key: &EventKey,
) -> Result<Fingerprint, SqlError> {
    let (stored, flags): (i64, Option<i16>) = (row.try_get_by_index(8)?, row.try_get_by_index(FLAGS)?);
    let stored = Fingerprint(stored.cast_unsigned());
    Ok(run.sealing.shown(at, key, stored, flags.unwrap_or_default() & SEALED != 0))
}

/// The users whom an event names: those mentioned, or the one it is about.
fn said_mentions(said: Option<&Body>, about: Option<&UserId>) -> Option<String> {
    let mentioned = said.map(|said| mentions_to_text(&said.mentions));
    let about = about.map(|user| mentions_to_text(std::slice::from_ref(user)));
    mentioned.or(about).filter(|text| !text.is_empty())
}

/// What has happened with a member, as a text: the change, the role and the end, and the name.
fn member_to_text(member: &MemberEvent) -> String {
    let role = member.role.map_or("-", Role::as_str);
    let until = member.until.map_or_else(|| "-".to_owned(), |until| until.0.to_string());
    format!("{} {role} {until} {}", member.change.as_str(), member.user.name)
}

/// What such a text says of this user.
fn member_from_text(text: &str, user: UserId, reason: Option<Reason>) -> Option<MemberEvent> {
    let mut parts = text.splitn(4, ' ');
    let (change, role, until) = (MemberChange::parse(parts.next()?)?, parts.next()?, parts.next()?);
    let role = if role == "-" { None } else { Some(Role::parse(role).ok()?) };
    let until = if until == "-" { None } else { Some(Timestamp(until.parse().ok()?)) };
    let user = Identity::of(user, UserName::from_stored(parts.next()?));
    Some(MemberEvent { change, user, role, until, reason })
}

/// The same text with another name.
pub(super) fn member_renamed(text: &str, name: &str) -> String {
    let kept: Vec<_> = text.splitn(4, ' ').take(3).collect();
    format!("{} {name}", kept.join(" "))
}

/// What an event is in its row, beside what all have.
struct Content<'a> {
    kind: i16,
    body: Option<String>,
    meta: Option<String>,
    /// What a message or an edit says, and a message's place in its thread.
    message: Option<(&'a Body, Option<u64>)>,
    target: Option<Seq>,
    amount: Option<u64>,
    flags: i16,
    /// The user it is about.
    about: Option<&'a UserId>,
}

impl<'a> Content<'a> {
    fn of(event: &'a Event) -> Self {
        let nothing = |kind| Self {
            kind,
            body: None,
            meta: None,
            message: None,
            target: event.target(),
            amount: None,
            flags: 0,
            about: None,
        };
        let says = |kind, said: &'a Body, thread_ordinal, erased: bool| Self {
            body: (!erased).then(|| said.content.clone()),
            meta: said.meta.clone(),
            message: Some((said, thread_ordinal)),
            flags: if said.mentions_room { MENTIONS_ROOM } else { 0 },
            ..nothing(kind)
        };
        let added = |yes: bool| if yes { ADDED } else { 0 };
        match &event.kind {
            EventKind::Message(message) => {
                let kind = if message.body.thread.is_some() { THREAD_MESSAGE } else { MESSAGE };
                says(kind, &message.body, message.thread_ordinal, message.erased)
            }
            EventKind::MessageEdited(edit) => {
                Self { amount: Some(edit.count), ..says(EDITED, &edit.body, None, edit.erased) }
            }
            EventKind::MessageDeleted { reason, .. } => {
                Self { body: reason.as_ref().map(|reason| reason.as_str().to_owned()), ..nothing(DELETED) }
            }
            EventKind::Reaction { reaction, added: is_added, count, .. } => Self {
                body: Some(reaction.as_str().to_owned()),
                amount: Some(*count),
                flags: added(*is_added),
                ..nothing(REACTION)
            },
            EventKind::Pin { pinned, .. } => Self { flags: added(*pinned), ..nothing(PIN) },
            EventKind::Member(member) => Self {
                body: member.reason.as_ref().map(|reason| reason.as_str().to_owned()),
                meta: Some(member_to_text(member)),
                about: Some(&member.user.id),
                ..nothing(MEMBER)
            },
            EventKind::RoomUpdated { name, topic, kind, invites } => Self {
                body: Some(topic.as_str().to_owned()),
                meta: Some(name.as_str().to_owned()),
                amount: Some(members::packed(*kind, *invites)),
                ..nothing(ROOM_UPDATED)
            },
            EventKind::RoomDeleted => nothing(ROOM_DELETED),
        }
    }
}

/// A room from [`ROOM_COLUMNS`], of which the first is this one.
pub(super) fn room(dialect: &dyn Dialect, row: &QueryResult, first: usize) -> Result<Room, SqlError> {
    let number = |index| unsigned(row, first + index);
    let (last_message_at, last_message_seq): (Option<i64>, Option<i64>) =
        (row.try_get_by_index(first + 5)?, row.try_get_by_index(first + 6)?);
    let RoomTerms { kind, owned, invites } = members::terms(row, first + 8)?;
    Ok(Room {
        kind,
        owned,
        invites,
        members: number(11)?,
        rights_seq: Seq(number(12)?),
        peer: None,
        external: dialect.opaque_from(row, first + 13)?,
        id: RoomId(number(0)?),
        name: RoomName::from_stored(&row.try_get_by_index::<String>(first + 1)?),
        topic: Topic::from_stored(&row.try_get_by_index::<String>(first + 2)?),
        created_at: Timestamp(row.try_get_by_index(first + 3)?),
        first_seq: Seq(number(7)?),
        head: Seq(number(4)?),
        last_message_seq: last_message_seq.map(|seq| Seq(seq.cast_unsigned())),
        last_message_at: last_message_at.map(Timestamp),
        online: 0,
    })
}

/// A user from the columns of an id, here, and of a name.
pub(super) fn actor(dialect: &dyn Dialect, row: &QueryResult, index: usize) -> Result<Option<Identity>, SqlError> {
    let Some(id) = dialect.opaque_from(row, index)? else { return Ok(None) };
    let name: Option<String> = row.try_get_by_index(index + 1)?;
    Ok(Some(Identity::of(UserId::from_stored(&id), UserName::from_stored(&name.unwrap_or_default()))))
}

fn kind<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<EventKind, SqlError> {
    let text = |index| Ok::<_, SqlError>(row.try_get_by_index::<Option<String>>(index)?.unwrap_or_default());
    let is_set = || Ok::<_, SqlError>(row.try_get_by_index::<Option<i16>>(FLAGS)?.unwrap_or_default() & ADDED != 0);
    let amount = || Ok::<_, SqlError>(optional_number(row, AMOUNT)?.unwrap_or_default());
    match row.try_get_by_index::<i16>(2)? {
        MESSAGE | THREAD_MESSAGE => {
            let (body, erased) = body(run, row)?;
            let (ordinal, thread_ordinal) = (unsigned(row, 6)?, optional_number(row, THREAD_ORDINAL)?);
            Ok(EventKind::Message(Message { body, ordinal, thread_ordinal, erased }))
        }
        EDITED => {
            let (body, erased) = body(run, row)?;
            Ok(EventKind::MessageEdited(MessageEdited { target: target(row)?, body, count: amount()?, erased }))
        }
        DELETED => Ok(EventKind::MessageDeleted { target: target(row)?, reason: reason(run, row)? }),
        REACTION => Ok(EventKind::Reaction {
            target: target(row)?,
            reaction: Reaction::from_stored(&text(BODY)?),
            added: is_set()?,
            count: amount()?,
        }),
        PIN => Ok(EventKind::Pin { target: target(row)?, pinned: is_set()? }),
        MEMBER => {
            let user = mentions_from_text(&text(MENTIONS)?)?.into_iter().next();
            let reason = reason(run, row)?;
            let member = user.and_then(|user| member_from_text(&text(META).ok()?, user, reason));
            let member = member.ok_or_else(|| SqlError::corrupt("an event of a member that says nothing"))?;
            Ok(EventKind::Member(member))
        }
        ROOM_UPDATED => {
            let (kind, invites) = members::unpacked(amount()?)?;
            let (name, topic) = (RoomName::from_stored(&text(META)?), Topic::from_stored(&text(BODY)?));
            Ok(EventKind::RoomUpdated { name, topic, kind, invites })
        }
        ROOM_DELETED => Ok(EventKind::RoomDeleted),
        other => Err(SqlError::corrupt(format!("an event of unknown kind {other}"))),
    }
}

fn target(row: &QueryResult) -> Result<Seq, SqlError> {
    optional_seq(row, TARGET)?.ok_or_else(|| SqlError::corrupt("a change of no message"))
}

/// Why something was done.
fn reason<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<Option<Reason>, SqlError> {
    let reason = run.sealing.open(place(row)?, TextPart::Body, row.try_get_by_index(BODY)?)?;
    Ok(reason.as_deref().map(Reason::from_stored))
}

/// Where the event of a row stands.
fn place(row: &QueryResult) -> Result<(RoomId, Seq), SqlError> {
    Ok((RoomId(unsigned(row, 0)?), Seq(unsigned(row, 1)?)))
}

/// What a message or an edit says and where it belongs, and whether it was erased.
fn body<C>(run: &Run<'_, C>, row: &QueryResult) -> Result<(Body, bool), SqlError> {
    let (said, erased) = said(run, place(row)?, row, BODY)?;
    Ok((Body { reply_to: optional_seq(row, REPLY_TO)?, thread: optional_seq(row, THREAD)?, ..said }, erased))
}

/// What the message or edit at this place says, and whether that was erased, from the columns `body`, `meta`, `mentions` and
/// `flags`, of which the first is this one.
pub(super) fn said<C>(
    run: &Run<'_, C>,
    at: (RoomId, Seq),
    row: &QueryResult,
    first: usize,
) -> Result<(Body, bool), SqlError> {
    let content = run.sealing.open(at, TextPart::Body, row.try_get_by_index(first)?)?;
    let mentions: Option<String> = row.try_get_by_index(first + 2)?;
    let flags: Option<i16> = row.try_get_by_index(first + 3)?;
    // No message was sent without a text.
    let erased = content.is_none();
    let said = Body {
        content: content.unwrap_or_default(),
        mentions: mentions.map_or(Ok(Vec::new()), |text| mentions_from_text(&text))?,
        mentions_room: flags.unwrap_or_default() & MENTIONS_ROOM != 0,
        meta: run.sealing.open(at, TextPart::Meta, row.try_get_by_index(first + 1)?)?,
        ..Body::default()
    };
    Ok((said, erased))
}

/// User ids as one text: each with its length in bytes before it, since an id may hold anything.
pub(super) fn mentions_to_text(users: &[UserId]) -> String {
    users.iter().map(|user| format!("{}:{user}", user.as_str().len())).collect()
}

/// The ids in such a text.
pub(super) fn mentions_from_text(mut text: &str) -> Result<Vec<UserId>, SqlError> {
    let mut users = Vec::new();
    while !text.is_empty() {
        let next = text.split_once(':').and_then(|(length, rest)| rest.split_at_checked(length.parse().ok()?));
        let (user, rest) = next.ok_or_else(|| SqlError::corrupt("mentions that are no list of users"))?;
        users.push(UserId::from_stored(user));
        text = rest;
    }
    Ok(users)
}

/// A number that may be null.
pub(super) fn optional_seq(row: &QueryResult, index: usize) -> Result<Option<Seq>, SqlError> {
    Ok(optional_number(row, index)?.map(Seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_come_back_whatever_is_in_an_id() {
        let users = ["alice", "3:bob", ":", "é\n", "7"].map(|id| UserId::new(id).unwrap()).to_vec();
        assert_eq!(mentions_from_text(&mentions_to_text(&users)).unwrap(), users);
        assert!(mentions_from_text("9:bob").is_err() && mentions_from_text("bob").is_err());
    }
}
