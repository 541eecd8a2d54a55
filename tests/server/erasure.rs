//! What is deleted is nowhere: not in the database's file, not in a dump of it.

use std::{collections::BTreeSet, fs};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use serde_json::json;
use tokio::time::timeout;

use crate::common::{DEADLINE, Database, Server, on_each_database};

on_each_database!(a_deleted_message_is_nowhere_in_the_database);

async fn a_deleted_message_is_nowhere_in_the_database(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let kept = write_at_length(&server, room, &KEPT).await;
    let deleted = write_at_length(&server, room, &DELETED).await;
    // Both what was searched before and what the index has not seen yet is to be gone.
    is_indexed(&server, DELETED[1]).await;
    let in_haste = write_at_length(&server, room, &IN_HASTE).await;
    let path = |seq: u64| format!("/rooms/{room}/messages/{seq}?username=alice");
    assert_eq!(server.delete(&path(in_haste)).await.status, 204);
    assert_eq!(server.get(&path(kept)).await.json(200)["content"], KEPT[1]);
    server.stop().await;
    let before = found_in(&database, &[&KEPT[..], &DELETED[..]].concat()).await;
    assert_eq!(before.len(), KEPT.len() + DELETED.len(), "what is there is found, all but an old text: {before:?}");

    let server = Server::start(&database).await;
    assert_eq!(server.delete(&path(deleted)).await.status, 204);
    let state = server.get(&path(deleted)).await.json(200);
    assert_eq!((&state["content"], &state["deleted"]["user"]), (&json!(""), &json!("alice")));
    server.stop().await;
    let after = found_in(&database, &[&DELETED[..], &IN_HASTE[..]].concat()).await;
    assert_eq!(after, BTreeSet::new(), "nothing of a deleted message is left");
    assert_eq!(found_in(&database, &KEPT).await.len(), KEPT.len(), "all of the others is");
}

/// The words of a message: its first text, the text after an edit, its meta, and whom it mentions.
type Words = [&'static str; 4];

const KEPT: Words = ["quartzfalcon", "nebulapigeon", "velvetanchor", "copperlantern"];
const DELETED: Words = ["marblewillow", "thunderquill", "saffronharbor", "emberspindle"];
const IN_HASTE: Words = ["cobaltmeadow", "ivorycompass", "crimsonferry", "hollowbeacon"];

/// Sends, edits, answers, pins and reacts to a message; returns its number.
async fn write_at_length(server: &Server, room: u64, [text, edited, meta, mentioned]: &Words) -> u64 {
    let messages = format!("/rooms/{room}/messages");
    let body = json!({"content": text, "meta": {"note": meta}, "mentions": [mentioned]});
    let seq = server.post(&format!("{messages}?username=alice"), body).await.json(201)["seq"].as_u64().unwrap();
    server.patch(&format!("{messages}/{seq}?username=alice"), json!({"content": edited})).await.json(200);
    for path in ["/reactions/%F0%9F%91%8D", "/pin"] {
        server.call("PUT", &format!("{messages}/{seq}{path}?username=bob"), &[], None).await.json(200);
    }
    let answer = json!({"content": "I see", "thread": seq});
    server.post(&format!("{messages}?username=bob"), answer).await.json(201);
    seq
}

/// Waits until a search finds this word.
async fn is_indexed(server: &Server, word: &str) {
    let path = format!("/search?q={word}&username=alice");
    let found = async { while server.get(&path).await.json(200)["messages"] == json!([]) {} };
    timeout(DEADLINE, found).await.expect("it is never found");
}

/// Those of these words that are anywhere in the database. The server must not run.
async fn found_in(database: &Database, words: &[&'static str]) -> BTreeSet<&'static str> {
    let connection = sea_orm::Database::connect(database.url()).await.unwrap();
    let bytes = match database.folder_of_file() {
        Some(folder) => {
            for sql in ["PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
                connection.execute_unprepared(sql).await.unwrap();
            }
            connection.close().await.unwrap();
            let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
            files.collect::<Vec<_>>().concat()
        }
        None => dump(&connection).await,
    };
    let is_there = |word: &&&str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    words.iter().filter(is_there).copied().collect()
}

/// Every column of every row of every table.
async fn dump(connection: &DatabaseConnection) -> Vec<u8> {
    let is_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let schema = if is_postgres { "current_schema()" } else { "database()" };
    let columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema";
    let columns = all(connection, format!("{columns} = {schema}")).await;
    assert!(columns.len() > 50, "there are tables");
    let mut dump = Vec::new();
    for row in &columns {
        let (table, column, kind) = (text(row, 0), text(row, 1), text(row, 2));
        let sql = match (is_postgres, kind.as_str()) {
            // Of bytes the letters stay letters.
            (true, "bytea") => format!("SELECT encode(\"{column}\", 'escape') FROM \"{table}\""),
            (true, _) => format!("SELECT \"{column}\"::text FROM \"{table}\""),
            (false, _) => format!("SELECT CAST(`{column}` AS BINARY) FROM `{table}`"),
        };
        for row in &all(connection, sql).await {
            dump.extend(text_or_nothing(row).into_bytes());
            dump.push(b'\n');
        }
    }
    dump
}

async fn all(connection: &DatabaseConnection, sql: String) -> Vec<QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), &sql);
    connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn text(row: &QueryResult, index: usize) -> String {
    row.try_get_by_index::<String>(index)
        .unwrap_or_else(|_| String::from_utf8_lossy(&row.try_get_by_index::<Vec<u8>>(index).unwrap()).into_owned())
}

fn text_or_nothing(row: &QueryResult) -> String {
    if let Ok(text) = row.try_get_by_index::<Option<String>>(0) {
        return text.unwrap_or_default();
    }
    let bytes = row.try_get_by_index::<Option<Vec<u8>>>(0).unwrap().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
