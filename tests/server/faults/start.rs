//! A server that cannot use its database says why, exits with the code for it, and changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sea_orm::ConnectionTrait;
use torture::fault::{
    FaultError,
    disk::Disk,
    lock::Lock,
    process::{Signal, signal},
    shim::Shim,
};

use crate::common::{Database, Server};

const IN_USE: i32 = 3;
const UNAVAILABLE: i32 = 4;
const UNUSABLE: i32 = 5;

/// The files in a folder, without the lock file, which is empty and stays.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut contents: BTreeMap<_, _> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    contents.retain(|path, bytes| !(path.extension().is_some_and(|kind| kind == "lock") && bytes.is_empty()));
    contents
}

/// The server exits with this code and this text, and the folder is unchanged.
async fn refuses(database: &Database, folder: &Path, code: i32, says: &str) {
    let before = contents(folder);
    let (status, said) = Server::fail(database).await;
    assert_eq!(status.code(), Some(code), "{said}");
    assert!(said.contains(says), "it does not say {says:?}: {said}");
    let after = contents(folder);
    assert!(before == after, "touched: {:?} became {:?}", before.keys(), after.keys());
}

async fn execute(database: &Database, sql: &str) {
    let connection = sea_orm::Database::connect(database.url()).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_another_server_uses() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "one").await;
    // It stands still meanwhile, since it writes in the folder as well.
    signal(server.pid(), Signal::Stop).await.unwrap();
    refuses(&database, database.folder(), IN_USE, "in use by another").await;
    signal(server.pid(), Signal::Continue).await.unwrap();
    assert_eq!(server.say(room, "Alice", "two").await, 2);
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let database = Database::sqlite();
    for bytes in ["not a database at all\n", "x", &"SQLite format 2".repeat(1000)] {
        fs::write(database.folder().join("chat.db"), bytes).unwrap();
        refuses(&database, database.folder(), UNUSABLE, "is not an SQLite database").await;
    }
}

#[tokio::test]
async fn the_database_of_another_application() {
    let database = Database::sqlite();
    execute(&database, "CREATE TABLE chat_rooms (title TEXT); INSERT INTO chat_rooms VALUES ('theirs')").await;
    refuses(&database, database.folder(), UNUSABLE, "chat_rooms").await;
}

#[tokio::test]
async fn a_database_of_a_newer_version() {
    let database = Database::sqlite();
    Server::start(&database).await.stop().await;
    execute(&database, "INSERT INTO chat_migrations (version, applied_at) VALUES ('m9999_of_tomorrow', 1)").await;
    refuses(&database, database.folder(), UNUSABLE, "newer").await;
}

#[tokio::test]
async fn a_file_that_may_only_be_read() {
    let database = Database::sqlite();
    Server::start(&database).await.stop().await;
    let file = database.folder().join("chat.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    refuses(&database, database.folder(), UNAVAILABLE, "read-only").await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    Server::start(&database).await;
}

#[tokio::test]
async fn a_folder_that_is_not_there() {
    let database = Database::sqlite();
    let missing = Database::sqlite_in(&database.folder().join("missing"));
    refuses(&missing, database.folder(), UNAVAILABLE, "does not exist").await;
}

/// These failures may be temporary, so starting again makes sense.
#[tokio::test]
async fn a_database_that_is_locked_and_a_disk_that_is_full() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let starts = async |says: &str| {
        let (status, said) = Server::fail_under(&database, shim.environment()).await;
        assert_eq!(status.code(), Some(UNAVAILABLE), "{said}");
        assert!(said.contains(says), "it does not say {says:?}: {said}");
    };
    for room in [0, 40_000] {
        shim.leave_room(Some(room)).unwrap();
        starts("full").await;
    }
    shim.leave_room(None).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "one").await;
    server.stop().await;
    let lock = Lock::on_sqlite(database.url()).await.unwrap();
    starts("locked").await;
    lock.release().await.unwrap();
    shim.leave_room(Some(0)).unwrap();
    starts("").await;
    shim.leave_room(None).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    assert_eq!(server.say(room, "Alice", "two").await, 2);
}

#[tokio::test]
async fn a_folder_that_takes_no_files() {
    let (disk, own);
    let folder = match Disk::mount(1 << 20).await {
        Ok(mounted) => {
            disk = mounted;
            disk.protect().await.unwrap();
            disk.folder()
        }
        Err(FaultError::Impossible(_)) => {
            own = Database::sqlite();
            fs::set_permissions(own.folder(), fs::Permissions::from_mode(0o555)).unwrap();
            own.folder()
        }
        Err(error) => panic!("{error}"),
    };
    refuses(&Database::sqlite_in(folder), folder, UNAVAILABLE, "cannot be opened").await;
}
