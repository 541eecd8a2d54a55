//! The frames that the server sends, over sockets and event streams alike.

mod answer;
mod attached;
mod delivery;
mod notice;

pub(crate) use self::{
    answer::{done, error, pong, sent},
    attached::{AttachedFrames, attached},
    delivery::delivered,
    notice::{detached, hello, notice, watching},
};
