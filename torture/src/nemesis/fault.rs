//! The faults: their names, what they need, and what they do.

use std::time::Duration;

use super::{Stage, Vanishing, clients, foreign, network, process, storage, vanishing};
use crate::{
    database::{Database, Kind},
    rng::Rng,
    server::Result,
};

macro_rules! faults {
    ($(#[doc = $about:literal] $variant:ident $name:literal)*) => {
        /// A fault, which is repaired after a while.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = $about] $variant,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name on the command line and in histories.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about.trim_ascii(),)* }
            }
        }
    };
}

faults! {
    /// The process is killed at a random moment.
    KillRandom "kill_random"
    /// The process kills itself at a chosen point of its work.
    KillAtPoint "kill_at_point"
    /// The process is asked to stop in the middle of a burst, and started again.
    Sigterm "sigterm"
    /// The process is frozen for a while.
    Freeze "freeze"
    /// All sockets are cut at once.
    CutSockets "cut_sockets"
    /// Some clients stop reading, while much is written.
    StopReading "stop_reading"
    /// The network of some clients vanishes; they must be offline within 45 s. Needs root, and 100 s unless asked for by name.
    NetworkVanishes "network_vanishes"
    /// Some clients send as many commands as they can.
    Flood "flood"
    /// The wall clock jumps an hour ahead or back.
    ClockJump "clock_jump"
    /// Another process holds the database's lock for 3 s.
    DbLocked "db_locked"
    /// Another process holds the database's lock for 30 s.
    DbLockedLong "db_locked_long"
    /// The disk is full.
    DiskFull "disk_full"
    /// A sync fails, once.
    FsyncFailsOnce "fsync_fails_once"
    /// Syncs take long.
    SlowDisk "slow_disk"
    /// The power is cut: what was not synced is lost.
    PowerCut "power_cut"
    /// A commit's answer is lost, and the connection with it.
    LostCommitAnswer "lost_commit_answer"
    /// The database's server crashes and is started again.
    DatabaseRestart "database_restart"
    /// The database's server is stopped for 20 s.
    DatabaseStopped "database_stopped"
    /// Packets to the database vanish for a while.
    DatabaseStalls "database_stalls"
    /// Another process writes to the log. Only if you name it: there is no promise of what clients see until the server's next append.
    ForeignWriter "foreign_writer"
}

impl Fault {
    /// The fault with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Whether this fault exists with this database.
    #[must_use]
    pub const fn concerns(self, kind: Kind) -> bool {
        match self {
            // The run is then in a network of its own, where there is no database's server.
            Self::NetworkVanishes
            | Self::DiskFull
            | Self::FsyncFailsOnce
            | Self::SlowDisk
            | Self::PowerCut
            | Self::ForeignWriter => matches!(kind, Kind::Sqlite),
            Self::LostCommitAnswer | Self::DatabaseRestart | Self::DatabaseStopped | Self::DatabaseStalls => {
                !matches!(kind, Kind::Sqlite)
            }
            Self::KillRandom
            | Self::KillAtPoint
            | Self::Sigterm
            | Self::Freeze
            | Self::CutSockets
            | Self::StopReading
            | Self::Flood
            | Self::ClockJump
            | Self::DbLocked
            | Self::DbLockedLong => true,
        }
    }

    /// Whether the server promises that no client notices.
    #[must_use]
    pub const fn is_survived(self) -> bool {
        !matches!(self, Self::ForeignWriter)
    }

    /// How long it may take. A shorter run than twice that has this fault only if it is asked for by name.
    #[must_use]
    pub const fn takes(self) -> Duration {
        let seconds = if matches!(self, Self::NetworkVanishes) {
            50
        } else if matches!(self, Self::DbLockedLong) {
            30
        } else if matches!(self, Self::DatabaseStopped) {
            20
        } else {
            8
        };
        Duration::from_secs(seconds)
    }

    /// What the fault needs and this machine lacks.
    #[must_use]
    pub fn lacks(self, database: &Database, network: &Vanishing) -> Option<String> {
        // A small disk is filled; on any other the shim reports that it is full.
        let of_shim = matches!(self, Self::FsyncFailsOnce | Self::SlowDisk | Self::PowerCut | Self::ClockJump)
            || self == Self::DiskFull && database.disk.is_none();
        let of_control = matches!(self, Self::DatabaseRestart | Self::DatabaseStopped);
        let lacking = [
            of_shim.then(|| database.shim.as_ref().err().cloned()),
            of_control.then(|| database.control.as_ref().err().cloned()),
            (self == Self::NetworkVanishes).then(|| network.as_ref().err().cloned()),
        ];
        lacking.into_iter().flatten().flatten().next()
    }

    /// Whether both faults may happen at once. A server could not start while its storage is broken, which is not its
    /// fault; and clients that vanished are gone when the server ends.
    #[must_use]
    pub fn goes_with(self, other: Self) -> bool {
        let is_bad = |one: Self, other: Self| {
            one.is_of_storage() && other.is_of_storage()
                || (one.is_of_storage() || one == Self::NetworkVanishes) && other.ends_the_process()
        };
        self != other && !is_bad(self, other) && !is_bad(other, self)
    }

    const fn is_of_storage(self) -> bool {
        matches!(
            self,
            Self::DbLocked
                | Self::DbLockedLong
                | Self::DiskFull
                | Self::FsyncFailsOnce
                | Self::SlowDisk
                | Self::LostCommitAnswer
                | Self::DatabaseRestart
                | Self::DatabaseStopped
                | Self::DatabaseStalls
                | Self::ForeignWriter
        )
    }

    const fn ends_the_process(self) -> bool {
        matches!(self, Self::KillRandom | Self::KillAtPoint | Self::Sigterm | Self::PowerCut)
    }

    /// Injects the fault, and waits until it is over; returns what was done.
    pub(super) async fn inject(self, stage: &Stage, mut rng: Rng) -> Result<String> {
        let rng = &mut rng;
        match self {
            Self::KillRandom => process::kill_random(stage, rng).await,
            Self::KillAtPoint => process::kill_at_point(stage, rng).await,
            Self::Sigterm => process::sigterm(stage, rng).await,
            Self::Freeze => process::freeze(stage, rng).await,
            Self::CutSockets => clients::cut_sockets(stage, rng).await,
            Self::StopReading => clients::stop_reading(stage, rng).await,
            Self::NetworkVanishes => vanishing::network_vanishes(stage).await,
            Self::Flood => clients::flood(stage, rng).await,
            Self::ClockJump => storage::clock_jump(stage, rng).await,
            Self::DbLocked => storage::db_locked(stage, Duration::from_secs(3)).await,
            Self::DbLockedLong => storage::db_locked(stage, Duration::from_secs(30)).await,
            Self::DiskFull => storage::disk_full(stage, rng).await,
            Self::FsyncFailsOnce => storage::fsync_fails_once(stage, rng).await,
            Self::SlowDisk => storage::slow_disk(stage, rng).await,
            Self::PowerCut => storage::power_cut(stage, rng).await,
            Self::LostCommitAnswer => network::lost_commit_answer(stage, rng).await,
            Self::DatabaseRestart => network::database_restart(stage, rng).await,
            Self::DatabaseStopped => network::database_stopped(stage, Duration::from_secs(20)).await,
            Self::DatabaseStalls => network::database_stalls(stage, rng).await,
            Self::ForeignWriter => foreign::write(stage, rng).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        assert!(Fault::ALL.iter().all(|fault| Fault::named(fault.name()) == Some(*fault)));
    }
}
