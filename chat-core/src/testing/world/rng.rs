//! Chance, by the seed: the same seed gives the same numbers on every machine and with every compiler.

use std::time::Duration;

/// A source of numbers: `SplitMix64`.
#[derive(Debug, Clone)]
pub(in crate::testing) struct Rng(u64);

impl Rng {
    pub(in crate::testing) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    /// The next number, all 64 bits of it.
    pub(in crate::testing) const fn next(&mut self) -> u64 {
        // Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0. (A little more often a small one; that does not matter here.)
    pub(in crate::testing) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from `low` to `high`, both included.
    pub(in crate::testing) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Yes, in so many of a hundred cases.
    pub(in crate::testing) const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// A time from `low` to `high` milliseconds, in steps of 100 µs so that ties happen.
    pub(in crate::testing) const fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low * 10, high * 10) * 100)
    }

    /// One of these.
    pub(in crate::testing) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let len = from.len() as u64;
        if len == 0 { None } else { from.get(usize::try_from(self.below(len)).unwrap_or(0)) }
    }

    /// One of these, by weight; the weights are not all 0.
    pub(in crate::testing) fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> Option<T> {
        let total: u64 = from.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total.max(1));
        for (weight, what) in from {
            if left < *weight {
                return Some(*what);
            }
            left -= weight;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_paper() {
        // Reference values of SplitMix64 for seed 1234567.
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn weights_of_zero_are_never_picked() {
        let mut rng = Rng::new(1);
        assert!((0..100).all(|_| rng.weighted(&[(0, 'a'), (3, 'b'), (0, 'c')]) == Some('b')));
    }
}
