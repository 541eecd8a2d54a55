//! Random delays, so that many clients do not do the same thing at the same time.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    ops::RangeInclusive,
};

/// A random number of the range. Clients that were all told to wait come back at different times.
pub(crate) fn within(range: &RangeInclusive<u64>) -> u64 {
    // The standard library gives each hasher a random key.
    let chance = RandomState::new().build_hasher().finish();
    range.start() + chance % (range.end() - range.start()).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_and_spread() {
        let range = 1_000..=1_004;
        let numbers: std::collections::BTreeSet<_> = (0..1_000).map(|_| within(&range)).collect();
        assert_eq!(numbers, range.collect());
        assert_eq!(within(&(7..=7)), 7);
    }
}
