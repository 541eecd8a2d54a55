//! Thousands of seeded scenarios against the engine's promises, and planted bugs that they must find.
//!
//! `CHAT_SIM_SEEDS=20000` plays that many; `CHAT_SIM_SEED=7` plays one and shows its trace.
#![cfg(feature = "test-util")]

use std::{
    env, fmt,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chat_core::{
    store::MemoryBugs,
    testing::{Plant, Promise, Run, Tally, World},
    torture::Bug,
};

/// How many scenarios are played unless asked otherwise.
const SEEDS: u64 = 2_000;
/// Within how many of them each planted bug is to be found.
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
}

/// The bugs of a state, and as what each may be found.
const BUGS: &[(Bug, &[Promise])] = &[
    (Bug::PublishBeforeCommit, &[Promise::Durable]),
    (Bug::AttachOffByOne, &[Promise::HonestResume]),
    (Bug::AttachRepeatsOne, &[Promise::HonestResume]),
    (Bug::LiveBeforeGap, &[Promise::GaplessOnce]),
    (Bug::ResumeOkOnHole, &[Promise::HonestResume]),
    (Bug::ResyncSwallowed, &[Promise::HonestResume]),
    (Bug::UnknownTreatedAsFailed, &[Promise::NoPhantoms]),
    (Bug::HoleNotLoaded, &[Promise::GaplessOnce]),
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
];

/// The bugs that are none of a state's: the simulator has nothing of where they are.
const BUGS_ELSEWHERE: &[Bug] = &[
    Bug::AckBeforeCommit,
    Bug::FailedAppendAcked,
    Bug::LostOnShutdown,
    Bug::DedupOff,
    Bug::DedupForgottenAtRestart,
    Bug::KeyMismatchAccepted,
    Bug::ReuseSeq,
    Bug::RenameNotServed,
    Bug::SynchronousNormal,
    Bug::StaleHistory,
    Bug::HistoryHole,
];

#[test]
fn each_planted_bug_is_found() {
    for (bug, promises) in BUGS {
        is_found(bug.name(), Plant::State(*bug), promises);
    }
    is_found("head raised for a replay", log_bug(|bugs| bugs.replay_raises_head = true), &[Promise::GaplessOnce]);
    is_found("key forgotten after a restart", log_bug(|bugs| bugs.restart_forgets_keys = true), &[Promise::SentOnce]);
    is_found("key forgotten within a batch", log_bug(|bugs| bugs.batch_forgets_keys = true), &[Promise::SentOnce]);
}

#[test]
fn no_bug_is_forgotten() {
    let planted = BUGS.iter().map(|(bug, _)| *bug).chain(BUGS_ELSEWHERE.iter().copied());
    assert_eq!(planted.collect::<Vec<_>>(), Bug::ALL);
}

fn is_found(name: &str, plant: Plant, promises: &[Promise]) {
    let found = (0..ENOUGH).find_map(|seed| World::run(seed, Some(plant), false).broken.map(|broken| (seed, broken)));
    let (seed, broken) = found.unwrap_or_else(|| panic!("{name}: not found in {ENOUGH} scenarios"));
    eprintln!("the planted bug {name:<31} was found with seed {seed:<4} as {:?}", broken.promise);
    assert!(promises.contains(&broken.promise), "{name} is found as {broken}");
    assert_eq!(World::run(seed, None, false).broken, None, "without the bug, seed {seed} passes");
}

fn log_bug(switch: impl FnOnce(&mut MemoryBugs)) -> Plant {
    let mut bugs = MemoryBugs::default();
    switch(&mut bugs);
    Plant::Log(bugs)
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
        write!(f, "faults    {:>9}   crashes       {:>9}", t.faults, t.crashes)
    }
}
