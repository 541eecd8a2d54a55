//! Thousands of seeded scenarios against the engine's promises, and injected bugs that they must find.
//!
//! `CHAT_SIM_SEEDS=20000` plays that many; `CHAT_SIM_SEED=7` plays one and shows its trace.
#![cfg(feature = "test-util")]

use std::{
    collections::BTreeSet,
    env, fmt,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chat_core::{
    mutations::Bug,
    testing::{Promise, Run, Tally, World},
};

/// How many scenarios are played unless asked otherwise.
const SEEDS: u64 = 2_000;
/// Within how many of them each injected bug is to be found.
const ENOUGH: u64 = 200;

/// What went wrong with a seed: a broken promise, or two runs that differ.
struct Failed {
    seed: u64,
    why: String,
}

#[test]
fn the_promises_hold_in_every_scenario() {
    if let Some(seed) = number("CHAT_SIM_SEED") {
        return replay(seed);
    }
    let seeds = number("CHAT_SIM_SEEDS").unwrap_or(SEEDS);
    let (tally, failed) = play_all(seeds);
    eprintln!("{}", Table { seeds, tally });
    if let Some(first) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|failed| failed.seed).collect();
        panic!(
            "seed {}: {}\nfailed seeds: {seeds:?}\nCHAT_SIM_SEED={} shows it whole",
            first.seed, first.why, first.seed
        );
    }
    assert!(tally.resyncs > 0 && tally.crashes > 0 && tally.lagged > 0 && tally.foreign > 0, "{tally:?}");
    assert!(tally.members > 0 && tally.put_out > 0, "{tally:?}");
}

/// The bugs that a simulated world can have, and as what each may be found.
const BUGS: &[(Bug, &[Promise])] = &[
    (Bug::PublishBeforeCommit, &[Promise::Durable]),
    (Bug::AttachOffByOne, &[Promise::HonestResume]),
    (Bug::AttachRepeatsOne, &[Promise::HonestResume]),
    (Bug::LiveBeforeGap, &[Promise::GaplessOnce]),
    (Bug::ResumeOkOnHole, &[Promise::HonestResume]),
    (Bug::ResyncSwallowed, &[Promise::HonestResume]),
    (Bug::UnknownTreatedAsFailed, &[Promise::NoPhantoms]),
    (Bug::HoleNotLoaded, &[Promise::GaplessOnce, Promise::FoundAgain, Promise::Typing]),
    (Bug::DropDelivery, &[Promise::GaplessOnce, Promise::FoundAgain]),
    (Bug::DoubleDelivery, &[Promise::GaplessOnce]),
    (Bug::SwapDeliveries, &[Promise::GaplessOnce]),
    (Bug::StuckSubscription, &[Promise::FoundAgain, Promise::GaplessOnce, Promise::Presence, Promise::Typing]),
    (Bug::BodyChanged, &[Promise::OneOrder]),
    (Bug::SenderMixedUp, &[Promise::OneOrder]),
    (Bug::WrongSeqInOk, &[Promise::Durable, Promise::ReadYourWrites]),
    (Bug::StoredYetRefused, &[Promise::NoPhantoms]),
    (Bug::PipelinedSendsOutOfOrder, &[Promise::OrderOfEffects]),
    (Bug::DeliverAfterDetach, &[Promise::SilentAfterDetach]),
    (Bug::SentAfterTheEnd, &[Promise::ReadYourWrites]),
    (Bug::TypingNeverExpires, &[Promise::Typing]),
    (Bug::TypingStopLost, &[Promise::Typing]),
    (Bug::LeaveWithoutTheLastSession, &[Promise::Presence]),
    (Bug::PresenceNotCleared, &[Promise::Presence]),
    (Bug::ArrivalMissed, &[Promise::Presence]),
    (Bug::FailedAppendAcked, &[Promise::Durable, Promise::ReadYourWrites, Promise::ReadMarks, Promise::ActsByRight]),
    (Bug::DedupOff, &[Promise::SentOnce]),
    (Bug::DedupForgottenAtRestart, &[Promise::SentOnce]),
    (Bug::DedupOffInBatch, &[Promise::SentOnce]),
    (Bug::NumberSkippedByReplay, &[Promise::Durable, Promise::ReadYourWrites]),
    (Bug::KeyMismatchAccepted, &[Promise::SentOnce]),
    (Bug::ReuseSeq, &[Promise::OneOrder, Promise::ReadYourWrites, Promise::GaplessOnce]),
    (Bug::RenameNotServed, &[Promise::Fold]),
];

/// The bugs that only a server can have: the simulator has nothing of where they are.
const BUGS_ELSEWHERE: &[Bug] = &[
    Bug::AckBeforeCommit,
    Bug::LostOnShutdown,
    Bug::SynchronousNormal,
    Bug::StaleHistory,
    Bug::HistoryHole,
    Bug::BanEvadedByResume,
    Bug::BanLostWithRestart,
    Bug::RightsOfBeforeTheQueue,
    Bug::InviteUsedOnceTooOften,
    Bug::RevokedInviteAccepted,
    Bug::ExpiredInviteAccepted,
    Bug::BanEvadedByInvite,
    Bug::RemovedStillHear,
    Bug::OutboxForgets,
    Bug::OutboxOutOfOrder,
    Bug::OutboxBeforeCommit,
    Bug::FeedLeavesOut,
    Bug::FeedBehind,
];

#[test]
fn each_injected_bug_is_found() {
    let missed: Vec<String> = BUGS.iter().filter_map(|(bug, promises)| look_for(*bug, promises).err()).collect();
    assert!(missed.is_empty(), "\n{}", missed.join("\n"));
}

#[test]
fn no_bug_is_forgotten() {
    let here = BUGS.iter().map(|(bug, _)| *bug).chain(BUGS_ELSEWHERE.iter().copied());
    let names = |bugs: &mut dyn Iterator<Item = Bug>| bugs.map(Bug::name).collect::<BTreeSet<_>>();
    assert_eq!(names(&mut here.into_iter()), names(&mut Bug::ALL.iter().copied()));
    assert_eq!(BUGS.len() + BUGS_ELSEWHERE.len(), Bug::ALL.len());
}

/// Plays scenarios until the bug is found; `Err` says that it was not, or not as it should be.
fn look_for(bug: Bug, promises: &[Promise]) -> Result<(), String> {
    let found = (0..ENOUGH).find_map(|seed| World::run(seed, Some(bug), false).broken.map(|broken| (seed, broken)));
    let (seed, broken) = found.ok_or_else(|| format!("{bug}: not found in {ENOUGH} scenarios"))?;
    eprintln!("the injected bug {:<31} was found with seed {seed:<4} as {:?}", bug.name(), broken.promise);
    if !promises.contains(&broken.promise) {
        return Err(format!("{bug} is found as {broken}"));
    }
    match World::run(seed, None, false).broken {
        None => Ok(()),
        Some(broken) => Err(format!("without {bug}, seed {seed} does not pass either: {broken}")),
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

fn replay(seed: u64) {
    let run = World::run(seed, None, true);
    eprintln!("{}\n{}", run.trace.join("\n"), Table { seeds: 1, tally: run.tally });
    assert_eq!(run.broken, None, "seed {seed}");
}

/// Plays each seed twice, on all cores.
fn play_all(seeds: u64) -> (Tally, Vec<Failed>) {
    let next = AtomicU64::new(0);
    let worker = || {
        let (mut tally, mut failed) = (Tally::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return (tally, failed);
            }
            let run = World::run(seed, None, false);
            tally.add(&run.tally);
            failed.extend(judge(seed, &run).map(|why| Failed { seed, why }));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for (part, more) in parts {
        tally.add(&part);
        failed.extend(more);
    }
    failed.sort_by_key(|failed| failed.seed);
    (tally, failed)
}

/// What is wrong with a run, if anything; plays it again to see that it goes the same way.
fn judge(seed: u64, run: &Run) -> Option<String> {
    if World::run(seed, None, false).hash != run.hash {
        let (one, other) = (World::run(seed, None, true).trace, World::run(seed, None, true).trace);
        let differ = one.iter().zip(&other).find(|(one, other)| one != other);
        return Some(format!("two runs differ, first here: {differ:#?}"));
    }
    let broken = run.broken.as_ref()?;
    let trace = World::run(seed, None, true).trace;
    let last = trace.len().saturating_sub(40);
    Some(format!("{broken}\n{}", trace[last..].join("\n")))
}

struct Table {
    seeds: u64,
    tally: Tally,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, tally: t } = self;
        writeln!(f, "scenarios {seeds:>9}   virtual hours {:>9}   steps    {:>9}", t.millis / 3_600_000, t.steps)?;
        writeln!(f, "commands  {:>9}   answers       {:>9}   unknown  {:>9}", t.commands, t.answers, t.unknown)?;
        writeln!(f, "attaches  {:>9}   resyncs       {:>9}   lagged   {:>9}", t.attaches, t.resyncs, t.lagged)?;
        writeln!(f, "events    {:>9}   foreign       {:>9}   read     {:>9}", t.events, t.foreign, t.updates)?;
        writeln!(f, "members   {:>9}   put out       {:>9}", t.members, t.put_out)?;
        write!(f, "faults    {:>9}   crashes       {:>9}", t.faults, t.crashes)
    }
}
