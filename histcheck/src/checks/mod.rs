//! The checks, one family per file.

mod erasure;
mod feed;
mod fold;
mod fork;
mod heal;
mod hosts;
mod invites;
mod keys;
mod leak;
mod marks;
mod members;
mod order;
mod presence;
mod reads;
mod resume;
mod rights;
mod rules;
mod state;
mod store;
mod stream;
mod typing;
mod unread;

use crate::{findings::Findings, index::Index};

/// A check examines a history and adds what it finds.
type Check = fn(&Index<'_>, &mut Findings<'_>);

/// All checks.
pub(crate) const ALL: &[Check] = &[
    reads::check,
    fork::check,
    stream::check,
    feed::check,
    keys::check,
    order::check,
    resume::check,
    heal::check,
    presence::check,
    typing::check,
    leak::check,
    rights::check,
    members::check,
    fold::check,
    store::check,
    hosts::check,
    state::check,
    state::check_lists,
    rules::check,
    erasure::check,
    marks::check,
    unread::check,
];
