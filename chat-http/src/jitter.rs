//! Chance, where many must not do the same thing at the same time.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    ops::RangeInclusive,
};

/// A number of the range. Those who were sent away together and wait so long do not come back together.
pub(crate) fn within(range: &RangeInclusive<u64>) -> u64 {
    // The standard library's hashers begin anew with a random key each.
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
