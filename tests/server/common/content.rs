//! What stands in a database, as somebody sees it who has nothing but its file, or a dump of it.

use std::{collections::BTreeSet, fs};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

use super::Database;

/// Those of these words that are anywhere in the database. The server must not run.
pub(crate) async fn found_in(database: &Database, words: &[&'static str]) -> BTreeSet<&'static str> {
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
