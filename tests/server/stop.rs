//! SIGTERM under load: what was acknowledged is stored, clients without an answer get a close frame, and the server
//! ends in time.

#![expect(clippy::print_stdout, reason = "how long the stops took is worth reading")]

use std::{env, time::Duration};

use tokio::time::Instant;

use crate::common::{Database, Load, Server, on_each_database};

on_each_database!(stop_under_load, a_second_signal_stops_at_once);

/// How long a server may take to stop.
const LONGEST: Duration = Duration::from_secs(10);

/// The number of stops. `CHAT_STOPS` sets it for a longer test.
fn rounds() -> usize {
    env::var("CHAT_STOPS").map_or(5, |rounds| rounds.parse().expect("CHAT_STOPS is a number"))
}

async fn stop_under_load(database: Database) {
    let server = Server::start(&database).await;
    let mut load = Load::new(&server).await;
    assert_eq!(server.stop().await.code(), Some(0));
    let mut longest = Duration::ZERO;
    for round in 0..rounds() {
        let mut server = Server::start(&database).await;
        load.check(&server).await;
        // Each round ends at another moment, counted in answers to the first writer.
        let writers = load.start(&server, 1 + (round * 37) % 97).await;
        let asked = Instant::now();
        server.ask_to_stop().await;
        let ended = server.ended().await;
        let took = asked.elapsed();
        assert!(took <= LONGEST, "round {round}: {} s:\n{}", took.as_secs_f64(), server.output());
        longest = longest.max(took);
        assert_eq!(ended.code(), Some(0), "round {round}");
        let codes = load.finish(writers).await;
        assert!(codes.iter().all(|code| *code == Some(1001)), "round {round}: each sees why: {codes:?}");
    }
    load.check(&Server::start(&database).await).await;
    println!("{} stops under load, the longest took {} ms", rounds(), longest.as_millis());
}

async fn a_second_signal_stops_at_once(database: Database) {
    let server = Server::start(&database).await;
    let mut load = Load::new(&server).await;
    assert_eq!(server.stop().await.code(), Some(0));
    let mut at_once = 0;
    for round in 0..rounds() {
        let mut server = Server::start(&database).await;
        load.check(&server).await;
        let writers = load.start(&server, 1 + (round * 37) % 97).await;
        server.ask_to_stop().await;
        let asked = Instant::now();
        server.ask_to_stop().await;
        let ended = server.ended().await;
        assert!(asked.elapsed() <= LONGEST, "round {round}:\n{}", server.output());
        // The code is 0 if the server had stopped before the second signal came.
        assert!(matches!(ended.code(), Some(0 | 130)), "round {round}: {ended}");
        at_once += usize::from(ended.code() == Some(130));
        load.finish(writers).await;
    }
    println!("{at_once} of {} stopped by the second signal", rounds());
    load.check(&Server::start(&database).await).await;
}
