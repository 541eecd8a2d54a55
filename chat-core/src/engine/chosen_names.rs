//! The names that users have chosen, of those who were asked for lately.

use std::{collections::HashMap, sync::Mutex};

use crate::{UserId, engine::lock::lock, users::ChosenName};

/// A part of what is stored, so that a name is looked up once and not with each request.
#[derive(Debug, Default)]
pub(super) struct ChosenNames(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashMap<UserId, Option<ChosenName>>,
    /// Counts the changes, so that what was read before one is not taken in after it.
    changes: u64,
}

/// When something was looked for that was not known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unknown(u64);

/// So many users are known at once. When they are more, all are forgotten: each costs a look-up again.
const MOST: usize = 10_000;

impl ChosenNames {
    /// What a user has chosen, or that it has to be read.
    pub(super) fn get(&self, user: &UserId) -> Result<Option<ChosenName>, Unknown> {
        let known = lock(&self.0);
        known.names.get(user).cloned().ok_or(Unknown(known.changes))
    }

    /// Takes in what was read.
    pub(super) fn add(&self, since: Unknown, user: &UserId, chosen: Option<ChosenName>) {
        let mut known = lock(&self.0);
        if known.changes != since.0 {
            return;
        }
        if known.names.len() >= MOST {
            known.names.clear();
        }
        known.names.insert(user.clone(), chosen);
    }

    /// What a user has chosen is being stored, until this is dropped.
    pub(super) const fn changing<'a>(&'a self, user: &'a UserId) -> Changing<'a> {
        Changing { names: self, user }
    }
}

/// Somebody's name is being stored. Then, nobody knows it: it was stored or not.
pub(super) struct Changing<'a> {
    names: &'a ChosenNames,
    user: &'a UserId,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let mut known = lock(&self.names.0);
        known.changes += 1;
        known.names.remove(self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserName;

    #[test]
    fn what_was_read_before_a_change_is_not_taken_in() {
        let (names, user) = (ChosenNames::default(), UserId::new("u").unwrap());
        let name = |name: &str| UserName::new(name).unwrap();
        let chosen = ChosenName { name: name("new"), instead_of: name("old") };
        let since = names.get(&user).unwrap_err();
        drop(names.changing(&user));
        names.add(since, &user, None);
        let since = names.get(&user).unwrap_err();
        names.add(since, &user, Some(chosen.clone()));
        assert_eq!(names.get(&user).unwrap(), Some(chosen));
    }

    #[test]
    fn not_everybody_is_known_at_once() {
        let names = ChosenNames::default();
        for number in 0..=MOST {
            let user = UserId::new(&number.to_string()).unwrap();
            let since = names.get(&user).unwrap_err();
            names.add(since, &user, None);
        }
        assert!(lock(&names.0).names.len() <= MOST);
    }
}
