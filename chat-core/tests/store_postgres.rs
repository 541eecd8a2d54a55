//! The store on PostgreSQL holds to the contract. `CHAT_TEST_POSTGRES_URL` names a server on which databases may be made.
#![cfg(all(feature = "test-util", feature = "postgres"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chat_core::store::{Store, StoreErrorKind, sea::SeaStore};
use sea_orm::{ConnectionTrait, Database};

use server::Server;

#[cfg(feature = "entity")]
mod entities;
mod server;

async fn make() -> Server {
    Server::new("CHAT_TEST_POSTGRES_URL", "WITH (FORCE)").await
}

chat_core::store_contract!(
    #[ignore = "needs PostgreSQL: cargo xtask test"]
    make
);

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_second_store_waits_for_the_first_and_is_refused() {
    let server = make().await;
    server::a_second_store_waits_for_the_first_and_is_refused(&server).await;
}

/// Every connection of the store is ended by somebody else: it goes on, with its lease.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn lost_connections_are_made_anew() {
    use sea_orm::{DbBackend, Statement};
    let server = make().await;
    let store = SeaStore::open(&server.url()).await.unwrap();
    store.probe(StoreErrorKind::Unavailable).await.unwrap();
    let admin = Database::connect(&server.admin).await.unwrap();
    let others = format!("FROM pg_stat_activity WHERE datname = '{}'", server.name);
    admin.execute_unprepared(&format!("SELECT pg_terminate_backend(pid) {others}")).await.unwrap();
    // The first of each kind may find out; the next goes on.
    let _ = store.probe(StoreErrorKind::Unavailable).await;
    let _ = store.rooms(&chat_core::RoomQuery::default(), &chat_core::store::Viewer::Host).await;
    store.probe(StoreErrorKind::Unavailable).await.unwrap();
    store.rooms(&chat_core::RoomQuery::default(), &chat_core::store::Viewer::Host).await.unwrap();
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                 (SELECT oid FROM pg_database WHERE datname = current_database())";
    let own = Database::connect(server.url()).await.unwrap();
    let held = async {
        loop {
            let row = own.query_one_raw(Statement::from_string(DbBackend::Postgres, locks)).await.unwrap().unwrap();
            if row.try_get_by_index::<i64>(0).unwrap() == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), held).await.expect("the lease is taken again");
}

/// A lease that is in other hands for good: the store says that it may no longer write.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_lease_in_other_hands_is_told() {
    use sea_orm::TransactionTrait;
    let server = make().await;
    let store = SeaStore::open(&server.url()).await.unwrap();
    let other = Database::connect(server.url()).await.unwrap();
    let transaction = other.begin().await.unwrap();
    let waits = "SELECT pg_advisory_lock(1667785076, hashtext('lease:' || current_schema()))";
    let taken = transaction.execute_unprepared(waits);
    let ends = async {
        let admin = Database::connect(&server.admin).await.unwrap();
        let holder = format!(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
             WHERE l.locktype = 'advisory' AND l.granted AND d.datname = '{}'",
            server.name
        );
        admin.execute_unprepared(&holder).await.unwrap();
    };
    let (taken, ()) = tokio::join!(taken, ends);
    taken.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(30), store.lease_lost()).await.expect("it is told");
}

/// While nobody can read rooms, as many wait for that as there are connections to read and to search by.
#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn there_are_as_many_connections_as_said() {
    use chat_core::{Actor, ChatEngine, RoomQuery};
    use sea_orm::{ConnectOptions, DbBackend, Statement, TransactionTrait};
    let server = make().await;
    let engine = ChatEngine::builder().database(server.url()).connections(16).build().await.unwrap();
    let one = ConnectOptions::new(server.url()).max_connections(1).to_owned();
    let (host, eye) = (Database::connect(one.clone()).await.unwrap(), Database::connect(one).await.unwrap());
    let locked = host.begin().await.unwrap();
    locked.execute_unprepared("LOCK TABLE chat_rooms IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reads = (0..100).map(|n| {
        let mut named = RoomQuery::default();
        named.name_contains = (n % 2 == 0).then(|| "a".to_owned());
        let engine = engine.clone();
        tokio::spawn(async move { engine.rooms(&Actor::System, named).await })
    });
    let reads: Vec<_> = reads.collect();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut most = 0;
    while reads.iter().any(|read| !read.is_finished()) {
        let row = eye.query_one_raw(Statement::from_string(DbBackend::Postgres, waiting)).await.unwrap().unwrap();
        most = most.max(row.try_get_by_index::<i64>(0).unwrap());
    }
    assert_eq!(most, 12, "16 without 3 that write and 1 for the lease");
    locked.rollback().await.unwrap();
    engine.shutdown().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_write_is_given_up_in_the_time_that_was_said() {
    let trigger = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$; \
         CREATE TRIGGER slow BEFORE INSERT ON chat_events FOR EACH ROW EXECUTE FUNCTION slow()";
    server::a_write_is_given_up_in_the_time_that_was_said(&make().await, trigger).await;
}

#[tokio::test]
#[cfg(feature = "entity")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn entities_read_every_row() {
    let server = make().await;
    entities::every_row_is_read(&server.url()).await;
}

#[tokio::test]
#[cfg(feature = "entity")]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn entities_are_the_tables_that_there_are() {
    let server = make().await;
    entities::columns_are_those_of_the_tables(&server.url()).await;
}
