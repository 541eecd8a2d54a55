//! Rooms of two users.

use crate::{Identity, Room, UserId};

/// The two users whose direct room it is; twice the same one for notes to oneself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    one: Identity,
    other: Identity,
}

impl Pair {
    /// These two, in whichever order.
    #[must_use]
    pub fn new(one: &Identity, other: &Identity) -> Self {
        let (one, other) = (one.to_stored(), other.to_stored());
        if one.id <= other.id { Self { one, other } } else { Self { one: other, other: one } }
    }

    /// Those who are in a direct room; `None` unless they are one or two.
    pub(crate) fn of<'a>(members: impl IntoIterator<Item = &'a Identity>) -> Option<Self> {
        let mut members = members.into_iter();
        let one = members.next()?;
        let other = members.next().unwrap_or(one);
        if members.next().is_some() { None } else { Some(Self::new(one, other)) }
    }

    /// What their room is found by. No two pairs have the same.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}{}", self.one.id.as_str().len(), self.one.id, self.other.id)
    }

    /// Each of them once.
    #[must_use]
    pub fn users(&self) -> Vec<&Identity> {
        if self.one.id == self.other.id { vec![&self.one] } else { vec![&self.one, &self.other] }
    }
}

/// A room of two users, as one of them asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectRoom {
    /// The room. Its [`peer`](Room::peer) is the other one.
    pub room: Room,
    /// Whether it was made now.
    pub created: bool,
}

/// The other one of those who are in a direct room; in notes to oneself it is oneself.
pub(crate) fn peer_of<'a>(members: impl IntoIterator<Item = &'a Identity>, user: &UserId) -> Option<&'a Identity> {
    let mut own = None;
    for member in members {
        if member.id != *user {
            return Some(member);
        }
        own = Some(member);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> Identity {
        Identity::named(id).unwrap()
    }

    #[test]
    fn two_users_have_one_key_and_no_others_have_it() {
        assert_eq!(Pair::new(&user("a"), &user("b")).key(), Pair::new(&user("b"), &user("a")).key());
        let pairs = [("a", "b"), ("a", "a"), ("ab", "c"), ("a", "bc"), ("1:a", "b"), ("1", ":ab")];
        let keys: std::collections::BTreeSet<_> =
            pairs.iter().map(|(one, other)| Pair::new(&user(one), &user(other)).key()).collect();
        assert_eq!(keys.len(), pairs.len(), "{keys:?}");
    }

    #[test]
    fn the_peer_is_the_other_one_or_oneself() {
        let (alice, bob) = (user("alice"), user("bob"));
        assert_eq!(peer_of([&alice, &bob], &bob.id), Some(&alice));
        assert_eq!(peer_of([&alice], &alice.id), Some(&alice));
        assert_eq!(peer_of([], &alice.id), None);
    }
}
