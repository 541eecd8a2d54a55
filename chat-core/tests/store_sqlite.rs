//! The store on SQLite holds to the contract, in a file and in memory, and refuses what it cannot use.
#![cfg(all(feature = "test-util", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chat_core::{
    Epoch, RoomName, RoomQuery, StartError, TextKeys, Timestamp, Topic,
    append::RoomRecord,
    store::{Store, Viewer, sea::SeaStore},
    testing::store_contract::Opener,
};

#[cfg(feature = "entity")]
mod entities;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn url(&self, mode: &str) -> String {
        format!("sqlite://{}?mode={mode}", self.file("chat.db").display())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is in the way of nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[async_trait::async_trait]
impl Opener for Folder {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SeaStore::open_shared(&self.url("rwc")).await.unwrap())
    }
}

/// As `.cargo/config.toml` says: else all threads that read wait for each other.
#[tokio::test]
async fn sqlite_is_built_without_locks_that_all_threads_share() {
    use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
    let database = Database::connect("sqlite::memory:").await.unwrap();
    let options = database.query_all_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA compile_options")).await;
    let options: Vec<String> = options.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    assert!(!options.iter().any(|option| option == "ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
}

async fn in_a_folder() -> Folder {
    Folder::new()
}

mod file {
    use super::in_a_folder as make;
    chat_core::store_contract!(make);
}

/// Texts are encrypted.
struct Encrypted(Folder, TextKeys);

#[async_trait::async_trait]
impl Opener for Encrypted {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SeaStore::open_shared_encrypted(&self.0.url("rwc"), self.1.clone()).await.unwrap())
    }

    fn finds_beginnings(&self) -> bool {
        false
    }
}

async fn with_keys() -> Encrypted {
    Encrypted(Folder::new(), TextKeys::generate().unwrap())
}

mod encrypted {
    use super::with_keys as make;
    chat_core::store_contract!(make);
}

/// A database in memory is one store's: another one is the same store.
struct InMemory(Arc<SeaStore>);

#[async_trait::async_trait]
impl Opener for InMemory {
    async fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_database_in_memory_lives_as_long_as_its_store() {
    let store = InMemory(Arc::new(SeaStore::open("sqlite::memory:").await.unwrap()));
    chat_core::testing::store_contract::appends::numbers_have_no_holes(&store).await;
    assert_eq!(store.0.rooms(&RoomQuery::default(), &Viewer::Host).await.unwrap().rooms.len(), 1);
    let other = SeaStore::open("sqlite::memory:").await.unwrap();
    assert!(other.rooms(&RoomQuery::default(), &Viewer::Host).await.unwrap().rooms.is_empty());
    chat_core::testing::store_contract::history::recovery_finds_what_was_stored(&InMemory(Arc::new(other))).await;
}

#[tokio::test]
async fn a_second_store_on_a_file_is_refused_until_the_first_is_gone() {
    let folder = Folder::new();
    let first = SeaStore::open(&folder.url("rwc")).await.unwrap();
    let refused = SeaStore::open(&folder.url("rwc")).await.unwrap_err();
    assert!(matches!(refused, StartError::InUse(_)), "{refused}");
    assert!(refused.to_string().contains("chat.db"), "{refused}");
    let host = sea_orm::Database::connect(folder.url("rw")).await.unwrap();
    let refused = SeaStore::with_connection(host.clone()).await.unwrap_err();
    assert!(matches!(refused, StartError::InUse(_)), "{refused}");
    first.close().await;
    let second = SeaStore::with_connection(host).await.unwrap();
    drop(second);
    SeaStore::open(&folder.url("rw")).await.unwrap();
}

#[tokio::test]
async fn a_host_keeps_its_own_tables_and_connection() {
    use sea_orm::ConnectionTrait;
    let folder = Folder::new();
    let host = sea_orm::Database::connect(folder.url("rwc")).await.unwrap();
    host.execute_unprepared("CREATE TABLE seaql_migrations (version TEXT PRIMARY KEY, applied_at BIGINT)")
        .await
        .unwrap();
    host.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m9_of_the_host', 1)").await.unwrap();
    let store = SeaStore::with_connection(host.clone()).await.unwrap();
    assert!(store.create_room(&row("general")).await.unwrap().is_ok());
    let rows = host.query_all_raw(sea_orm::Statement::from_string(
        sea_orm::DbBackend::Sqlite,
        "SELECT DISTINCT host.version FROM chat_migrations JOIN seaql_migrations host",
    ));
    assert_eq!(rows.await.unwrap().len(), 1);
    assert_eq!(pragma(&host, "journal_mode").await, "wal");
}

async fn pragma(host: &sea_orm::DatabaseConnection, name: &str) -> String {
    use sea_orm::ConnectionTrait;
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA {name}"));
    host.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_only_when_asked_for() {
    let folder = Folder::new();
    let error = SeaStore::open(&folder.url("rw")).await.unwrap_err();
    assert!(matches!(&error, StartError::Unavailable(reason) if reason.contains("mode=rwc")), "{error}");
    let nowhere = format!("sqlite://{}?mode=rwc", folder.file("no/where/chat.db").display());
    let error = SeaStore::open(&nowhere).await.unwrap_err();
    assert!(matches!(&error, StartError::Unavailable(reason) if reason.contains("does not exist")), "{error}");
    assert!(folder.names().is_empty(), "nothing is touched");
}

#[tokio::test]
async fn what_is_no_database_or_read_only_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    let path = folder.file("chat.db");
    fs::write(&path, "a letter to somebody, not a database").unwrap();
    let error = SeaStore::open(&folder.url("rwc")).await.unwrap_err();
    assert!(matches!(&error, StartError::Unusable(reason) if reason.contains("not an SQLite database")), "{error}");
    fs::write(&path, "").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let error = SeaStore::open(&folder.url("rwc")).await.unwrap_err();
    assert!(matches!(&error, StartError::Unavailable(reason) if reason.contains("read-only")), "{error}");
    let error = SeaStore::open(&folder.url("ro")).await.unwrap_err();
    assert!(matches!(&error, StartError::Unavailable(reason) if reason.contains("read-only")), "{error}");
    assert_eq!(folder.names(), ["chat.db"]);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn urls_of_no_database_are_refused() {
    for url in ["", "chat.db", "redis://localhost", "sqlite://x?mode=nonsense"] {
        let error = SeaStore::open(url).await.unwrap_err();
        assert!(matches!(error, StartError::BadUrl(_)), "{url}: {error}");
    }
}

/// Somebody else's lock is waited for, for a while; then the answer is that it may be tried again.
#[tokio::test]
async fn a_locked_database_is_unavailable_and_comes_back() {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let folder = Folder::new();
    let store = SeaStore::open(&folder.url("rwc")).await.unwrap();
    let host = sea_orm::Database::connect(folder.url("rw")).await.unwrap();
    let transaction = host.begin().await.unwrap();
    transaction.execute_unprepared("UPDATE chat_meta SET epoch = epoch").await.unwrap();
    let error = store.create_room(&row("general")).await.unwrap_err();
    assert_eq!(error.kind, chat_core::store::StoreErrorKind::Unavailable, "{error}");
    assert!(store.rooms(&RoomQuery::default(), &Viewer::Host).await.unwrap().rooms.is_empty(), "reading goes on");
    transaction.rollback().await.unwrap();
    assert!(store.create_room(&row("general")).await.unwrap().is_ok());
    assert_ne!(store.epoch().await.unwrap(), Epoch::new(""));
}

fn row(name: &str) -> RoomRecord {
    RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), Timestamp(1))
}

/// What an earlier version has made is written anew once, and can get smaller from then on.
#[tokio::test]
async fn an_older_file_gets_smaller_too() {
    use sea_orm::ConnectionTrait;
    let folder = Folder::new();
    let older = sea_orm::Database::connect(folder.url("rwc")).await.unwrap();
    older.execute_unprepared("CREATE TABLE t (x); DROP TABLE t").await.unwrap();
    assert_eq!(auto_vacuum(&folder).await, 0);
    let store = Arc::new(SeaStore::open(&folder.url("rw")).await.unwrap());
    let opener = InMemory(store.clone());
    chat_core::testing::store_contract::rooms::purging_takes_what_was_deleted(&opener).await;
    let mut steps = 0;
    while store.vacuum().await.unwrap().is_some() {
        steps += 1;
    }
    assert!((1..10).contains(&steps), "{steps} steps");
    assert_eq!(auto_vacuum(&folder).await, 2);
    assert_eq!(fs::metadata(folder.file("chat.db-wal")).unwrap().len(), 0);
    assert_eq!(store.vacuum().await.unwrap(), None, "nothing is left to do");
}

async fn auto_vacuum(folder: &Folder) -> i32 {
    use sea_orm::ConnectionTrait;
    // One that has just opened the file, and remembers nothing of it.
    let fresh = sea_orm::Database::connect(folder.url("rw")).await.unwrap();
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, "PRAGMA auto_vacuum");
    fresh.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// An import that its process did not finish becomes a deleted room at the next start, which is purged.
#[tokio::test]
async fn an_unfinished_import_is_removed_after_the_next_start() {
    let folder = Folder::new();
    let store = SeaStore::open(&folder.url("rwc")).await.unwrap();
    let room = store.create_room(&row("general")).await.unwrap().unwrap();
    let head = store.archive().head(room.id).await.unwrap().unwrap();
    let import = store.archive().begin_import(&head).await.unwrap();
    assert_eq!(store.purge(10).await.unwrap(), 0, "it goes on");
    store.close().await;
    let store = SeaStore::open(&folder.url("rw")).await.unwrap();
    assert_eq!(store.archive().import(import, &[]).await.unwrap(), None);
    assert_eq!(store.purge(10).await.unwrap(), 1);
    assert!(store.room(room.id).await.unwrap().is_some());
}

/// Two fifths of the time are for the lock of somebody else's.
#[tokio::test]
async fn a_lock_is_waited_for_in_the_time_that_was_said() {
    use chat_core::{Actor, ChatEngine, Draft, Error, Identity, NewRoom, store::sea::connections};
    use sea_orm::{ConnectionTrait, TransactionTrait};
    use std::time::Duration;
    use tokio::time::Instant;
    let folder = Folder::new();
    let url = folder.url("rwc");
    let second = Duration::from_secs(1);
    let engine = ChatEngine::builder().database(url.as_str()).write_time_out(second).build().await.unwrap();
    let room = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap();
    let host = connections(&url, 1).unwrap();
    let locked = host.begin().await.unwrap();
    locked.execute_unprepared("UPDATE chat_meta SET epoch = epoch").await.unwrap();
    let began = Instant::now();
    let refused = engine.send(&Identity::named("alice").unwrap(), room.id, Draft::text("hi")).await;
    assert_eq!(refused.map(|sent| sent.seq), Err(Error::Unavailable));
    assert!((second * 2 / 5..second * 3 / 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    locked.rollback().await.unwrap();
    engine.shutdown().await;
}

#[tokio::test]
#[cfg(feature = "entity")]
async fn entities_read_every_row() {
    let folder = Folder::new();
    entities::every_row_is_read(&folder.url("rwc")).await;
}

#[tokio::test]
#[cfg(feature = "entity")]
async fn entities_are_the_tables_that_there_are() {
    let folder = Folder::new();
    entities::columns_are_those_of_the_tables(&folder.url("rwc")).await;
}

/// What is encrypted there is what the documentation says.
#[tokio::test]
#[cfg(feature = "entity")]
async fn entities_have_encrypted_texts_as_they_are_stored() {
    use chat_core::{ChatEngine, Database, Draft, Identity, NewRoom, entity::events};
    use sea_orm::EntityTrait;
    let folder = Folder::new();
    let database = Database::from(folder.url("rwc")).encrypted(TextKeys::generate().unwrap());
    let engine = ChatEngine::builder().database(database).build().await.unwrap();
    let alice = Identity::named("Alice").unwrap();
    let room = engine.create_room(&alice, NewRoom::named("general")).await.unwrap().id;
    engine.send(&alice, room, Draft::text("Hello").meta("{}")).await.unwrap();
    let host = sea_orm::Database::connect(folder.url("rw")).await.unwrap();
    let said = events::Entity::find().one(&host).await.unwrap().unwrap();
    let is_encrypted = |text: Option<String>| text.is_some_and(|text| text.starts_with('\u{1}'));
    assert!(is_encrypted(said.body) && is_encrypted(said.meta));
    assert_eq!((said.room_id, said.user_id), (room, Some(alice.id)));
    engine.shutdown().await;
}
