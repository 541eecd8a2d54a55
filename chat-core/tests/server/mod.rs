//! Databases of their own for the tests of the stores on servers.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Actor, ChatEngine, Draft, Error, Identity, NewRoom, StartError,
    store::{Store, sea::SeaStore},
    testing::store_contract::Opener,
};
use sea_orm::{ConnectionTrait, Database};
use tokio::time::Instant;

/// A database that goes with its test.
pub(crate) struct Server {
    pub(crate) admin: String,
    pub(crate) name: String,
    drop: String,
}

impl Server {
    /// A new one on the server that this variable names; `force` is what dropping it takes besides.
    pub(crate) async fn new(variable: &str, force: &str) -> Self {
        let admin = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names no server"));
        let name = format!("chat_test_{}", uuid::Uuid::new_v4().simple());
        let drop = format!("DROP DATABASE {name} {force}");
        let server = Self { admin, name, drop };
        run(&server.admin, &format!("CREATE DATABASE {}", server.name)).await;
        server
    }

    /// The URL of the test's own database on the same server.
    pub(crate) fn url(&self) -> String {
        let (server, query) = self.admin.split_once('?').unwrap_or((&self.admin, ""));
        let authority = server.find("://").map_or(0, |at| at + 3);
        let end = server[authority..].find('/').map_or(server.len(), |at| authority + at);
        format!("{}/{}?{query}", &server[..end], self.name).trim_end_matches('?').to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let (admin, sql) = (self.admin.clone(), self.drop.clone());
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

/// A second engine waits for the first, is refused, and may start once the first is gone.
pub(crate) async fn a_second_store_waits_for_the_first_and_is_refused(server: &Server) {
    let first = SeaStore::open(&server.url()).await.unwrap();
    let refused = SeaStore::open(&server.url()).await.unwrap_err();
    assert!(matches!(&refused, StartError::InUse(reason) if reason.contains(&server.name)), "{refused}");
    first.close().await;
    let second = SeaStore::with_connection(Database::connect(server.url()).await.unwrap()).await.unwrap();
    drop(second);
    SeaStore::open(&server.url()).await.unwrap().close().await;
}

/// While a trigger makes every event wait for a minute, a message is refused in about the second that was said, and not in five.
pub(crate) async fn a_write_is_given_up_in_the_time_that_was_said(server: &Server, trigger: &str) {
    let second = Duration::from_secs(1);
    let engine = ChatEngine::builder().database(server.url()).write_time_out(second).build().await.unwrap();
    let room = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap();
    run(&server.url(), trigger).await;
    let began = Instant::now();
    let refused = engine.send(&Identity::named("alice").unwrap(), room.id, Draft::text("hi")).await;
    assert_eq!(refused.map(|sent| sent.seq), Err(Error::Unavailable));
    assert!((second..4 * second).contains(&began.elapsed()), "{:?}", began.elapsed());
    engine.shutdown().await;
}

#[async_trait::async_trait]
impl Opener for Server {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SeaStore::open_shared(&self.url()).await.unwrap())
    }
}
