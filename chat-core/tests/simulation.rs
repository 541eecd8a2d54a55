//! Thousands of seeded scenarios against the engine's promises, and planted bugs that they must find.
#![cfg(feature = "test-util")]

use chat_core::testing::World;

#[test]
fn first() {
    let Some(seed) = std::env::var("CHAT_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) else { return };
    let run = World::run(seed, None, true);
    eprintln!("{}\n{:?}", run.trace.join("\n"), run.tally);
    assert_eq!(run.broken, None);
}

#[test]
fn all() {
    let n = std::env::var("CHAT_SIM_SEEDS").ok().and_then(|seed| seed.parse().ok()).unwrap_or(100);
    let mut broken = 0;
    let mut tally = chat_core::testing::Tally::default();
    for seed in 0..n {
        let run = World::run(seed, None, false);
        tally.add(&run.tally);
        if let Some(b) = run.broken {
            broken += 1;
            if broken < 25 { eprintln!("{seed}: {b}"); }
        }
    }
    eprintln!("{broken} of {n} broken\n{tally:?}");
    assert_eq!(broken, 0);
}
