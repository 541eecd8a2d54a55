//! Reads what the database holds, by SQL and without the chat server.

use histcheck::history::{
    Content, Edited, Event, InvitedBy, Kind, Member, MemberEvent, Message, Role, RoomKind, Terms, What,
};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, QueryResult, Statement};

use crate::{client::frame::short, server::Result};

/// All rooms with their logs.
///
/// # Errors
/// The database cannot be read, or holds what the chat server never writes.
pub async fn dump(url: &str) -> Result<Vec<What>> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await?;
    let rows = all(&connection, "SELECT epoch FROM chat_meta".to_owned()).await?;
    let epoch = text(rows.first().ok_or("chat_meta is empty")?, 0)?.unwrap_or_default();
    let mut stored = Vec::new();
    for row in all(&connection, "SELECT id, name, head, members FROM chat_rooms ORDER BY id".to_owned()).await? {
        let (room, head) = (number(&row, 0)?, number(&row, 2)?);
        let sql =
            "SELECT seq, kind, user_id, idem_key, body, meta, reply_to, thread, thread_ordinal, target_seq, amount,
            mentions, flags, at_us FROM chat_events";
        let events = all(&connection, format!("{sql} WHERE room_id = {room} ORDER BY seq")).await?;
        let events = events.iter().map(event).collect::<Result<_>>()?;
        let name = text(&row, 1)?;
        if name.is_some() {
            stored.push(What::Members { room, count: number(&row, 3)?, members: members(&connection, room).await? });
        }
        stored.push(What::Stored { room, epoch: epoch.clone(), head, name, events });
    }
    connection.close().await?;
    Ok(stored)
}

async fn members(connection: &DatabaseConnection, room: u64) -> Result<Vec<Member>> {
    let rows = all(connection, format!("SELECT user_id, role FROM chat_members WHERE room_id = {room}")).await?;
    let member = |row: &QueryResult| {
        let role = usize::try_from(row.try_get_by_index::<i16>(1)?)?;
        let role = [Role::Owner, Role::Moderator, Role::Member].into_iter().nth(role).ok_or("an unknown role")?;
        Ok(Member { user: text(row, 0)?.unwrap_or_default(), role })
    };
    rows.iter().map(member).collect()
}

fn event(row: &QueryResult) -> Result<Event> {
    let kind: i16 = row.try_get_by_index(1)?;
    let (by, target) = (text(row, 2)?.unwrap_or_default(), optional(row, 9)?.unwrap_or_default());
    // A key that begins with a space was made by the engine, and clients never see it.
    let key = text(row, 3)?.filter(|key| !key.starts_with(' '));
    let (body, flags) = (text(row, 4)?, row.try_get_by_index::<Option<i16>>(12)?.unwrap_or_default());
    let (erased, is_set) = (body.is_none(), flags & ADDED != 0);
    let kind = match kind {
        1 | 4 => Kind::Message(Message {
            sender: by,
            key,
            content: content(row, body, flags)?,
            reply_to: optional(row, 6)?,
            thread: optional(row, 7)?,
            thread_ordinal: optional(row, 8)?,
            erased,
        }),
        2 => {
            let packed = optional(row, 10)?.unwrap_or_default();
            Kind::RoomUpdated { by, name: text(row, 5)?.unwrap_or_default(), terms: terms(packed) }
        }
        3 => Kind::RoomDeleted,
        5 => Kind::MessageEdited(Edited { by, key, target, content: content(row, body, flags)?, erased }),
        6 => Kind::MessageDeleted { by, key, target, reason: body },
        7 => {
            let (reaction, count) = (body.unwrap_or_default(), optional(row, 10)?.unwrap_or_default());
            Kind::Reaction { by, key, target, reaction, added: is_set, count }
        }
        8 => Kind::Pin { by, key, target, pinned: is_set },
        9 => {
            let user = mentions(&text(row, 11)?.unwrap_or_default())?.into_iter().next().unwrap_or_default();
            let said = text(row, 5)?.unwrap_or_default();
            Kind::Member(member(&said, (by, key, user)).ok_or("an event of a member that says nothing")?)
        }
        other => return Err(format!("an event of the unknown kind {other}").into()),
    };
    let stamp = row.try_get_by_index::<i64>(13)?;
    Ok(Event { seq: number(row, 0)?, at: u64::try_from(stamp.div_euclid(MICROS)).ok(), kind })
}

/// The terms in a number: the kind in the lowest two bits, then who may bring others in.
fn terms(packed: u64) -> Option<Terms> {
    let kind =
        [RoomKind::Public, RoomKind::Private, RoomKind::Direct].into_iter().nth(usize::try_from(packed % 4).ok()?)?;
    let invites = if packed / 4 == 0 { InvitedBy::Members } else { InvitedBy::Moderators };
    Some(Terms { kind, invites })
}

/// What a text says has happened with a user: the change, the role and the end, and the name.
fn member(said: &str, (by, key, user): (String, Option<String>, String)) -> Option<MemberEvent> {
    let mut parts = said.splitn(4, ' ').map(|part| Some(part).filter(|part| *part != "-"));
    let change = serde_json::from_value(parts.next()??.into()).ok()?;
    let role = parts.next()?.map(|role| serde_json::from_value(role.into())).transpose().ok()?;
    let until = parts.next()?.map(str::parse::<u64>).transpose().ok()?;
    Some(MemberEvent { by, key, user, change, role, until: until.map(|until| until / MICROS.unsigned_abs()) })
}

fn content(row: &QueryResult, body: Option<String>, flags: i16) -> Result<Content> {
    let meta = text(row, 5)?.map(|meta| serde_json::from_str::<serde_json::Value>(&meta)).transpose()?;
    Ok(Content {
        body: short(&body.unwrap_or_default()),
        mentions: mentions(&text(row, 11)?.unwrap_or_default())?,
        mentions_room: flags & MENTIONS_ROOM != 0,
        meta: meta.map(|meta| meta.to_string()),
    })
}

/// The ids in a list, where each stands after its length in bytes: `5:alice3:bob`.
fn mentions(mut list: &str) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    while let Some((length, rest)) = list.split_once(':') {
        let (id, rest) = rest.split_at_checked(length.parse()?).ok_or("a list of mentions is cut off")?;
        ids.push(id.to_owned());
        list = rest;
    }
    Ok(ids)
}

async fn all(connection: &DatabaseConnection, sql: String) -> std::result::Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await
}

fn number(row: &QueryResult, index: usize) -> Result<u64> {
    Ok(u64::try_from(row.try_get_by_index::<i64>(index)?)?)
}

fn optional(row: &QueryResult, index: usize) -> Result<Option<u64>> {
    Ok(row.try_get_by_index::<Option<i64>>(index)?.map(u64::try_from).transpose()?)
}

/// A text column; MySQL returns binary strings as bytes.
fn text(row: &QueryResult, index: usize) -> Result<Option<String>> {
    if let Ok(text) = row.try_get_by_index::<Option<String>>(index) {
        return Ok(text);
    }
    let bytes = row.try_get_by_index::<Option<Vec<u8>>>(index)?;
    Ok(bytes.map(String::from_utf8).transpose()?)
}

/// Microseconds of a millisecond.
const MICROS: i64 = 1_000;
/// The bits of `flags` of an event.
const MENTIONS_ROOM: i16 = 1;
/// A reaction that was added, a message that was pinned.
const ADDED: i16 = 8;

#[cfg(test)]
mod tests {
    use histcheck::history::MemberChange;

    use super::*;

    #[test]
    fn what_has_happened_with_a_member_is_taken_apart() {
        let about = || ("ann".to_owned(), None, "bob".to_owned());
        let ban = member("banned - 7000 Bob the Second", about()).unwrap();
        assert_eq!((ban.change, ban.role, ban.until), (MemberChange::Banned, None, Some(7)));
        let added = member("added moderator - Bob", about()).unwrap();
        assert_eq!((added.change, added.role, added.until), (MemberChange::Added, Some(Role::Moderator), None));
        assert_eq!(member("sung - - Bob", about()), None);
        assert_eq!(terms(5), Some(Terms { kind: RoomKind::Private, invites: InvitedBy::Moderators }));
    }

    #[test]
    fn a_list_of_mentions_is_taken_apart() {
        assert_eq!(mentions("5:alice3:bob2:1:").unwrap(), ["alice", "bob", "1:"]);
        assert!(mentions("").unwrap().is_empty());
        assert!(mentions("9:alice").is_err());
    }
}
