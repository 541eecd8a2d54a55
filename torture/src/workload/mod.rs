//! Who uses the server while it is tortured. Each role is an independent client, with chances of its own by the seed.

pub mod deleter;
pub mod reader;
pub mod renamer;
pub mod retrier;
pub mod subscriber;
pub mod writer;

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
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    client::{door::Door, rest::Rest},
    recorder::{Name, Recorder},
    rng::Rng,
    workload::retrier::Again,
};

/// What the clients are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Work.
    Work,
    /// Begin nothing new; finish what is open.
    Settle,
    /// Close, and end.
    Leave,
}

/// How the nemesis, and the run, reach the clients.
#[derive(Debug)]
pub struct Knobs {
    /// What they are to do.
    pub act: watch::Sender<Act>,
    /// Each time it changes all sockets are cut.
    pub cut: watch::Sender<u64>,
    /// Some clients stop reading while it is true.
    pub mute: watch::Sender<bool>,
    /// Messages are long while it is true.
    pub bulk: AtomicBool,
    /// How much is under way: sends that are not stored yet, and clients that may still change something.
    pub under_way: watch::Sender<usize>,
}

impl Knobs {
    /// Everybody works.
    #[must_use]
    pub fn new() -> Self {
        Self {
            act: watch::Sender::new(Act::Work),
            cut: watch::Sender::new(0),
            mute: watch::Sender::new(false),
            bulk: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
        }
    }
}

impl Default for Knobs {
    fn default() -> Self {
        Self::new()
    }
}

/// What all clients of a run share.
#[derive(Debug, Clone)]
pub struct World {
    /// The server.
    pub address: SocketAddr,
    /// Where everything is written down.
    pub recorder: Arc<Recorder>,
    /// The rooms that last, the busiest first.
    pub rooms: Arc<[u64]>,
    /// How they are reached.
    pub knobs: Arc<Knobs>,
    /// The seed.
    pub seed: u64,
}

impl World {
    /// A client's chances.
    #[must_use]
    pub fn rng(&self, name: &Name) -> Rng {
        Rng::of(self.seed, &name.process)
    }

    /// How a client opens sockets.
    #[must_use]
    pub fn door(&self, name: &Name) -> Door {
        let (recorder, name) = (self.recorder.clone(), name.clone());
        Door { address: self.address, recorder, name, buffer: None, network: None }
    }

    /// A client of the REST API.
    #[must_use]
    pub fn rest(&self, name: &Name) -> Rest {
        Rest::new(self.address, self.recorder.clone(), name.clone())
    }

    /// What is to be done now.
    #[must_use]
    pub fn act(&self) -> Act {
        *self.knobs.act.borrow()
    }

    /// Waits so long, or until there is something else to do.
    pub async fn pause(&self, time: Duration) {
        let mut act = self.knobs.act.subscribe();
        let before = *act.borrow_and_update();
        if before < Act::Leave {
            drop(tokio::time::timeout(time, act.changed()).await);
        }
    }

    /// Waits until at least this is to be done.
    pub async fn wait_for(&self, act: Act) {
        // The sender is in our own hands: it does not end before.
        drop(self.knobs.act.subscribe().wait_for(|now| *now >= act).await);
    }

    /// Waits until lazy clients are to stop reading, or may go on.
    pub async fn wait_for_mute(&self, mute: bool) {
        drop(self.knobs.mute.subscribe().wait_for(|now| *now == mute).await);
    }

    /// Something is under way until what is returned is dropped.
    #[must_use]
    pub fn under_way(&self) -> UnderWay {
        self.knobs.under_way.send_modify(|count| *count += 1);
        UnderWay(self.knobs.clone())
    }

    /// A text that nobody else sends.
    #[must_use]
    pub fn body(&self, key: &str, rng: &mut Rng) -> String {
        let long = if self.knobs.bulk.load(Ordering::Relaxed) { 3_000 } else { 40 };
        format!("{key} {}", "~".repeat(usize::try_from(rng.below(long)).unwrap_or(0)))
    }
}

/// Something that is under way, until it is dropped.
#[derive(Debug)]
pub struct UnderWay(Arc<Knobs>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

/// How many there are of each role.
#[derive(Debug, Clone, Copy)]
pub struct Crew {
    /// Those who write.
    pub writers: usize,
    /// Those who hear.
    pub subscribers: usize,
    /// Those who read pages.
    pub readers: usize,
    /// Rooms that last.
    pub rooms: usize,
}

impl Default for Crew {
    fn default() -> Self {
        Self { writers: 20, subscribers: 40, readers: 3, rooms: 8 }
    }
}

/// Where a client stands when it leaves.
#[derive(Debug)]
pub struct Left {
    /// Who it is.
    pub name: Name,
    /// The rooms it was in, and how far it has heard each; `None`: it has never been told.
    pub positions: BTreeMap<u64, Option<Position>>,
    /// What keeps it from being content, if anything.
    pub complaint: Option<String>,
}

/// Lets everybody begin.
#[must_use]
pub fn begin(world: &World, crew: Crew) -> JoinSet<Left> {
    let mut tasks = JoinSet::new();
    let (again, retries) = mpsc::unbounded_channel::<Again>();
    for number in 0..crew.writers {
        tasks.spawn(writer::run(world.clone(), number, again.clone()));
    }
    for number in 0..crew.subscribers {
        tasks.spawn(subscriber::run(world.clone(), number));
    }
    for number in 0..crew.readers {
        tasks.spawn(reader::run(world.clone(), number));
    }
    tasks.spawn(retrier::run(world.clone(), retries));
    tasks.spawn(renamer::run(world.clone()));
    tasks.spawn(deleter::run(world.clone()));
    tasks
}
