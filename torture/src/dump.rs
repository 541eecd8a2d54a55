//! Reads what the database holds, by SQL and without the chat server.

use histcheck::history::{Content, Edited, Event, Kind, Message, What};
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
    for row in all(&connection, "SELECT id, name, head FROM chat_rooms ORDER BY id".to_owned()).await? {
        let (room, head) = (number(&row, 0)?, number(&row, 2)?);
        let sql =
            "SELECT seq, kind, user_id, idem_key, body, meta, reply_to, thread, thread_ordinal, target_seq, amount,
            mentions, flags FROM chat_events";
        let events = all(&connection, format!("{sql} WHERE room_id = {room} ORDER BY seq")).await?;
        let events = events.iter().map(event).collect::<Result<_>>()?;
        stored.push(What::Stored { room, epoch: epoch.clone(), head, name: text(&row, 1)?, events });
    }
    connection.close().await?;
    Ok(stored)
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
        2 => Kind::RoomUpdated { by, name: text(row, 5)?.unwrap_or_default(), terms: None },
        3 => Kind::RoomDeleted,
        5 => Kind::MessageEdited(Edited { by, key, target, content: content(row, body, flags)?, erased }),
        6 => Kind::MessageDeleted { by, key, target, reason: body },
        7 => {
            let (reaction, count) = (body.unwrap_or_default(), optional(row, 10)?.unwrap_or_default());
            Kind::Reaction { by, key, target, reaction, added: is_set, count }
        }
        8 => Kind::Pin { by, key, target, pinned: is_set },
        other => return Err(format!("an event of the unknown kind {other}").into()),
    };
    Ok(Event::new(number(row, 0)?, kind))
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

/// The bits of `flags` of an event.
const MENTIONS_ROOM: i16 = 1;
/// A reaction that was added, a message that was pinned.
const ADDED: i16 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_mentions_is_taken_apart() {
        assert_eq!(mentions("5:alice3:bob2:1:").unwrap(), ["alice", "bob", "1:"]);
        assert!(mentions("").unwrap().is_empty());
        assert!(mentions("9:alice").is_err());
    }
}
