//! The invites of a history.

use std::collections::HashMap;

use crate::history::{Outcome, Record, What};

/// An invite that was made.
#[derive(Debug)]
pub(crate) struct Invite<'a> {
    pub(crate) room: u64,
    /// The record that shows how it was made.
    pub(crate) place: usize,
    /// From when on it is of no use, in milliseconds since 1970.
    pub(crate) expires: u64,
    pub(crate) max_uses: Option<u64>,
    /// Where it was revoked.
    pub(crate) revoked: Vec<usize>,
    pub(crate) code: &'a str,
}

/// How somebody has come in by an invite.
pub(crate) struct Accepted<'i, 'a> {
    /// The invite; `None`: nobody has made one with this code.
    pub(crate) invite: Option<&'i Invite<'a>>,
    /// When it was asked for first.
    pub(crate) began: u64,
}

/// All invites, by their codes.
pub(super) fn all(records: &[Record]) -> HashMap<&str, Invite<'_>> {
    let mut invites = HashMap::new();
    for (place, record) in records.iter().enumerate() {
        if let What::Invite { room, max_uses, result: Outcome::Ok(made) } = &record.what {
            let (code, expires) = (made.code.as_str(), made.expires);
            let (room, max_uses, revoked) = (*room, *max_uses, Vec::new());
            invites.insert(code, Invite { room, place, expires, max_uses, revoked, code });
        }
    }
    for (place, record) in records.iter().enumerate() {
        if let What::Revoke { code, result: Outcome::Ok(()), .. } = &record.what
            && let Some(invite) = invites.get_mut(code.as_str())
        {
            invite.revoked.push(place);
        }
    }
    invites
}
