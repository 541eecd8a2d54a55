//! A short torture of a host that sends with transactions of its own, in every run of the tests: on each database, and with bugs that
//! have to be found. The long one is `cargo xtask torture --shop`.

use std::{path::PathBuf, time::Duration};

use chat_core::mutations::Bug;
use torture::{
    database::Kind,
    mutation_check::look_for,
    nemesis::Fault,
    run::{Options, run},
    workload::ClientCounts,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: cargo xtask test"]
async fn what_a_host_commits_is_sent_once_whatever_is_killed() {
    let on = |database| async move {
        let options = Options {
            program: program(),
            is_shop: true,
            seed: 1,
            time: Duration::from_secs(6),
            quiet: Duration::from_secs(2),
            database,
            faults: vec![Fault::KillRandom, Fault::KillAtPoint],
            network: Err("nothing here needs it".to_owned()),
            bug: None,
            counts: FEW,
            keeps_files: true,
            shows_progress: false,
        };
        let report = run(options).await.unwrap();
        eprintln!("{database}: {report}");
        assert!(report.is_clean(), "{database}: {report}");
        assert!(report.kills > 0 && report.findings.summary.commits.ok > 20, "{database}: {report}");
    };
    tokio::join!(on(Kind::Sqlite), on(Kind::Postgres), on(Kind::Mariadb));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: cargo xtask test"]
async fn bugs_of_the_outbox_are_caught() {
    let look = |bug| async move {
        let result = look_for(bug, program(), FEW, false).await.unwrap();
        eprintln!("{result}");
        assert!(result.is_caught(), "{result}");
    };
    tokio::join!(look(Bug::OutboxForgets), look(Bug::OutboxOutOfOrder), look(Bug::OutboxBeforeCommit));
}

/// What the host does is of interest here, and three are at work at once.
const FEW: ClientCounts = ClientCounts {
    writers: 3,
    subscribers: 4,
    readers: 1,
    followers: 1,
    editors: 1,
    rooms: 3,
    owned_rooms: 0,
    keepers: 0,
    people: 0,
};

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_shop").into()
}
