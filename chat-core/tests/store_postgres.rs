//! The store on PostgreSQL holds to the contract. `CHAT_TEST_POSTGRES_URL` names a server on which databases may be made.
#![cfg(all(feature = "test-util", feature = "postgres"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use chat_core::{
    StartError,
    store::{Store, sea::SeaStore},
    testing::store_contract::Opener,
};
use sea_orm::{ConnectionTrait, Database};

/// A database that goes with its test.
struct Server {
    admin: String,
    name: String,
}

impl Server {
    async fn new() -> Self {
        let admin = std::env::var("CHAT_TEST_POSTGRES_URL").expect("CHAT_TEST_POSTGRES_URL names no server");
        let server = Self { admin, name: format!("chat_test_{}", uuid::Uuid::new_v4().simple()) };
        run(&server.admin, &format!("CREATE DATABASE {}", server.name)).await;
        server
    }

    /// The URL of the test's own database on the same server.
    fn url(&self) -> String {
        let (server, query) = self.admin.split_once('?').unwrap_or((&self.admin, ""));
        let authority = server.find("://").map_or(0, |at| at + 3);
        let end = server[authority..].find('/').map_or(server.len(), |at| authority + at);
        format!("{}/{}?{query}", &server[..end], self.name).trim_end_matches('?').to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let (admin, sql) = (self.admin.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&admin, &sql));
        });
        // A database that is left over is in the way of nobody.
        let _ = dropped.join();
    }
}

async fn run(url: &str, sql: &str) {
    let connection = Database::connect(url).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

#[async_trait::async_trait]
impl Opener for Server {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SeaStore::open_shared(&self.url()).await.unwrap())
    }
}

async fn make() -> Server {
    Server::new().await
}

chat_core::store_contract!(
    #[ignore = "needs PostgreSQL"]
    make
);

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_second_store_waits_for_the_first_and_is_refused() {
    let server = Server::new().await;
    let first = SeaStore::open(&server.url()).await.unwrap();
    let refused = SeaStore::open(&server.url()).await.unwrap_err();
    assert!(matches!(&refused, StartError::InUse(reason) if reason.contains(&server.name)), "{refused}");
    first.close().await;
    let second = SeaStore::with_connection(Database::connect(server.url()).await.unwrap()).await.unwrap();
    drop(second);
    SeaStore::open(&server.url()).await.unwrap().close().await;
}

/// Every connection of the store is ended by somebody else: it goes on, with its lease.
#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn lost_connections_are_made_anew() {
    use sea_orm::{DbBackend, Statement};
    let server = Server::new().await;
    let store = SeaStore::open(&server.url()).await.unwrap();
    store.probe().await.unwrap();
    let admin = Database::connect(&server.admin).await.unwrap();
    let others = format!("FROM pg_stat_activity WHERE datname = '{}'", server.name);
    admin.execute_unprepared(&format!("SELECT pg_terminate_backend(pid) {others}")).await.unwrap();
    // The first may find out; the next goes on.
    let _ = store.probe().await;
    store.probe().await.unwrap();
    store.rooms(&chat_core::RoomQuery::default()).await.unwrap();
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
#[ignore = "needs PostgreSQL"]
async fn a_lease_in_other_hands_is_told() {
    use sea_orm::TransactionTrait;
    let server = Server::new().await;
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
    tokio::time::timeout(std::time::Duration::from_secs(30), store.evicted()).await.expect("it is told");
}
