//! The frames that the server sends, over sockets and event streams alike.

mod answer;
mod attached;
mod change;
mod delivery;
mod member;
mod notice;

pub(crate) use self::{
    answer::{authenticated, changed, done, error, expiring, marked, pong, sent},
    attached::{AttachedFrames, attached},
    delivery::delivered,
    notice::{detached, hello, notice, watching},
};
