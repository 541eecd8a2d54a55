//! The schedule of the faults, by the seed.

use std::time::Duration;

use super::Fault;
use crate::rng::Rng;

/// One step of a schedule.
#[derive(Debug, Clone)]
pub struct Step {
    /// How long nothing is broken before it.
    pub calm: Duration,
    /// The faults that then happen at once, each with a seed of its own.
    pub faults: Vec<(Fault, u64)>,
}

/// The schedule of a seed. It has more steps than a run has time for.
#[must_use]
pub fn schedule(seed: u64, faults: &[Fault]) -> Vec<Step> {
    let mut rng = Rng::of(seed, "nemesis");
    // Each fault happens once before any is repeated.
    let mut turn: Vec<Fault> = Vec::new();
    let mut draw = |rng: &mut Rng| {
        if turn.is_empty() {
            turn = faults.to_vec();
        }
        let index = usize::try_from(rng.below(turn.len() as u64)).unwrap_or(0);
        turn.swap_remove(index)
    };
    let mut steps = Vec::new();
    while steps.len() < MOST && !faults.is_empty() {
        let calm = rng.millis(500, 2_500);
        let first = draw(&mut rng);
        let mut at_once = vec![first];
        let others: Vec<Fault> = faults.iter().copied().filter(|other| first.goes_with(*other)).collect();
        if rng.percent(30) {
            at_once.extend(rng.pick(&others));
        }
        steps.push(Step { calm, faults: at_once.into_iter().map(|fault| (fault, rng.next())).collect() });
    }
    steps
}

const MOST: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_schedule() {
        let shown = |seed| format!("{:?}", schedule(seed, &Fault::ALL));
        assert_eq!(shown(1), shown(1));
        assert_ne!(shown(1), shown(2));
    }

    #[test]
    fn each_fault_gets_its_turn() {
        let steps = schedule(7, &Fault::ALL);
        let first: Vec<Fault> = steps[..Fault::ALL.len()].iter().map(|step| step.faults[0].0).collect();
        assert!(Fault::ALL.iter().all(|fault| first.contains(fault)), "{first:?}");
    }

    #[test]
    fn what_cannot_go_together_does_not() {
        for step in schedule(7, &Fault::ALL) {
            if let [(one, _), (other, _)] = step.faults[..] {
                assert!(one.goes_with(other), "{one:?} and {other:?}");
            }
        }
    }
}
