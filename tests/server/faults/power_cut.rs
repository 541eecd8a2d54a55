//! The power fails: what was written and not synced is lost.

use sea_orm::{ConnectionTrait, Statement};
use torture::fault::{
    power::{Cut, Lost},
    shim::{Count, Shim},
};

use crate::common::{Database, Load, Server};

const ROUNDS: usize = 6;

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_all_that_was_unsynced_is() {
    power_cuts(|_| Cut::Clean).await;
}

/// Sectors reach the disk in any order, and some do not reach it at all.
#[tokio::test]
async fn nothing_acknowledged_is_lost_when_some_of_what_was_unsynced_is() {
    power_cuts(|round| Cut::Torn { seed: round as u64 }).await;
}

async fn power_cuts(cut: impl Fn(usize) -> Cut) {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    shim.record(true).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let mut load = Load::new(&server).await;
    server.kill().await;
    let mut lost = Lost::default();
    for round in 0..ROUNDS {
        let server = Server::start_under(&database, shim.environment()).await;
        load.check(&server).await;
        // Each round ends at another moment.
        let writers = load.start(&server, 5 + (round * 37) % 90).await;
        server.kill().await;
        load.finish(writers).await;
        let taken = shim.cut_power(cut(round)).unwrap();
        lost = Lost { undone: lost.undone + taken.undone, kept: lost.kept + taken.kept };
        assert_eq!(integrity(&database).await, "ok");
    }
    let server = Server::start_under(&database, shim.environment()).await;
    load.check(&server).await;
    assert!(shim.count(Count::Records).unwrap() > 0 && lost.undone > 0, "nothing was unsynced: {lost:?}");
}

async fn integrity(database: &Database) -> String {
    let connection = sea_orm::Database::connect(database.url()).await.unwrap();
    let sql = Statement::from_string(connection.get_database_backend(), "PRAGMA integrity_check");
    let row = connection.query_one_raw(sql).await.unwrap().unwrap();
    connection.close().await.unwrap();
    row.try_get_by_index(0).unwrap()
}
