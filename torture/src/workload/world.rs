//! What all clients of a run share: the server, the rooms, the history, and the control over the clients.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use histcheck::history::Position;
use tokio::sync::watch;

use super::board::Board;
use crate::{
    client::{endpoint::Endpoint, rest::Rest},
    recorder::{Name, Recorder},
    rng::Rng,
};

/// What the clients are to do at this stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Work.
    Work,
    /// Begin nothing new, and finish what is open.
    Settle,
    /// Close all connections, and end.
    Leave,
}

/// How the run and its faults control the clients.
#[derive(Debug)]
pub struct Controls {
    /// What they are to do.
    pub mode: watch::Sender<Mode>,
    /// All sockets are cut whenever this changes.
    pub cut: watch::Sender<u64>,
    /// Lazy clients stop reading while this is true.
    pub stop_reading: watch::Sender<bool>,
    /// Messages are long while this is true.
    pub long_messages: AtomicBool,
    /// How many things are unfinished: commands that are not done yet, and clients that may still change something.
    pub under_way: watch::Sender<usize>,
}

impl Controls {
    /// All clients work.
    #[must_use]
    pub fn new() -> Self {
        Self {
            mode: watch::Sender::new(Mode::Work),
            cut: watch::Sender::new(0),
            stop_reading: watch::Sender::new(false),
            long_messages: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
        }
    }
}

impl Default for Controls {
    fn default() -> Self {
        Self::new()
    }
}

/// What all clients of a run share.
#[derive(Debug, Clone)]
pub struct World {
    /// The server.
    pub address: SocketAddr,
    /// The history of the run.
    pub recorder: Arc<Recorder>,
    /// The rooms that are never deleted, the busiest first.
    pub rooms: Arc<[u64]>,
    /// The rooms that have owners, and are never deleted either.
    pub owned: Arc<[u64]>,
    /// The number of the first client that sends in these rooms.
    pub first: u64,
    /// The newest messages that clients know of.
    pub board: Arc<Board>,
    /// The control over the clients.
    pub controls: Arc<Controls>,
    /// The seed.
    pub seed: u64,
}

impl World {
    /// The same with the rooms that have owners, where the clients count from this number.
    #[must_use]
    pub fn of_owned_rooms(&self, first: u64) -> Self {
        Self { rooms: self.owned.clone(), first, ..self.clone() }
    }

    /// Whether a room has owners, so that not everybody may read it.
    #[must_use]
    pub fn has_owner(&self, room: u64) -> bool {
        self.owned.contains(&room)
    }

    /// The random numbers of a client.
    #[must_use]
    pub fn rng(&self, name: &Name) -> Rng {
        Rng::of(self.seed, &name.process)
    }

    /// How a client opens sockets.
    #[must_use]
    pub fn endpoint(&self, name: &Name) -> Endpoint {
        let (recorder, name) = (self.recorder.clone(), name.clone());
        Endpoint { address: self.address, recorder, name, buffer: None, network: None }
    }

    /// A client of the REST API.
    #[must_use]
    pub fn rest(&self, name: &Name) -> Rest {
        Rest::new(self.address, self.recorder.clone(), name.clone())
    }

    /// What is to be done now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        *self.controls.mode.borrow()
    }

    /// Waits for this long, or until there is something else to do.
    pub async fn pause(&self, time: Duration) {
        let mut mode = self.controls.mode.subscribe();
        let before = *mode.borrow_and_update();
        if before < Mode::Leave {
            drop(tokio::time::timeout(time, mode.changed()).await);
        }
    }

    /// Waits until at least this stage.
    pub async fn wait_for(&self, mode: Mode) {
        // This value owns the sender, so it is not closed.
        drop(self.controls.mode.subscribe().wait_for(|now| *now >= mode).await);
    }

    /// Waits until lazy clients are to stop reading, or to go on.
    pub async fn wait_for_stop_reading(&self, stop: bool) {
        drop(self.controls.stop_reading.subscribe().wait_for(|now| *now == stop).await);
    }

    /// Counts something as unfinished until the result is dropped.
    #[must_use]
    pub fn under_way(&self) -> UnderWay {
        self.controls.under_way.send_modify(|count| *count += 1);
        UnderWay(self.controls.clone())
    }

    /// A text that no other message has.
    #[must_use]
    pub fn body(&self, key: &str, rng: &mut Rng) -> String {
        let long = if self.controls.long_messages.load(Ordering::Relaxed) { 3_000 } else { 40 };
        format!("{key} {}", "~".repeat(usize::try_from(rng.below(long)).unwrap_or(0)))
    }
}

/// Something unfinished, until it is dropped.
#[derive(Debug)]
pub struct UnderWay(Arc<Controls>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

/// How many clients of each role there are.
#[derive(Debug, Clone, Copy)]
pub struct ClientCounts {
    /// Clients that send.
    pub writers: usize,
    /// Clients that subscribe.
    pub subscribers: usize,
    /// Clients that read pages.
    pub readers: usize,
    /// Clients that follow all rooms.
    pub followers: usize,
    /// Clients that change messages over REST, and read what they have become.
    pub editors: usize,
    /// Rooms that are never deleted, and have no owners.
    pub rooms: usize,
    /// Rooms that have owners.
    pub owned_rooms: usize,
    /// Clients that decide who is in these.
    pub keepers: usize,
    /// Clients that send in these; in proportion to them there are some that subscribe, change and read.
    pub people: usize,
}

impl Default for ClientCounts {
    fn default() -> Self {
        Self {
            writers: 20,
            subscribers: 40,
            readers: 3,
            followers: 2,
            editors: 8,
            rooms: 8,
            owned_rooms: 2,
            keepers: 3,
            people: 8,
        }
    }
}

/// The state of a client at its end.
#[derive(Debug)]
pub struct FinalState {
    /// Who it is.
    pub name: Name,
    /// Its rooms, and the position it has reached in each; `None`: it was never told one.
    pub positions: BTreeMap<u64, Option<Position>>,
    /// What went wrong for the client, if anything did.
    pub complaint: Option<String>,
}
