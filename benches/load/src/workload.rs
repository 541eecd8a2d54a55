//! What is asked of a server.

use clap::Args;

/// A load.
#[derive(Debug, Clone, Args)]
pub(crate) struct Workload {
    /// How many rooms there are.
    #[arg(long, default_value_t = 1)]
    pub(crate) rooms: usize,
    /// How many are in each room, each over a connection of its own.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) members: usize,
    /// How many in each room send. With none, all are connected and nobody sends.
    #[arg(long, default_value_t = 1)]
    pub(crate) senders: usize,
    /// How many messages are sent per second in all, whether or not the server keeps up. Without it, each sender sends the next
    /// one when one of its own has come back.
    #[arg(long)]
    pub(crate) rate: Option<u64>,
    /// Without a rate: how many messages of each sender are under way.
    #[arg(long, default_value_t = 1)]
    pub(crate) outstanding: usize,
    /// How long it is measured, in seconds.
    #[arg(long, default_value_t = 4)]
    pub(crate) seconds: u64,
    /// How long it is loaded before it is measured, in seconds.
    #[arg(long, default_value_t = 2)]
    pub(crate) warm_up: u64,
}

impl Workload {
    const DEFAULT: Self =
        Self { rooms: 1, members: 1_000, senders: 1, rate: None, outstanding: 1, seconds: 4, warm_up: 2 };

    /// One room of a thousand, with so many messages per second.
    pub(crate) const fn large_room(rate: u64) -> Self {
        Self { rate: Some(rate), ..Self::DEFAULT }
    }

    /// One room of a thousand, with so many messages of one sender under way.
    pub(crate) const fn large_room_in_answer(outstanding: usize) -> Self {
        Self { outstanding, ..Self::DEFAULT }
    }

    /// A hundred rooms of ten, in each of which two send: so many messages per second in all, or each the next one when the one
    /// before has come back.
    pub(crate) const fn small_rooms(rate: Option<u64>) -> Self {
        Self { rooms: 100, members: 10, senders: 2, rate, ..Self::DEFAULT }
    }

    /// Sixteen who send, each in a room of their own.
    pub(crate) const fn senders_alone(outstanding: usize) -> Self {
        Self { rooms: 16, members: 1, outstanding, ..Self::DEFAULT }
    }

    /// So many connections that do nothing, in a hundred rooms.
    pub(crate) const fn idle(connections: usize) -> Self {
        Self { rooms: 100, members: connections / 100, senders: 0, ..Self::DEFAULT }
    }
}
