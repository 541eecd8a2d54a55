//! Random numbers by a seed: the same seed gives the same numbers on every machine.

use std::time::Duration;

/// A generator of random numbers: `SplitMix64`.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A generator for the part of a run that this word names. What one part draws does not change the numbers of
    /// another.
    #[must_use]
    pub fn of(seed: u64, part: &str) -> Self {
        let hash = part
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut mixed = Self::new(seed ^ hash);
        Self(mixed.next())
    }

    /// The next number, all 64 bits of it.
    pub const fn next(&mut self) -> u64 {
        // Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0. (Small numbers are very slightly more frequent, which does not matter
    /// here.)
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `chance` of 100 cases.
    pub const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// A time from `low` to `high` milliseconds.
    pub const fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// One of these, at random.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let len = from.len() as u64;
        if len == 0 { None } else { from.get(usize::try_from(self.below(len)).unwrap_or(0)) }
    }

    /// An index below `len`: the first is twice as frequent as the second, and three times as frequent as the third
    /// (Zipf's law).
    pub fn zipf(&mut self, len: usize) -> usize {
        let weight = |index: usize| 1_000_000 / (index as u64 + 1);
        let mut left = self.below((0..len).map(weight).sum::<u64>().max(1));
        for index in 0..len {
            if left < weight(index) {
                return index;
            }
            left -= weight(index);
        }
        0
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
    fn parts_of_a_run_have_numbers_of_their_own() {
        let first = |seed, part| Rng::of(seed, part).next();
        assert_eq!(first(1, "writer-1"), first(1, "writer-1"));
        assert_ne!(first(1, "writer-1"), first(1, "writer-2"));
        assert_ne!(first(1, "writer-1"), first(2, "writer-1"));
    }

    #[test]
    fn the_first_is_picked_most_often() {
        let mut rng = Rng::new(1);
        let mut counts = [0; 4];
        for _ in 0..4_000 {
            counts[rng.zipf(4)] += 1;
        }
        assert!(counts.is_sorted_by(|a, b| a > b), "{counts:?}");
    }
}
