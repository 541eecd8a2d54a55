//! Databases with a long log: on SQLite, and on the servers that `cargo xtask with` starts.

use std::{env, fs, path::Path};

use chat_core::{ChatEngine, Database, Identity, NewRoom, RoomId};
use sea_orm::ConnectionTrait as _;
use tokio::runtime::Runtime;

use crate::text;

/// How many rows a statement inserts.
const ROWS: usize = 1_000;

/// Measures on each database that there is, by its name and the URL of an empty one.
pub(crate) fn on_each(mut measure: impl FnMut(&str, &str)) {
    on_each_twice(|name, [url, _]| measure(name, url));
}

/// The same with two databases of each kind, to compare what is done on one of them.
pub(crate) fn on_each_twice(mut measure: impl FnMut(&str, [&str; 2])) {
    let folder = env::temp_dir().join(format!("chat-bench-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    let url = |name: &str| format!("sqlite://{}/{name}.db?mode=rwc", folder.display());
    measure("sqlite", [&url("chat"), &url("other")]);
    remove(&folder);
    for (name, variable) in [("postgres", "CHAT_TEST_POSTGRES_URL"), ("mariadb", "CHAT_TEST_MYSQL_URL")] {
        match env::var(variable) {
            Ok(server) => measure(name, [&own_database(&server), &own_database(&server)]),
            Err(_) => eprintln!("{name} is left out: `cargo xtask with cargo bench …` starts it"),
        }
    }
}

/// Removes a folder with a database. Its engine may still be closing the files: then it says that the folder is left.
pub(crate) fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        eprintln!("{} is left: {error}", folder.display());
    }
}

/// A database of its own on a server, which goes with the server.
fn own_database(server: &str) -> String {
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    Runtime::new().unwrap().block_on(execute(server, &[format!("CREATE DATABASE {name}")]));
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// Makes a room with so many events, of which one in `every` is a message. Its log is made by statements of its own: the engine
/// would take an hour.
pub(crate) async fn fill(url: &str, alice: &Identity, events: u64, every: u64) -> RoomId {
    let engine = ChatEngine::builder().database(Database::from(url)).build().await.unwrap();
    let room = engine.create_room(alice, NewRoom::named("general")).await.unwrap().id;
    engine.shutdown().await;
    let rows: Vec<String> = (1..=events).map(|seq| row(room, seq, every)).collect();
    let mut statements: Vec<String> = rows
        .chunks(ROWS)
        .map(|rows| {
            format!(
                "INSERT INTO chat_events (room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body) \
                 VALUES {}",
                rows.join(",")
            )
        })
        .collect();
    let messages = events / every;
    statements.push(format!("UPDATE chat_rooms SET head = {events}, ordinal = {messages} WHERE id = {room}"));
    execute(url, &statements).await;
    room
}

fn row(room: RoomId, seq: u64, every: u64) -> String {
    let (kind, body) = if seq.is_multiple_of(every) { (1, text()) } else { (2, String::new()) };
    format!("({room}, {seq}, {kind}, {seq}, 'Alice', 'Alice', {}, '{seq:032}', 0, '{body}')", seq / every)
}

/// Runs statements, one after the other.
pub(crate) async fn execute(url: &str, statements: &[String]) {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    for sql in statements {
        connection.execute_unprepared(sql).await.unwrap();
    }
    connection.close().await.unwrap();
}
