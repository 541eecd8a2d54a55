//! `kill -9` under load: what was acknowledged is stored exactly once, whatever the moment.

use crate::common::{Database, Load, Server, on_each_database};

on_each_database!(kill_under_load);

const ROUNDS: usize = 20;

async fn kill_under_load(database: Database) {
    let server = Server::start(&database).await;
    let mut load = Load::new(&server).await;
    server.kill().await;
    for round in 0..ROUNDS {
        let server = Server::start(&database).await;
        load.check(&server).await;
        // Each round ends at another moment, counted in answers to the first writer.
        let writers = load.start(&server, 5 + (round * 37) % 90).await;
        server.kill().await;
        load.finish(writers).await;
    }
    load.check(&Server::start(&database).await).await;
}
