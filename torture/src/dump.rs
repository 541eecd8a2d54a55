//! Reads what the database holds, by SQL and without the chat server.

use histcheck::history::{Content, Event, Kind, Message, What};
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
        let sql = "SELECT seq, kind, user_id, idem_key, body, meta FROM chat_events";
        let events = all(&connection, format!("{sql} WHERE room_id = {room} ORDER BY seq")).await?;
        let events = events.iter().map(event).collect::<Result<_>>()?;
        stored.push(What::Stored { room, epoch: epoch.clone(), head, name: text(&row, 1)?, events });
    }
    connection.close().await?;
    Ok(stored)
}

fn event(row: &QueryResult) -> Result<Event> {
    let kind = match row.try_get_by_index::<i16>(1)? {
        1 => Kind::Message(Message {
            sender: text(row, 2)?.unwrap_or_default(),
            // A key that begins with a space was made by the engine, and clients never see it.
            key: text(row, 3)?.filter(|key| !key.starts_with(' ')),
            content: Content::text(short(&text(row, 4)?.unwrap_or_default())),
            ..Message::default()
        }),
        2 => Kind::RoomUpdated { name: text(row, 5)?.unwrap_or_default() },
        3 => Kind::RoomDeleted,
        other => return Err(format!("an event of the unknown kind {other}").into()),
    };
    Ok(Event { seq: number(row, 0)?, kind })
}

async fn all(connection: &DatabaseConnection, sql: String) -> std::result::Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await
}

fn number(row: &QueryResult, index: usize) -> Result<u64> {
    Ok(u64::try_from(row.try_get_by_index::<i64>(index)?)?)
}

/// A text column; MySQL returns binary strings as bytes.
fn text(row: &QueryResult, index: usize) -> Result<Option<String>> {
    if let Ok(text) = row.try_get_by_index::<Option<String>>(index) {
        return Ok(text);
    }
    let bytes = row.try_get_by_index::<Option<Vec<u8>>>(index)?;
    Ok(bytes.map(String::from_utf8).transpose()?)
}
