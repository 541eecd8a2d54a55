//! A short torture in every run of the tests: real clients, real faults, and a check that injected bugs are found. The
//! long one is `cargo xtask torture`.

use std::{path::PathBuf, time::Duration};

use chat_core::mutations::Bug;
use tokio::sync::Mutex;
use torture::{
    database::Kind,
    mutation_check::look_for,
    nemesis::Fault,
    run::{Options, run},
    summary::Tally,
    workload::ClientCounts,
};

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn nothing_is_lost_doubled_or_stuck() {
    const FAULTS: [Fault; 5] =
        [Fault::KillRandom, Fault::KillAtPoint, Fault::PowerCut, Fault::DiskFull, Fault::CutSockets];
    let _alone = ALONE.lock().await;
    let mut tally = Tally::default();
    let mut skipped = Vec::new();
    for seed in 1..=3 {
        let options = Options {
            program: program(),
            is_shop: false,
            seed,
            time: Duration::from_secs(15),
            quiet: Duration::from_secs(3),
            database: Kind::Sqlite,
            faults: FAULTS.to_vec(),
            network: Err("nothing here needs it".to_owned()),
            bug: None,
            counts: ClientCounts::default(),
            keeps_files: true,
            shows_progress: false,
        };
        let report = run(options).await.unwrap();
        eprintln!("{report}");
        assert!(report.is_clean(), "{report}");
        tally.add(&report);
        skipped = report.skipped;
    }
    eprintln!("{tally}");
    for fault in FAULTS {
        let is_skipped = skipped.iter().any(|(skipped, _)| *skipped == fault);
        assert!(tally.done(fault) > 0 || is_skipped, "{} never happened", fault.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn injected_bugs_are_caught() {
    let _alone = ALONE.lock().await;
    let look = |bug| async move {
        let result = look_for(bug, program(), ClientCounts::default(), false).await.unwrap();
        eprintln!("{result}");
        assert!(result.is_caught(), "{result}");
    };
    // Two at once, since each has moments in which it waits.
    tokio::join!(look(Bug::AckBeforeCommit), look(Bug::FeedLeavesOut));
    tokio::join!(look(Bug::DedupOff), look(Bug::DropDelivery));
}

/// Two at once would disturb each other.
static ALONE: Mutex<()> = Mutex::const_new(());

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_chatd").into()
}
