//! The store on MariaDB or MySQL holds to the contract. `CHAT_TEST_MYSQL_URL` names a server on which databases may be made.
#![cfg(all(feature = "test-util", feature = "mysql"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chat_core::store::{Store, StoreErrorKind, sea::SeaStore};
use sea_orm::{ConnectionTrait, Database};

use server::Server;

#[cfg(feature = "entity")]
mod entities;
mod server;

async fn make() -> Server {
    Server::new("CHAT_TEST_MYSQL_URL", "").await
}

chat_core::store_contract!(
    #[ignore = "needs MariaDB or MySQL: cargo xtask test"]
    make
);

#[tokio::test]
#[ignore = "needs MariaDB or MySQL: cargo xtask test"]
async fn a_second_store_waits_for_the_first_and_is_refused() {
    let server = make().await;
    server::a_second_store_waits_for_the_first_and_is_refused(&server).await;
}

/// Every connection of the store is ended by somebody else: it goes on.
#[tokio::test]
#[ignore = "needs MariaDB or MySQL: cargo xtask test"]
async fn lost_connections_are_made_anew() {
    use sea_orm::{DbBackend, Statement};
    let server = make().await;
    let store = SeaStore::open(&server.url()).await.unwrap();
    store.probe(StoreErrorKind::Unavailable).await.unwrap();
    let admin = Database::connect(&server.admin).await.unwrap();
    let sql = format!("SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = '{}'", server.name);
    for row in admin.query_all_raw(Statement::from_string(DbBackend::MySql, sql)).await.unwrap() {
        let id: i64 = row.try_get_by_index(0).unwrap();
        admin.execute_unprepared(&format!("KILL {id}")).await.unwrap();
    }
    // The first of each kind may find out; the next goes on.
    let _ = store.probe(StoreErrorKind::Unavailable).await;
    let _ = store.rooms(&chat_core::RoomQuery::default(), &chat_core::store::Viewer::Host).await;
    store.probe(StoreErrorKind::Unavailable).await.unwrap();
    store.rooms(&chat_core::RoomQuery::default(), &chat_core::store::Viewer::Host).await.unwrap();
}

#[tokio::test]
#[ignore = "needs MariaDB or MySQL: cargo xtask test"]
async fn a_write_is_given_up_in_the_time_that_was_said() {
    let trigger = "CREATE TRIGGER slow BEFORE INSERT ON chat_events FOR EACH ROW SET @slept = SLEEP(60)";
    server::a_write_is_given_up_in_the_time_that_was_said(&make().await, trigger).await;
}

#[tokio::test]
#[cfg(feature = "entity")]
#[ignore = "needs MariaDB or MySQL: cargo xtask test"]
async fn entities_read_every_row() {
    let server = make().await;
    entities::every_row_is_read(&server.url()).await;
}

#[tokio::test]
#[cfg(feature = "entity")]
#[ignore = "needs MariaDB or MySQL: cargo xtask test"]
async fn entities_are_the_tables_that_there_are() {
    let server = make().await;
    entities::columns_are_those_of_the_tables(&server.url()).await;
}
